"""What goes wrong with applications: how their drivers' logs tell it, and what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

Reason: TypeAlias = Literal[
    "exit code",
    "out of memory",
    "evicted",
    "timed out",
    "throttled",
    "unauthorized",
    "not found",
    "bad data",
]
"""The part of the one vocabulary that applications fail for."""
_LONGEST: Final = 600
"""Characters of what is repeated from a log."""
_FIRST_CLASS_FILES: Final = 44
"""What the version of class files is ahead of Java's: those of Java 17 have version 61."""
_MORE_FOR_EXECUTORS: Final = (
    "give executors more by executor_memory= (or conf={{'spark.executor.memoryOverhead': ...}} for what "
    "Python and native code take), or split the data into more partitions"
)


@dataclass(frozen=True)
class Fault:
    """A thing that goes wrong.

    Attributes:
        pattern: What the log says of it.
        reason: In the one vocabulary.
        text: What is told, *what; what to do*, with the pattern's groups.
        retryable: Whether another attempt may help; None for what the reason suggests.
        anywhere: Whether it is looked for before the last error too, which may not mention it.
    """

    pattern: re.Pattern[str]
    reason: Reason
    text: str
    retryable: bool | None = None
    anywhere: bool = False

    def told(self, found: re.Match[str]) -> str:
        """Return what is told of a place in a log."""
        text = self.text.format(*(clipped(group or "") for group in found.groups()))
        return _CLASS_FILES.sub(lambda version: f"Java {int(version[1]) - _FIRST_CLASS_FILES}", text)


def clipped(text: str) -> str:
    """Return a text in one line, not too long."""
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _fault(
    pattern: str, reason: Reason, text: str, *, retryable: bool | None = None, anywhere: bool = False
) -> Fault:
    return Fault(re.compile(pattern, re.MULTILINE), reason, text, retryable, anywhere)


_CLASS_FILES: Final = re.compile(r"class files (\d+)")
DRIVER_MEMORY: Final = _fault(
    r"SparkUncaughtExceptionHandler: Uncaught exception in .*\n\s*java\.lang\.OutOfMemoryError",
    "out of memory",
    "its driver ran out of memory; give it more by driver_memory=, or collect less of a table in it",
    anywhere=True,
)
FAULTS: Final = (
    _fault(
        r"All masters are unresponsive",
        "timed out",
        "no Spark master answers; check that it runs, and its address in connection=",
        anywhere=True,
    ),
    _fault(
        r"ExecutorLostFailure .*Container (?:killed by YARN for exceeding|from a bad node.* 137)"
        r"|ExecutorLostFailure .*(?:\b52\b|memory limits|OOM)"
        r"|executor (?!driver\b)\S+\): java\.lang\.OutOfMemoryError",
        "out of memory",
        f"an executor ran out of memory; {_MORE_FOR_EXECUTORS}",
    ),
    _fault(
        r"ExecutorLostFailure .*\b137\b",
        "out of memory",
        "an executor was killed (exit code 137), as a system does to what takes more memory than there is; "
        f"{_MORE_FOR_EXECUTORS}",
        retryable=True,
    ),
    DRIVER_MEMORY,
    replace(DRIVER_MEMORY, pattern=re.compile(r"java\.lang\.OutOfMemoryError"), anywhere=False),
    _fault(
        r"ExecutorLostFailure \(executor (\S+) .*?(?:Reason: (.*))?$",
        "evicted",
        "executor {0} was lost ({1}); run it again, and look at its worker's log when that does not help",
    ),
    _fault(
        r"Master removed our application: (\S+)|Application has been (killed)",
        "evicted",
        "the master removed it ({0}{1}); look at the workers' logs for why its executors do not start",
        anywhere=True,
    ),
    _fault(
        r"Python worker exited unexpectedly|Python worker failed to connect back",
        "exit code",
        "a Python process of an executor died, for want of memory or in native code; give more by "
        "conf={{'spark.executor.memoryOverhead': ...}}, or have it tell where by "
        "conf={{'spark.python.worker.faulthandler.enabled': 'true'}}",
    ),
    _fault(
        r"Failed to find (?:the )?data source: (\S+)\. ",
        "not found",
        "there is no data source {0}; give the JAR that has it by packages= or jars=",
    ),
    _fault(
        r"Failed to load class (\S+?)\.?$|(?:\bClassNotFoundException|NoClassDefFoundError): ([\w.$/]+)",
        "not found",
        "there is no class {0}{1}; give the JAR that has it by jars= or packages=, and check main_class=",
    ),
    _fault(
        r"UnsupportedClassVersionError: (\S+) has been compiled by .*?file version (\d+).*?up to (\d+)",
        "bad data",
        "{0} was compiled for class files {1}, and Spark runs on class files {2}; have it run on class "
        "files {1} or later by java_home=, or compile it for class files {2}",
    ),
    _fault(
        r"unresolved dependency: ([^\s,\]]+?): (?:not found|.*)",
        "not found",
        "cannot get the package {0}; check packages= and repositories=, and that this host can reach them",
        retryable=True,
    ),
    _fault(
        r"BindException: .*Address already in use: Service '(\w+)' failed .*?\(starting from (\d+)\)",
        "throttled",
        "port {1} is taken, and no other was found for {0}; give another one by conf=, or more tries by "
        "conf={{'spark.port.maxRetries': 100}}",
    ),
    _fault(
        r"BindException: .*Cannot assign requested address: Service '(\w+)'",
        "bad data",
        "{0} cannot listen: its address is not one of this host; give one by "
        "conf={{'spark.driver.bindAddress': ...}}",
    ),
    _fault(
        r"Cannot run program \"([^\"]+)\": error=\d+, (.*)$",
        "not found",
        "cannot run {0} ({1}); give a Python that is on every host by "
        "conf={{'spark.pyspark.python': ...}} or python_environment=",
    ),
    _fault(
        r"can't open file '([^']+)'",
        "not found",
        "there is no file '{0}'; check application=",
    ),
    _fault(
        r"\[PATH_NOT_FOUND\] Path does not exist: (\S+?)\. |Input path does not exist: (\S+)"
        r"|java\.io\.FileNotFoundException: File (\S+) does not exist",
        "not found",
        "there is no file {0}{1}{2}; check the path, and that every executor can read it",
    ),
    _fault(
        r"is bigger than spark\.driver\.maxResultSize \((.*?)\)",
        "out of memory",
        "its driver takes no more than {0} of results; raise that by "
        "conf={{'spark.driver.maxResultSize': ...}}, or collect less of a table in it",
    ),
    _fault(
        r"No space left on device",
        "exit code",
        "a disk is full (No space left on device); free some of it, or give another one by "
        "conf={{'spark.local.dir': ...}}",
    ),
    _fault(
        r"Application (application_\S+) finished with failed status",
        "exit code",
        "YARN says no more than that it failed; its driver's log says why: yarn logs -applicationId {0}",
    ),
    _fault(
        r"(?:AccessControlException|AccessDeniedException): (.*)$"
        r"|FileNotFoundException: (\S+ \(Permission denied\))",
        "unauthorized",
        "Spark's user lacks a right: {0}{1}; give that right, or run Spark as another user",
    ),
)
