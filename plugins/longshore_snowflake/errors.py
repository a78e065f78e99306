# ruff: noqa: N818 - a check failed: named for what happened, as the core's own TaskFailed is
"""The errors of Snowflake. Each is a `JobFailed`, with a reason in the vocabulary of all jobs.

SnowflakeError                                  Snowflake refused, or could not do it
├── SnowflakeSyntaxError (ValueError)           the statement cannot be compiled
├── SnowflakeNotFoundError (LookupError)        an object is not there, or this role may not see it
├── SnowflakePermissionError (PermissionError)  the role may not do it
├── SnowflakeDataError (ValueError)             the data does not fit: a cast, a constraint, a file's line
├── SnowflakeWarehouseError                     there is no warehouse, or it is suspended
├── SnowflakeTimeoutError (TimeoutError)        the statement took longer than Snowflake lets it
├── SnowflakeCancelledError                     somebody cancelled the statement
├── SnowflakeNetworkError (ConnectionError)     Snowflake does not answer
└── SnowflakeLoginError (PermissionError)       the login is refused
SnowflakeInputError (ValueError)                what was given cannot be used: a name, a value, a file
SnowflakeCheckFailed                            a result is not what it has to be
"""

from __future__ import annotations

from typing import ClassVar, Literal

from longshore import JobFailed, LongshoreError, TaskError


class SnowflakeError(JobFailed):
    """Snowflake refused, or could not do what it was asked to.

    Attributes:
        code: Snowflake's or the connector's number, such as 1003; 0 when there is none.
        sqlstate: Such as `42000`; empty when there is none.
        query_id: The query's id; empty when it did not become one.
        line: The line of the statement, from 1; 0 when it is not known.
        url: Where the query is shown in Snowsight; empty when that is not known.
        retryable: Whether another attempt may help.
    """

    kind: ClassVar[
        Literal["bad data", "not found", "unauthorized", "evicted", "timed out", "cancelled", "throttled"]
    ] = "bad data"
    hopeful: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        code: int = 0,
        sqlstate: str = "",
        query_id: str = "",
        line: int = 0,
        url: str = "",
        retryable: bool | None = None,
    ) -> None:
        super().__init__(
            message, reason=self.kind, retryable=self.hopeful if retryable is None else retryable
        )
        self.code, self.sqlstate = code, sqlstate
        self.query_id, self.line, self.url = query_id, line, url


class SnowflakeSyntaxError(SnowflakeError, ValueError):
    """The statement cannot be compiled."""


class SnowflakeNotFoundError(SnowflakeError, LookupError):
    """An object is not there, or this role may not see it: Snowflake does not say which."""

    kind = "not found"


class SnowflakePermissionError(SnowflakeError, PermissionError):
    """The role may not do it."""

    kind = "unauthorized"


class SnowflakeDataError(SnowflakeError, ValueError):
    """The data does not fit: a cast, a division by zero, a constraint, a line of a file."""


class SnowflakeWarehouseError(SnowflakeError):
    """There is no warehouse for the statement, or it is suspended and may not be resumed."""

    kind = "evicted"


class SnowflakeTimeoutError(SnowflakeError, TimeoutError):
    """The statement ran, or waited, longer than Snowflake's own limit lets it."""

    kind = "timed out"
    hopeful = True


class SnowflakeCancelledError(SnowflakeError):
    """Somebody cancelled the statement."""

    kind = "cancelled"


class SnowflakeNetworkError(SnowflakeError, ConnectionError):
    """Snowflake does not answer, or answers that it cannot now."""

    kind = "throttled"
    hopeful = True


class SnowflakeLoginError(SnowflakeError, PermissionError):
    """The login is refused: credentials, a network policy, an account that is not there."""

    kind = "unauthorized"


class SnowflakeInputError(LongshoreError, ValueError):
    """What was given cannot be used: a name, a value to bind, a file."""

    retryable = False


class SnowflakeCheckFailed(TaskError):
    """A result is not what it has to be.

    Attributes:
        failures: What is wrong, a sentence for each check that failed, by the checks' names.
        query_ids: The id of each query, by the checks' names.
    """

    retryable = False

    def __init__(self, message: str, *, failures: dict[str, str], query_ids: dict[str, str]) -> None:
        super().__init__(message)
        self.failures, self.query_ids = failures, query_ids
