"""A command's output, read in chunks by plain Python and forgotten: `shell_plain.py COMMAND`."""

from __future__ import annotations

import subprocess
import sys

from clock import report_wall, swallow_output

RESULTS = swallow_output()


def read() -> None:
    command = ["bash", "-c", sys.argv[1]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        while process.stdout.read(65536):
            pass


report_wall(read, RESULTS)
