"""What Spark says of a statement that failed, classic or by Spark Connect, as our errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from longshore import current, redact
from longshore_spark.errors import (
    SparkAnalysisError,
    SparkCancelledError,
    SparkError,
    SparkOutOfMemoryError,
    SparkUnauthorizedError,
    SparkUnreachableError,
)
from longshore_spark.knownfaults import clipped
from longshore_spark.tracebacks import python_error

if TYPE_CHECKING:
    from collections.abc import Callable

_CONDITION: Final = re.compile(r"\[([A-Z][A-Z0-9_]*(?:\.[A-Z][A-Z0-9_]*)*)\] ")
_STATE: Final = re.compile(r"\s*SQLSTATE: (\w{5})")
_STACK: Final = re.compile(r"\n\s*(?:JVM stacktrace:|at [\w.$/]+\(|\tat )")
_POSITION: Final = re.compile(r"[.;\s]*\(?line (\d+),? pos(?:ition)? (\d+)\)?")
_CAUSE: Final = re.compile(r"^Caused by: (?:[\w.$]+: )?(.*)$", re.MULTILINE)
_CLASS: Final = re.compile(r"^: (?:[\w.$]+: )?(.*)$", re.MULTILINE)
_GRPC: Final = re.compile(r'^\s*details = "(.+)"$', re.MULTILINE)
_CANCELLED: Final = ("OPERATION_CANCELED", "SPARK_JOB_CANCELLED", "cancelled part of")
_MEMORY: Final = ("OutOfMemoryError", "maxResultSize", "UNABLE_TO_ACQUIRE_MEMORY", "Java heap space")
_DENIED: Final = (
    "UNAUTHENTICATED", "PERMISSION_DENIED", "INSUFFICIENT_PERMISSIONS", "AccessControlException",
    "AccessDeniedException", "Permission denied",
)  # fmt: skip
_GONE: Final = (
    "UNAVAILABLE", "StatusCode.CANCELLED", "Connection refused", "ConnectionRe", "Py4JNetworkError",
    "SparkContext was shut down", "stopped SparkContext", "Answer from Java side is empty", "INVALID_HANDLE",
    "while sending or receiving", "SparkContext.dagScheduler()\" is null",
)  # fmt: skip
_LASTING: Final = ("22", "42", "0A", "P0", "21", "23", "3D", "3F", "46", "54")
"""Classes of SQL states that another attempt meets again: data, names, rights, limits."""


def translated(error: BaseException, shown: str, *, several: bool = False) -> SparkError:
    """Return the error that tells what Spark said, without the JVM's stack.

    Args:
        error: Of PySpark, py4j or gRPC.
        shown: The statement, shortened.
        several: Whether the text holds several statements.
    """
    text = _text_of(error)
    condition = _condition(error, text)
    state = _STATE.search(text)
    kind, remedy = _kind(error, text, condition, state[1] if state else "")
    if several and condition == "PARSE_SYNTAX_ERROR":
        remedy = "give one statement a call: there are several"
    message = f"cannot run {shown!r}: {_said(text)}; {remedy}"
    lasting = state is not None and state[1].startswith(_LASTING)
    return kind(redact(message), condition=condition, retryable=False if lasting else None)


def _text_of(error: BaseException) -> str:
    """Return what an error says; PySpark asks a JVM for that, which may have ended."""
    try:
        return str(error).strip() or type(error).__name__
    except Exception as why:  # noqa: BLE001 - whatever asking it comes to
        return f"Spark's driver has ended ({type(why).__name__}: {why})"


def _condition(error: BaseException, text: str) -> str:
    ask: Callable[[], str | None] | None = getattr(error, "getCondition", None)
    try:
        known = ask() if ask is not None else None
    except Exception:  # noqa: BLE001 - as above
        known = None
    found = _CONDITION.search(text)
    return known or (found[1] if found else "")


def _kind(error: BaseException, text: str, condition: str, state: str) -> tuple[type[SparkError], str]:
    """Return the class of an error, and what to do."""
    name = type(error).__name__
    if current.cancelled or any(sign in text for sign in _CANCELLED):
        return SparkCancelledError, "run it again if that was not wanted"
    if any(sign in text for sign in _MEMORY):
        return SparkOutOfMemoryError, (
            "select less, have Spark write it by to=, or give more by spark.driver.memory and "
            "spark.driver.maxResultSize in the connection's conf"
        )
    if any(sign in text for sign in _DENIED) or state == "42501":
        return SparkUnauthorizedError, "give the right to Spark's user, or another token"
    if name in {"AnalysisException", "ParseException"} or state.startswith("42"):
        return SparkAnalysisError, _analysis_remedy(condition)
    if any(sign in f"{name} {text} {_beneath(error)}" for sign in _GONE) or isinstance(
        error, ConnectionError
    ):
        return SparkUnreachableError, "look whether Spark runs, and at the end of its log, and run it again"
    if condition == "PYTHON_EXCEPTION" or name == "PythonException":
        return SparkError, "correct the function, or the rows that it gets"
    if state.startswith("22"):
        return SparkError, "correct the rows, or use try_divide, try_cast and the like"
    return SparkError, "look at Spark's log for more"


def _beneath(error: BaseException) -> str:
    """Return what an error came of: PySpark asks the JVM about errors, also when that is gone."""
    names: list[str] = []
    below = error.__cause__ or error.__context__
    while below is not None and len(names) < 10:
        names.append(type(below).__name__)
        below = below.__cause__ or below.__context__
    return " ".join(names)


def _analysis_remedy(condition: str) -> str:
    if condition in {"UNBOUND_SQL_PARAMETER", "INVALID_QUERY_MIXED_QUERY_PARAMETERS"}:
        return "give a dictionary with a value for each :name, or a list with one for each ?"
    if condition.endswith("ALREADY_EXISTS"):
        return "choose another name, or mode='overwrite' or 'append' with to="
    if condition.startswith("UNSUPPORTED_OVERWRITE"):
        return "write elsewhere, and replace it after that"
    if condition.startswith("UNRESOLVED") or condition.endswith("NOT_FOUND"):
        return "correct the name, or create what it names first"
    return "correct the statement"


def _said(text: str) -> str:
    """Return the first line of what was said, and where; or what Python or the JVM raised in a job."""
    raised = python_error(text.splitlines())
    if raised is not None:
        return f"Python raised {clipped(str(raised))}" + (f" ({raised.where})" if raised.where else "")
    causes = _CAUSE.findall(text) or _CLASS.findall(text) or _GRPC.findall(text)
    whole = causes[-1] if causes else _STACK.split(text)[0]
    line = next((line for line in whole.splitlines() if line.strip()), "")
    at = _POSITION.search(whole)
    where = f" (line {at[1]}, column {int(at[2]) + 1})" if at else ""
    line = _POSITION.sub("", _STATE.sub("", _CONDITION.sub("", line)))
    return clipped(line).rstrip(".; ") + where
