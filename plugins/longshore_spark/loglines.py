"""The lines of Spark's log with the level that Spark gave them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from longshore import LogLine

_Level: TypeAlias = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
_PLAIN: Final = re.compile(
    r"(?:\d{2,4}[-/]\d\d[-/]\d\d[ T]\d\d:\d\d:\d\d\S*|WARNING:|\[[^\]]*\])?\s*"
    r"(TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL):? "
)
"""Log4j as Spark sets it up (`26/11/23 14:54:10 INFO Logger: text`), and its launcher's `WARN: text`."""
_STRUCTURED: Final = re.compile(r'\{"ts":"[^"]*","level":"([A-Z]+)"')
"""A line of `spark.log.structuredLogging.enabled`."""
_ALWAYS: Final = re.compile(
    r"WARNING: Using incubator modules: jdk\.incubator\.vector$"
    r"|.* WARN NativeCodeLoader: Unable to load native-hadoop library"
    r"|Using Spark's default log4j profile: |Setting default log level to |To adjust logging level use "
)
"""What Spark says each time, of which nobody can make anything."""
_LEVELS: Final[dict[str, _Level]] = {
    "TRACE": "DEBUG",
    "DEBUG": "DEBUG",
    "INFO": "INFO",
    "WARN": "WARNING",
    "WARNING": "WARNING",
    "ERROR": "ERROR",
    "FATAL": "CRITICAL",
}


def leveled(lines: Iterable[LogLine]) -> Iterator[LogLine]:
    """Yield lines with their level; the lines of a stack trace have that of the message above them."""
    above: _Level | None = None
    for line in lines:
        if line.stream == "stdout":
            yield line
            continue
        found = _PLAIN.match(line.text) or _STRUCTURED.match(line.text)
        if found:
            above = _LEVELS.get(found[1])
        elif not line.text.startswith(("\t", " ", "Caused by:", "java.", "org.apache.")):
            above = None
        if _ALWAYS.match(line.text):
            yield replace(line, level="DEBUG")
        else:
            yield line if above is None else replace(line, level=above)
