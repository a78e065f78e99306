"""`Subprocess`: a program with its arguments and no shell, with a task for each kind of result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from longshore_shell.tasks import CommandOutputs, MiB, SubprocessTask

if TYPE_CHECKING:
    from longshore_shell.executions import Finished


class Subprocess(SubprocessTask[CommandOutputs]):
    """Run a program and return what it hands back through `LONGSHORE_OUTPUTS`.

    No shell reads the command: each word is one argument, whatever is in it. With `values` the places `{name}` in it have
    values, each within its own word. A value or argument that begins with `-` is refused unless `--` stands before
    it, which ends a program's options, or `allow_options` is set.

    Fields are those of `Shell`, but for:

    Args:
        command: The program and its arguments, one word each: `("dbt", "run", "--target", "prod")`.

    Example:
        >>> SubprocessLastLine(("echo", "--", "{place}"))(values={"place": "a; rm -rf b"})
        '-- a; rm -rf b'
    """

    def _result(self, finished: Finished) -> CommandOutputs:
        return CommandOutputs.of(finished)


class SubprocessLines(SubprocessTask[list[str]]):
    """Run a program and return the lines of its standard output, as `ShellLines` does."""

    max_output: int = 64 * MiB

    def _result(self, finished: Finished) -> list[str]:
        return finished.lines()


class SubprocessLastLine(SubprocessTask[str]):
    """Run a program and return the last line of its standard output that is not blank."""

    max_output: int = 64 * MiB

    def _result(self, finished: Finished) -> str:
        return finished.last_line()


class SubprocessJson(SubprocessTask[Any]):
    """Run a program and return its standard output read as JSON."""

    max_output: int = 64 * MiB

    def _result(self, finished: Finished) -> Any:
        return finished.json()


class SubprocessBytes(SubprocessTask[bytes]):
    """Run a program and return its standard output as it is."""

    max_output: int = 64 * MiB

    def _result(self, finished: Finished) -> bytes:
        return finished.data


class SubprocessExitCode(SubprocessTask[int]):
    """Run a program and return its exit code, whatever it is; only a signal is a failure."""

    def _accepts(self, code: int | None) -> bool:
        return code is not None

    def _result(self, finished: Finished) -> int:
        assert finished.end.exit_code is not None
        return finished.end.exit_code
