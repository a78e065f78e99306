"""Why an application failed: from how its driver ended, and the end of its log."""

from __future__ import annotations

import signal as signals
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from longshore import JobFailed, redact
from longshore_spark.knownfaults import DRIVER_MEMORY, FAULTS, clipped
from longshore_spark.tracebacks import Raised, jvm_error, last_error, python_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longshore import Outputs
    from longshore_spark.knownfaults import Reason

_OUT_OF_MEMORY: Final = 52
"""`SparkExitCode.OOM`."""
_KILLED: Final = (128 + signals.SIGKILL, 128 + signals.SIGTERM)
_SIGKILL: Final = (
    "its driver was killed (SIGKILL), as a system does to what takes more memory than there is; look at the "
    "system's log, then give the host more memory, or the driver less by driver_memory="
)
_STATEMENTS: Final = ("AnalysisException", "ParseException")
"""What Spark raises of a statement that no other attempt makes right."""


def failure(
    lines: Sequence[str],
    *,
    shown: str,
    exit_code: int | None,
    signal: int | None,
    outputs: Outputs | None,
    log_tail: tuple[str, ...],
) -> JobFailed:
    """Return the error that says why an application failed, and what to do.

    Args:
        lines: The end of its driver's log.
        shown: What the message calls the application.
        exit_code: What the driver exited with, where that is known.
        signal: The signal that ended it.
        outputs: What it had handed back.
        log_tail: The last lines of its log.
    """
    reason, text, retryable = _why(lines, exit_code, signal)
    return JobFailed(
        redact(f"{shown} failed: {text}"),
        reason=reason,
        retryable=retryable,
        exit_code=exit_code,
        signal=signal,
        log_tail=tuple(redact(line) for line in log_tail),
        outputs=outputs,
    )


def _why(lines: Sequence[str], exit_code: int | None, signal: int | None) -> tuple[Reason, str, bool | None]:
    if exit_code == _OUT_OF_MEMORY:
        return _killed(lines, signals.SIGKILL)
    if signal is not None or exit_code in _KILLED:
        return _killed(lines, signal or (exit_code or 0) - 128)
    error = last_error(lines)
    for fault in FAULTS:
        found = fault.pattern.search("\n".join(lines if fault.anywhere else error))
        if found:
            return fault.reason, fault.told(found), fault.retryable
    raised = _root(error)
    if raised is not None:
        return _raised(raised)
    return "exit code", _unexplained(lines, exit_code), None


def _root(error: Sequence[str]) -> Raised | None:
    """Return what was raised: by the JVM where Python only passes it on, then with Python's line."""
    python, jvm = python_error(error), jvm_error(error)
    if python is None or jvm is None or python.kind != "Py4JJavaError":
        return python or jvm
    return jvm if jvm.file else replace(python, kind=jvm.kind, text=jvm.text)


def _killed(lines: Sequence[str], signal: int) -> tuple[Reason, str, bool | None]:
    if any("java.lang.OutOfMemoryError" in line for line in lines):
        return DRIVER_MEMORY.reason, DRIVER_MEMORY.text, None
    if signal == signals.SIGKILL:
        return "out of memory", _SIGKILL, True
    name = signals.Signals(signal).name if signal in set(signals.Signals) else f"signal {signal}"
    return "evicted", f"its driver was ended by {name}, which somebody else sent; run it again", None


def _raised(raised: Raised) -> tuple[Reason, str, bool | None]:
    where = f"see {raised.where}" if raised.where else "its log has the whole trace"
    text = clipped(str(raised))
    if raised.kind == "ModuleNotFoundError":
        return "not found", f"{text} ({where}); give the module by py_files= or python_environment=", None
    if raised.kind == "PermissionError":
        return "unauthorized", f"{text} ({where}); give the right, or run Spark as another user", None
    if raised.kind in _STATEMENTS:
        return ("not found" if "_NOT_FOUND]" in text else "bad data"), f"{text}; {where}", None
    return "exit code", f"{text}; {where}", None


def _unexplained(lines: Sequence[str], exit_code: int | None) -> str:
    how = "its driver ended" if exit_code is None else f"its driver exited with {exit_code}"
    last = next((line for line in reversed(lines) if line.strip()), "")
    said = f"the last line of its log is {clipped(last)!r}" if last else "it wrote nothing to its log"
    return f"{how}; {said}"
