"""What came of a command, and what of that a task returns."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from longshore import LongshoreError, Outputs, OutputsError, parse_outputs, parse_progress, redact
from longshore_shell.errors import CommandFailed, signal_name
from longshore_shell.output import last_line

if TYPE_CHECKING:
    from longshore_shell.processes import End

_LONGEST_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Finished:
    """What came of a command.

    Attributes:
        shown: The command as messages show it.
        words: Its argument vector, secrets masked.
        end: How it ended.
        duration: Seconds from start to end.
        stdout_tail, stderr_tail: The ends of its streams, secrets masked.
        data: All of its standard output, when it was asked for.
        outputs_data: The content of its outputs file.
        leftovers: The processes that it left running: `sleep (4711)`.
    """

    shown: str
    words: tuple[str, ...]
    end: End
    duration: float
    stdout_tail: str
    stderr_tail: str
    data: bytes
    outputs_data: bytes
    leftovers: tuple[str, ...]

    def outputs(self) -> Outputs:
        """Return what it handed back.

        Raises:
            OutputsError: A line of it cannot be read.
        """
        return parse_outputs(self.outputs_data, self.shown)

    def lines(self) -> list[str]:
        """Return the lines of its standard output, without their ends and without progress lines."""
        text = self.data.decode("utf-8", "backslashreplace")
        lines = text.removesuffix("\n").split("\n") if text else []
        return [line.removesuffix("\r") for line in lines if not _is_progress(line)]

    def last_line(self) -> str:
        """Return the last line of its standard output that is not blank; empty when there is none."""
        return next((line for line in reversed(self.lines()) if line.strip()), "")

    def json(self) -> Any:
        """Return its standard output, read as JSON.

        Raises:
            OutputsError: It is not JSON.
        """
        try:
            return json.loads("\n".join(self.lines()))
        except (ValueError, RecursionError) as error:
            begin = redact("\n".join(self.lines()))[:_LONGEST_SHOWN]
            raise OutputsError(
                f"cannot read the output of {self.shown} as JSON: {error}; it begins {begin!r}"
            ) from None

    def failure(self, *, retryable: bool) -> CommandFailed:
        """Return the error that says how it ended."""
        last = last_line(self.stderr_tail) or last_line(self.stdout_tail)
        end = f"last line: {last[-_LONGEST_SHOWN:]!r}" if last else "it wrote nothing"
        name = None if self.end.signal is None else signal_name(self.end.signal)
        error = CommandFailed(
            f"{self.shown} {self._how()} after {self.duration:.1f} s; {end}",
            command=self.words,
            exit_code=self.end.exit_code,
            signal=name,
            duration=self.duration,
            stdout_tail=self.stdout_tail,
            stderr_tail=self.stderr_tail,
            retryable=retryable,
        )
        try:
            error.outputs = self.outputs()
        except LongshoreError as unreadable:
            error.add_note(str(unreadable))
        return error

    def _how(self) -> str:
        code, number = self.end.exit_code, self.end.signal
        if number is not None:
            return f"was ended by {signal_name(number)}"
        if code == 127:
            return "exited with 127 (a program was not found)"
        if code == 126:
            return "exited with 126 (a program cannot be executed)"
        if code is not None and 128 < code < 193:
            return f"exited with {code} (a program in it was ended by {signal_name(code - 128)})"
        return f"exited with {code}"


def _is_progress(line: str) -> bool:
    return line.startswith("::progress ") and parse_progress(line.removesuffix("\r")) is not None


class CommandOutputs(Outputs):
    """What a command handed back by name, through `LONGSHORE_OUTPUTS`, and how it ran.

    Attributes:
        exit_code: One of the task's `success_codes`.
        duration: Seconds from start to end.
        cpu_seconds: Processor time of the command and of the children it waited for.
        peak_memory: Bytes of memory, of the largest of these processes; some 10 MB more than a tiny one
            needs.
        leftovers: Processes that it left running, such as `sleep (4711)`; they are ended with the worker.
        stdout_tail: The end of its standard output, secrets masked.
        stderr_tail: The end of its standard error, secrets masked.
    """

    exit_code: int = 0
    duration: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory: int = 0
    leftovers: tuple[str, ...] = ()
    stdout_tail: str = ""
    stderr_tail: str = ""

    @classmethod
    def of(cls, finished: Finished) -> CommandOutputs:
        """Return what a finished command handed back."""
        outputs = cls(finished.outputs())
        outputs.exit_code = finished.end.exit_code or 0
        outputs.duration = finished.duration
        outputs.cpu_seconds = finished.end.cpu_seconds
        outputs.peak_memory = finished.end.peak_memory
        outputs.leftovers = finished.leftovers
        outputs.stdout_tail = finished.stdout_tail
        outputs.stderr_tail = finished.stderr_tail
        return outputs
