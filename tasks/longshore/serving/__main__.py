"""Does one run that a serving process took: `python -m longshore.serving RUN TARGET STORE [ALERT...]`."""

from __future__ import annotations

import sys

from longshore.serving.turns import do_run

if __name__ == "__main__":
    sys.exit(do_run(*sys.argv[1:]))
