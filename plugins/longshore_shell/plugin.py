"""What `shell` offers to Longshore."""

from __future__ import annotations

from typing import Any

import longshore_shell as shell
from longshore import Task, hookimpl


@hookimpl
def longshore_tasks() -> list[type[Task[Any]]]:
    return [
        shell.Shell,
        shell.ShellLines,
        shell.ShellLastLine,
        shell.ShellJson,
        shell.ShellBytes,
        shell.ShellExitCode,
        shell.ShellJob,
        shell.Subprocess,
        shell.SubprocessLines,
        shell.SubprocessLastLine,
        shell.SubprocessJson,
        shell.SubprocessBytes,
        shell.SubprocessExitCode,
        shell.SubprocessJob,
    ]
