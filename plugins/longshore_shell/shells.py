"""`Shell`: a script for bash or any other interpreter, with a task for each kind of result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from longshore_shell.tasks import CommandOutputs, MiB, ShellTask

if TYPE_CHECKING:
    from longshore_shell.executions import Finished


class Shell(ShellTask[CommandOutputs]):
    """Run a script and return what it hands back through `LONGSHORE_OUTPUTS`.

    The script runs for bash in strict mode: it ends at the first command that fails (`-e`), at a variable that is not set
    (`-u`), and a pipeline fails with any of its parts (`pipefail`). It lies in a private file that is removed afterwards.
    Input comes by environment, arguments and standard input, never by pasting it into the script; with `values` the places
    `{name}` become quoted values, and other braces are doubled.

    The call ends when the script ends, even if something that it started still holds its output: that stays until the
    worker ends, and is logged and listed in `leftovers`. When the script fails, times out or is cancelled, all that
    it started is ended: SIGTERM, `grace` seconds, SIGKILL; so too when the worker dies, by anything.

    Args:
        script: The script's text.
        interpreter: The program that reads it, with its options: `"bash"`, `("perl", "-w")`, `"node"`, `("awk", "-f")`.
        strict: Whether a shell runs in strict mode; `sh` and its like know only `-eu`.
        cwd: The folder to run in; the worker's own when None.
        umask: Such as 0o027; the worker's own when None.
        clean_env: Whether to start from the variables in `keep_env` alone, not from all that the worker has.
        keep_env: The names that a clean environment keeps.
        success_codes: The exit codes that are success.
        skip_codes: The exit codes that end the step as Skipped.
        retry_codes: The exit codes that are worth another attempt; when there are none, all failures are.
        grace: Seconds between SIGTERM and SIGKILL; at most 13.
        log_level: The level of the log records of both streams; None logs nothing.
        log_rate: Bytes a second that are logged, 8 MiB by default; None for all. More is counted and left out of
            the log, never of `output_file` or a result.
        output_file: A file for all that both streams bring, secrets masked; made anew by each attempt. `{run_id}`, `{step}`,
            `{attempt}` and `{map_index}` have their values in it.
        allow_options: Whether a value that begins with `-` may stand where it is read as an option.

    Example:
        >>> Shell('echo "rows=$(wc -l < /dev/null)" >> "$LONGSHORE_OUTPUTS"')()["rows"]
        '0'
    """

    def _result(self, finished: Finished) -> CommandOutputs:
        return CommandOutputs.of(finished)


class ShellLines(ShellTask[list[str]]):
    """Run a script and return the lines of its standard output.

    Lines end at a newline and have neither that nor a carriage return before it; bytes that are not UTF-8 are shown
    as `\\xff`. Fields are those of `Shell`, and:

    Args:
        max_output: Bytes that may come; more is an error.

    Example:
        >>> ShellLines("printf 'a\\\\nb\\\\n'")()
        ['a', 'b']
    """

    max_output: int = 64 * MiB

    def _result(self, finished: Finished) -> list[str]:
        return finished.lines()


class ShellLastLine(ShellTask[str]):
    """Run a script and return the last line of its standard output that is not blank; empty when there is none.

    Fields are those of `ShellLines`.

    Example:
        >>> ShellLastLine("echo loading; echo 42")()
        '42'
    """

    max_output: int = 64 * MiB

    def _result(self, finished: Finished) -> str:
        return finished.last_line()


class ShellJson(ShellTask[Any]):
    """Run a script and return its standard output read as JSON.

    Fields are those of `ShellLines`.

    Example:
        >>> ShellJson('''echo '{"rows": 3}' ''')()
        {'rows': 3}
    """

    max_output: int = 64 * MiB

    def _result(self, finished: Finished) -> Any:
        return finished.json()


class ShellBytes(ShellTask[bytes]):
    """Run a script and return its standard output as it is.

    Fields are those of `ShellLines`.

    Example:
        >>> ShellBytes(r"printf '\\377\\000'")()
        b'\\xff\\x00'
    """

    max_output: int = 64 * MiB

    def _result(self, finished: Finished) -> bytes:
        return finished.data


class ShellExitCode(ShellTask[int]):
    """Run a script and return its exit code, whatever it is; only a signal is a failure.

    Fields are those of `Shell`; `skip_codes` and `retry_codes` keep their meaning.

    Example:
        >>> ShellExitCode("grep -q needle /dev/null")()
        1
    """

    def _accepts(self, code: int | None) -> bool:
        return code is not None

    def _result(self, finished: Finished) -> int:
        assert finished.end.exit_code is not None
        return finished.end.exit_code
