"""What goes wrong with applications, how their drivers' logs tell it, and what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore import Reason

_LONGEST: Final = 600
"""Characters of what is repeated from a log."""
MORE_FOR_DRIVER: Final = "give it more by driver_memory=, or collect less of a table in it"
_MORE_FOR_EXECUTORS: Final = (
    "give them more by executor_memory= (or conf={'spark.executor.memoryOverhead': ...} for what Python and "
    "native code take), or split the data into more partitions"
)


@dataclass(frozen=True)
class Fault:
    """A thing that goes wrong.

    Attributes:
        pattern: What the log says of it.
        reason: In the one vocabulary.
        text: What is told: what; what to do. Takes the pattern's groups.
        retryable: Whether another attempt may help; None for what the reason suggests.
    """

    pattern: re.Pattern[str]
    reason: Reason
    text: str | Callable[[re.Match[str]], str]
    retryable: bool | None = None

    def told(self, found: re.Match[str]) -> str:
        if callable(self.text):
            return self.text(found)
        return self.text.format(*(clipped(group or "") for group in found.groups()))


def clipped(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _newer_java(found: re.Match[str]) -> str:
    built, here = int(found[2]) - 44, int(found[3]) - 44  # class files of Java 1.1 have version 45
    return (
        f"{found[1].replace('/', '.')} was compiled for Java {built}, and Spark runs on Java {here}; run it "
        f"on Java {built} or later by java_home=, or compile with --release {here}"
    )


def _fault(pattern: str, reason: Reason, text: str, retryable: bool | None = None) -> Fault:
    return Fault(re.compile(pattern, re.MULTILINE), reason, text, retryable)


_NEWER_JAVA: Final = Fault(
    re.compile(
        r"UnsupportedClassVersionError: (\S+) has been compiled by .*?class file version (\d+).*?up to (\d+)"
    ),
    "bad data",
    _newer_java,
)
FAULTS: Final = (
    _fault(
        r"All masters are unresponsive|Failed to connect to master (\S+)",
        "timed out",
        "no Spark master answers; check that it runs, and the address in connection=",
    ),
    _fault(
        r"OutOfMemoryError.*\n(?:.*\n)*?.*executor driver\)|executor driver\): java\.lang\.OutOfMemoryError",
        "out of memory",
        f"its driver ran out of memory; {MORE_FOR_DRIVER}",
    ),
    _fault(
        r"ExecutorLostFailure .*(?:137|exit(?:ed with)? code 52|memory limits|OOM)|Container killed by YARN "
        r"for exceeding|executor \d+\): java\.lang\.OutOfMemoryError",
        "out of memory",
        f"an executor ran out of memory; {_MORE_FOR_EXECUTORS}",
    ),
    _fault(
        r"java\.lang\.OutOfMemoryError",
        "out of memory",
        f"its driver ran out of memory; {MORE_FOR_DRIVER}",
    ),
    _fault(
        r"ExecutorLostFailure \(executor (\S+) .*?(?:Reason: (.*))?$",
        "evicted",
        "executor {0} was lost: {1}; run it again, and look at the worker's log when that does not help",
    ),
    _fault(
        r"Master removed our application: (\S+)|Application has been killed",
        "evicted",
        "the master removed it ({0}); look at the workers' logs for why its executors do not start",
    ),
    _fault(
        r"Failed to load class (\S+?)\.?$|(?:ClassNotFoundException|NoClassDefFoundError): (\S+)",
        "not found",
        "there is no class {0}{1}; give the JAR that has it by jars= or packages=, and check main_class=",
    ),
    _fault(
        r"\[DATA_SOURCE_NOT_FOUND\] Failed to find the data source: (\S+?)\.? ",
        "not found",
        "there is no data source {0}; give the JAR that has it by packages= or jars=",
    ),
    _NEWER_JAVA,
    _fault(
        r"unresolved dependency: ([^\s:]+)",
        "not found",
        "cannot resolve the package {0}; check its coordinates in packages=, and repositories=",
        retryable=True,
    ),
    _fault(
        r"BindException: Address already in use: Service '(\w+)' failed after (\d+) retries",
        "throttled",
        "there is no free port for {0} (looked at {1} more); give conf={{'spark.port.maxRetries': 100}}",
    ),
    _fault(
        r"BindException: Cannot assign requested address: Service '(\w+)'",
        "bad data",
        "{0} cannot listen at the address of this host; give one by conf={{'spark.driver.bindAddress': ...}}",
    ),
    _fault(
        r"can't open file '([^']+)'",
        "not found",
        "there is no file {0!r}; check application=",
    ),
    _fault(
        r"\[PATH_NOT_FOUND\] Path does not exist: (\S+?)\.? |Input path does not exist: (\S+)"
        r"|FileNotFoundException: File (\S+) does not exist",
        "not found",
        "there is no file {0}{1}{2}; check the path, and that every executor can read it",
    ),
    _fault(
        r"((?:AccessControlException|AccessDeniedException|PermissionError): .*|Permission denied.*)$",
        "unauthorized",
        "{0}; give the user that Spark runs as the right to it",
    ),
)
ANYWHERE: Final = (FAULTS[0], FAULTS[5])
"""What the driver's own log says of its cluster, before its main thread fails for it."""
