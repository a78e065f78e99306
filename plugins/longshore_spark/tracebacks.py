"""What a log's end says was raised: by Python, in the driver or a worker, or by the JVM."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEADER: Final = "Traceback (most recent call last):"
_CHAINED: Final = (
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
    "stack trace below.",
)
_FRAME: Final = re.compile(r'\s+File "([^"]+)", line (\d+)(?:, in (.+))?')
_GROUP: Final = re.compile(r" +[|+] ")
"""What the lines of an exception group begin with."""
_SYNTAX: Final = re.compile(r"(SyntaxError|IndentationError|TabError): ")
_FOREIGN: Final = re.compile(
    r"/(?:site|dist)-packages/|/pyspark(?:\.zip)?/|/py4j|/lib(?:64)?/python\d|/zipimport|^<"
)
"""Files that are not the user's: packages, PySpark's archive of the executors, Python's own."""
_JVM: Final = re.compile(
    r"(?:^|: |\] |\) )(?:Caused by: )?"
    r"((?!py4j\.|pyspark\.)(?:[a-z_]\w*\.)+[A-Z]\w*(?:Error|Exception|Failure|Fault)\w*)(?:: (.*))?$"
)
_IN_TASK: Final = re.compile(r"Job aborted due to stage failure: .*? executor [\w-]+\): (?=[a-z])")
_JVM_FRAME: Final = re.compile(
    r"\tat (?:[\w.@-]+/)?(?!java\.|jdk\.|javax\.|scala\.|py4j\.|org\.apache\.)([\w.$]+)\((\w+\.\w+):(\d+)\)"
)
_LOGGED: Final = re.compile(r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d [A-Z]+ |\{\"ts\":")
"""What Log4j, as Spark sets it up, begins a line with."""


@dataclass(frozen=True)
class Raised:
    """What was raised.

    Attributes:
        kind: Its class, without its module.
        text: What it says, in one line.
        file: The file of the last frame that is the user's; empty when there is none.
        line: The line in it.
        function: The function.
    """

    kind: str
    text: str
    file: str = ""
    line: int = 0
    function: str = ""

    @property
    def where(self) -> str:
        """Where it was raised, for a message."""
        inside = f", in {self.function}" if self.function not in ("", "<module>") else ""
        return f"line {self.line} of {PurePosixPath(self.file).name}{inside}" if self.file else ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}" if self.text else self.kind


def last_error(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the lines of the last error of a main thread, with what it came of; all when there is none."""
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number]
        if line.startswith(("Exception in thread ", "Error: ")) or (
            line.startswith(_HEADER) and not _goes_on(lines, number) and not _is_noise(lines, number)
        ):
            rest = range(number + 1, len(lines))
            end = next((behind for behind in rest if _LOGGED.match(lines[behind])), len(lines))
            return tuple(lines[number:end])
    return tuple(lines)


def python_error(lines: Sequence[str]) -> Raised | None:
    """Return what Python raised last, in the driver or in a worker."""
    for number in range(len(lines) - 1, -1, -1):
        if lines[number].endswith(_HEADER) and not _is_noise(lines, number):
            return _read(lines[number + 1 :])
        if _SYNTAX.match(lines[number]):
            return _read(lines[max(0, number - 3) : number + 1])
    return None


def jvm_error(lines: Sequence[str]) -> Raised | None:
    """Return the root of what the JVM raised: its last `Caused by`, else what came first."""
    causes = [number for number, line in enumerate(lines) if line.startswith("Caused by: ")]
    for number in (*reversed(causes), *range(len(lines))):
        found = _JVM.search(_IN_TASK.sub("", lines[number]))
        if found:
            frame = _user_frame(lines[number + 1 :])
            return Raised(found[1].rpartition(".")[2], (found[2] or "").strip(), *frame)
    return None


def _user_frame(lines: Sequence[str]) -> tuple[str, int, str]:
    """Return the file, line and method of the first frame of a trace that is neither Java's nor Spark's."""
    for line in lines:
        if line.startswith("Caused by: "):
            break
        frame = _JVM_FRAME.match(line)
        if frame:
            return frame[2], int(frame[3]), frame[1]
    return "", 0, ""


def _goes_on(lines: Sequence[str], number: int) -> bool:
    """Return whether a traceback belongs to the one above it."""
    above = next((line for line in reversed(lines[max(0, number - 4) : number]) if line.strip()), "")
    return above.strip().endswith(_CHAINED)


def _is_noise(lines: Sequence[str], number: int) -> bool:
    """Return whether a traceback is of PySpark's daemon, whose children leave one when their task fails."""
    return any("/pyspark/daemon.py" in line for line in lines[number + 1 : number + 3])


def _read(lines: Sequence[str]) -> Raised | None:
    file, at, function = "", 0, ""
    for number, whole in enumerate(lines):
        line = _GROUP.sub("", whole).replace(_HEADER, "")
        frame = _FRAME.match(line)
        if frame and not _FOREIGN.search(frame[1]):
            file, at, function = frame[1], int(frame[2]), frame[3] or ""
        if line.strip() and not line[0].isspace():
            kind, separator, text = line.partition(":")
            if separator and not text.strip():  # its text begins with the next line
                text = next(
                    (below for below in lines[number + 1 : number + 2] if not _LOGGED.match(below)), ""
                )
            return Raised(kind.rpartition(".")[2], text.strip(), file, at, function)
    return None
