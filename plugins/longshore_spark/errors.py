"""The errors of Spark. How a submitted application failed is told by the core's `JobFailed`.

SparkError                                 Spark refused, or could not do it
├── SparkUnreachableError (ConnectionError)    no master, server or driver answers
├── SparkAnalysisError (LookupError)           a statement names what there is not, or cannot be parsed
├── SparkUnauthorizedError (PermissionError)   a server wants another token, or an owner with more rights
├── SparkOutOfMemoryError                      the driver or its executors had not enough memory
├── SparkCancelledError                        it was cancelled before it ended
├── SparkJavaError                             there is no Java, or none that this Spark runs on
└── SparkVersionError                          `pyspark` and the Spark it was pointed at do not fit
SparkInputError (ValueError)               a value that cannot be handed to Spark as it is
"""

from __future__ import annotations

from longshore import LongshoreError


class SparkError(LongshoreError):
    """Spark refused, or could not do what it was asked to.

    Attributes:
        condition: Spark's own name for it, such as `TABLE_OR_VIEW_NOT_FOUND`; empty where it gives none.
        retryable: Whether another attempt may help.
    """

    default_retryable = True

    def __init__(self, message: str, *, condition: str = "", retryable: bool | None = None) -> None:
        super().__init__(message)
        self.condition = condition
        self.retryable = self.default_retryable if retryable is None else retryable


class SparkUnreachableError(SparkError, ConnectionError):
    """No master, server or driver answers at the address."""


class SparkAnalysisError(SparkError, LookupError):
    """A statement cannot be parsed, or names a table, column or function that there is not."""

    default_retryable = False


class SparkUnauthorizedError(SparkError, PermissionError):
    """A server refuses the token, or its owner lacks a right."""

    default_retryable = False


class SparkOutOfMemoryError(SparkError):
    """The driver, or its executors, had not enough memory."""

    default_retryable = False


class SparkCancelledError(SparkError):
    """It was cancelled before it ended."""

    default_retryable = False


class SparkJavaError(SparkError):
    """There is no Java, or none that this Spark runs on."""

    default_retryable = False


class SparkVersionError(SparkError):
    """`pyspark` and the Spark that it was pointed at do not fit."""

    default_retryable = False


class SparkInputError(LongshoreError, ValueError):
    """A value cannot be handed to Spark as it is: a NUL, a secret in a command line, no Spark property."""

    retryable = False
