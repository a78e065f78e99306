"""Objects by a command line: `... s5cmd` or `... aws`; files to objects and back."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from storage_ways import BIG, BUCKET, ENDPOINT, GOT, GOT_TREE, MORE, TREE, USED, big, small, use_environment

use_environment()
command = str(Path(sys.executable).with_name(MORE[0]))
prefix = f"s3://{BUCKET}/command/"
if MORE[0] == "s5cmd":
    copy: tuple[str, ...] = (command, "--endpoint-url", ENDPOINT, "--log", "error", "cp")
    up, down = (f"{TREE}/", prefix), (f"{prefix}*", f"{GOT_TREE}/")
else:
    copy = (command, "s3", "cp", "--only-show-errors")
    up, down = (str(TREE), prefix, "--recursive"), (prefix, str(GOT_TREE), "--recursive")

big(
    lambda: USED.run(*copy, str(BIG), f"s3://{BUCKET}/up/big"),
    lambda: USED.run(*copy, f"s3://{BUCKET}/big", str(GOT)),
    warm=0,
)
small(
    lambda: USED.run(*copy, *up),
    lambda: USED.run(*copy, *down),
    clean=lambda: shutil.rmtree(GOT_TREE),
    warm=0,
)
