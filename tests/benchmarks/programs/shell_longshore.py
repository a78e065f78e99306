"""A command's output in Longshore, streamed to its logger: `shell_longshore.py COMMAND [LOG_RATE]`."""

from __future__ import annotations

import logging
import sys

from clock import report_wall, swallow_output

RESULTS = swallow_output()

from longshore_shell import Shell  # noqa: E402

logging.basicConfig(level=logging.INFO, stream=sys.stdout)
rate = sys.argv[2] if len(sys.argv) > 2 else ""
task = Shell(sys.argv[1], strict=False, log_rate=None if rate == "all" else int(rate or 8 << 20))
report_wall(lambda: task(), RESULTS)
