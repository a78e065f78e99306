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
_SYNTAX: Final = re.compile(r"(SyntaxError|IndentationError|TabError): ")
_FOREIGN: Final = re.compile(
    r"/(?:site|dist)-packages/|/pyspark(?:\.zip)?/|/py4j|/lib(?:64)?/python\d|/zipimport|^<"
)
"""Files that are not the user's: packages, PySpark's archive of the executors, Python's own."""
_JVM: Final = re.compile(
    r"(?:^|: |\) )(?:Exception in thread \"[^\"]*\" |Caused by: )?"
    r"((?:[a-z_]\w*\.)+[A-Z]\w*(?:Error|Exception|Failure)\w*)"
    r"(?:: (.*))?$"
)


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
    """Return the lines from where the last error begins, with what it came of; all when there is none."""
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number]
        if line.startswith(_HEADER) and not _goes_on(lines, number):
            return tuple(lines[number:])
        if line.startswith(("Exception in thread ", "Error: ")):
            return tuple(lines[number:])
    return tuple(lines)


def python_error(lines: Sequence[str]) -> Raised | None:
    """Return what Python raised last, in the driver or in a worker."""
    for number in range(len(lines) - 1, -1, -1):
        if lines[number].endswith(_HEADER):
            return _read(lines[number + 1 :])
        if _SYNTAX.match(lines[number]):
            return _read(lines[max(0, number - 3) : number + 1])
    return None


def jvm_error(lines: Sequence[str]) -> Raised | None:
    """Return the root of what the JVM raised: its last `Caused by`, else what came first."""
    causes = [line for line in lines if line.startswith("Caused by: ")]
    for line in (*reversed(causes), *lines):
        found = _JVM.search(line)
        if found:
            return Raised(found[1].rpartition(".")[2], found[2] or "")
    return None


def _goes_on(lines: Sequence[str], number: int) -> bool:
    """Return whether a traceback belongs to the one above it."""
    above = next((line for line in reversed(lines[max(0, number - 4) : number]) if line.strip()), "")
    return above.strip().endswith(_CHAINED)


def _read(lines: Sequence[str]) -> Raised | None:
    file, at, function = "", 0, ""
    for line in lines:
        frame = _FRAME.match(line)
        if frame and not _FOREIGN.search(frame[1]):
            file, at, function = frame[1], int(frame[2]), frame[3] or ""
        if line.strip() and not line[0].isspace():
            kind, _, text = line.partition(":")
            return Raised(kind.rpartition(".")[2], text.strip(), file, at, function)
    return None
