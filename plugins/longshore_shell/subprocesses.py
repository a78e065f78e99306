"""`Subprocess`: a program with its arguments and no shell, with a task for each kind of result."""

from __future__ import annotations

from typing import Any

from longshore_shell.fields import MiB, ProgramFields, R
from longshore_shell.output import Capture, Ending, Whole
from longshore_shell.results import CommandOutputs, Finished
from longshore_shell.tasks import CommandTask


class SubprocessTask(ProgramFields[R], CommandTask[R]):
    """A program that is run to its end."""


class SubprocessOutputTask(SubprocessTask[R]):
    """A program whose standard output is the result.

    Args:
        max_output: Bytes that may come; more ends the program and is an error.
    """

    max_output: int = 64 * MiB

    def _capture(self) -> Capture:
        return Whole(self.max_output)


class Subprocess(SubprocessTask[CommandOutputs]):
    """Run a program and return what it hands back through `LONGSHORE_OUTPUTS`.

    No shell reads the command: each word is one argument, whatever is in it. With `values` the places
        `{name}` in it have
    values, each within its own word. A value or argument that begins with `-` is refused unless `--` stands
    before it, which ends a program's options, or `allow_options` is set. How it ends is told at `Shell`.

    Example:
        >>> SubprocessLastLine(("echo", "--", "{place}"))(values={"place": "a; rm -rf b"})
        '-- a; rm -rf b'
    """

    def _result(self, finished: Finished) -> CommandOutputs:
        return CommandOutputs.of(finished)


class SubprocessLines(SubprocessOutputTask[list[str]]):
    """Run a program and return the lines of its standard output, as `ShellLines` does."""

    def _result(self, finished: Finished) -> list[str]:
        return finished.lines()


class SubprocessLastLine(SubprocessTask[str]):
    """Run a program and return the last line of its standard output that is not blank."""

    def _capture(self) -> Capture:
        return Ending()

    def _result(self, finished: Finished) -> str:
        return finished.last_line()


class SubprocessJson(SubprocessOutputTask[Any]):
    """Run a program and return its standard output read as JSON."""

    def _result(self, finished: Finished) -> Any:
        return finished.json()


class SubprocessBytes(SubprocessOutputTask[bytes]):
    """Run a program and return its standard output as it is."""

    def _result(self, finished: Finished) -> bytes:
        return finished.data


class SubprocessExitCode(SubprocessTask[int]):
    """Run a program and return its exit code, whatever it is; only a signal is a failure."""

    def _accepts(self, code: int | None) -> bool:
        return code is not None

    def _result(self, finished: Finished) -> int:
        assert finished.end.exit_code is not None
        return finished.end.exit_code
