"""Scripts and programs as tasks: streamed, bounded, and ended as a whole tree.

`Shell` runs a script for bash or any interpreter, `Subprocess` a program with its arguments; `ShellJob` and
`SubprocessJob` leave them running when the worker dies, and find them again. There are no credentials; a
command sees the worker's environment, or with `clean_env` a part of it, and what it is given.

    from longshore_shell import Shell

    export = Shell("./export.sh --day $DAY", retries=2, timeout=600)
    export(env={"DAY": "2013-01-01"})["rows"]
"""

from __future__ import annotations

from longshore_shell.commands import EnvValue, Input, Value
from longshore_shell.errors import CommandFailed, CommandInputError, CommandNotFound, CommandNotStarted
from longshore_shell.jobs.folders import default_jobs_folder
from longshore_shell.jobs.tasks import ShellJob, SubprocessJob
from longshore_shell.results import CommandOutputs
from longshore_shell.shells import Shell, ShellBytes, ShellExitCode, ShellJson, ShellLastLine, ShellLines
from longshore_shell.subprocesses import (
    Subprocess,
    SubprocessBytes,
    SubprocessExitCode,
    SubprocessJson,
    SubprocessLastLine,
    SubprocessLines,
)

__all__ = [
    "CommandFailed",
    "CommandInputError",
    "CommandNotFound",
    "CommandNotStarted",
    "CommandOutputs",
    "EnvValue",
    "Input",
    "Shell",
    "ShellBytes",
    "ShellExitCode",
    "ShellJob",
    "ShellJson",
    "ShellLastLine",
    "ShellLines",
    "Subprocess",
    "SubprocessBytes",
    "SubprocessExitCode",
    "SubprocessJob",
    "SubprocessJson",
    "SubprocessLastLine",
    "SubprocessLines",
    "Value",
    "default_jobs_folder",
]
