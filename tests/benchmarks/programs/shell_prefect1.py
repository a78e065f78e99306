"""A command's output in Prefect 1, streamed to its logger by ShellTask: `shell_prefect1.py COMMAND`."""

from __future__ import annotations

import os
import sys

from clock import report_wall, swallow_output

os.environ["PREFECT__LOGGING__LEVEL"] = "INFO"
RESULTS = swallow_output()  # before Prefect binds its loggers

from prefect import context  # noqa: E402
from prefect.tasks.shell import ShellTask  # noqa: E402
from prefect.utilities.logging import get_logger  # noqa: E402

task = ShellTask(stream_output=True)
with context(logger=get_logger("bench")):
    report_wall(lambda: task.run(command=sys.argv[1]), RESULTS)
