"""Keeps PySpark from printing what fails: its loggers write errors, with values, to the standard error."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from longshore import require

if TYPE_CHECKING:
    from collections.abc import Generator

_LOGGERS: Final = ("SQLQueryContextLogger", "DataFrameQueryContextLogger")
_ours: Final = ContextVar("longshore_spark_statement", default=False)


class _Unprinted(logging.Filter):
    """Lets nothing pass that comes of a statement of ours, which is told by our error."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not _ours.get()


_unprinted: Final = _Unprinted()


@contextmanager
def unprinted() -> Generator[None]:
    """Have PySpark print no errors of what this thread runs."""
    loggers: Any = require("pyspark.logger", extra="spark").PySparkLogger
    for name in _LOGGERS:
        loggers.getLogger(name).addFilter(_unprinted)  # of its own class: it must be made by PySpark
    token = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(token)
