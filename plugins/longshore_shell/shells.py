"""`Shell`: a script for bash or any other interpreter, with a task for each kind of result."""

from __future__ import annotations

from typing import Any

from longshore_shell.fields import MiB, R, ScriptFields
from longshore_shell.output import Capture, Ending, Whole
from longshore_shell.results import CommandOutputs, Finished
from longshore_shell.tasks import CommandTask


class ShellTask(ScriptFields[R], CommandTask[R]):
    """A script that is run to its end."""


class ShellOutputTask(ShellTask[R]):
    """A script whose standard output is the result.

    Args:
        max_output: Bytes that may come; more ends the script and is an error.
    """

    max_output: int = 64 * MiB

    def _capture(self) -> Capture:
        return Whole(self.max_output)


class Shell(ShellTask[CommandOutputs]):
    """Run a script and return what it hands back through `LONGSHORE_OUTPUTS`.

    The script runs for bash in strict mode: it ends at the first command that fails (`-e`), at a variable
        that is not set
    (`-u`), and a pipeline fails with any of its parts (`pipefail`). It lies in a private file that is removed
    afterwards. Input comes by environment, arguments and standard input, never by pasting it into the script;
    with `values` the places `{name}` become quoted values, and other braces are doubled.

    The call ends when the script ends, even if something that it started still holds its output: that stays
        until the
    worker ends, and is logged and listed in `leftovers`. When the script fails, times out or is cancelled,
    all that it started is ended: SIGTERM, `grace` seconds, SIGKILL; so too when the worker dies, by anything.

    Example:
        >>> Shell('echo "rows=$(wc -l < /dev/null)" >> "$LONGSHORE_OUTPUTS"')()["rows"]
        '0'
    """

    def _result(self, finished: Finished) -> CommandOutputs:
        return CommandOutputs.of(finished)


class ShellLines(ShellOutputTask[list[str]]):
    """Run a script and return the lines of its standard output.

    Lines end at a newline and have neither that nor a carriage return before it; bytes that are not UTF-8 are
    shown as `\\xff`.

    Example:
        >>> ShellLines("printf 'a\\\\nb\\\\n'")()
        ['a', 'b']
    """

    def _result(self, finished: Finished) -> list[str]:
        return finished.lines()


class ShellLastLine(ShellTask[str]):
    """Run a script and return the last line of its standard output that is not blank, or nothing.

    Output of any length may come before it; the line itself may have 1 MiB.

    Example:
        >>> ShellLastLine("echo loading; echo 42")()
        '42'
    """

    def _capture(self) -> Capture:
        return Ending()

    def _result(self, finished: Finished) -> str:
        return finished.last_line()


class ShellJson(ShellOutputTask[Any]):
    """Run a script and return its standard output read as JSON.

    Example:
        >>> ShellJson('''echo '{"rows": 3}' ''')()
        {'rows': 3}
    """

    def _result(self, finished: Finished) -> Any:
        return finished.json()


class ShellBytes(ShellOutputTask[bytes]):
    """Run a script and return its standard output as it is.

    Example:
        >>> ShellBytes(r"printf '\\377\\000'")()
        b'\\xff\\x00'
    """

    def _result(self, finished: Finished) -> bytes:
        return finished.data


class ShellExitCode(ShellTask[int]):
    """Run a script and return its exit code, whatever it is; only a signal is a failure.

    `skip_codes` and `retry_codes` keep their meaning.

    Example:
        >>> ShellExitCode("grep -q needle /dev/null")()
        1
    """

    def _accepts(self, code: int | None) -> bool:
        return code is not None

    def _result(self, finished: Finished) -> int:
        assert finished.end.exit_code is not None
        return finished.end.exit_code
