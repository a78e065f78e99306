"""`@spark_task`: a task made from a function that is given a session."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence  # noqa: TC003 - fields' types, looked up at run time
from dataclasses import replace
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Final,
    ParamSpec,
    Protocol,
    TypedDict,
    TypeVar,
    cast,
    overload,
)

from longshore import Cache, Delay, FunctionTask, State, Subject, TaskDefinitionError, field
from longshore_spark.connections import ConfValue, SparkConnection, check_conf, connection_of
from longshore_spark.modes import activated
from longshore_spark.sessions import session_for
from longshore_spark.tags import tagged

if TYPE_CHECKING:
    from typing import Unpack

    from pyspark.sql import SparkSession

P = ParamSpec("P")
R = TypeVar("R")

_LAZY: Final = {"DataFrame", "RDD", "PipelinedRDD", "Column", "GroupedData", "SparkSession", "SparkContext"}
"""Classes of PySpark whose values are of no use without the session."""


class SparkTaskFields(TypedDict, total=False):
    """The fields of a task, for `@spark_task(...)`."""

    connection: SparkConnection | str
    conf: Mapping[str, ConfValue]
    name: str
    retries: int
    retry_delay: Delay
    retry_on: type[BaseException] | tuple[type[BaseException], ...] | Callable[[BaseException], bool]
    timeout: float | None
    trigger: Callable[[Sequence[State]], bool]
    state_handlers: Sequence[Callable[[Subject, State, State], Any]]
    cache: Cache | None
    tags: Sequence[str]
    limit: str | tuple[str, ...] | None
    repeatable: bool


class SparkFunctionTask(FunctionTask[P, R]):
    """A task made from a function by `@spark_task`.

    Args:
        connection: The master or Spark Connect server, or its URL.
        conf: Spark properties, over those of `connection`.
    """

    connection: SparkConnection | str = SparkConnection()
    conf: Mapping[str, ConfValue] = field(default_factory=dict[str, ConfValue])

    def check(self) -> None:
        check_conf(self.name, self.conf)
        connection_of(self.connection)

    def run(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function with a session; its jobs are cancelled when the attempt is told to stop.

        Raises:
            SparkError: There is no session to be had.
            TaskDefinitionError: The function returned what is of no use without its session.
        """
        given = connection_of(self.connection)
        connection = replace(given, conf={**given.conf, **self.conf}) if self.conf else given
        with session_for(connection) as session, activated(session), tagged(session):
            function: Any = self.fn
            result: R = function(session, *args, **kwargs)
            _check_result(self.name, result)
            return result

    def __repr__(self) -> str:
        return f"spark_{super().__repr__()}"

    def signature(self) -> Any:
        return _signature(self.fn)

    def identity(self) -> tuple[str, dict[str, Any]]:
        name, behaviour = super().identity()
        return name, {**behaviour, "connection": repr(connection_of(self.connection)), "conf": self.conf}


class SparkDecorator(Protocol):
    """What `@spark_task(...)` with fields returns."""

    def __call__(self, function: Callable[Concatenate[SparkSession, P], R], /) -> SparkFunctionTask[P, R]: ...


@overload
def spark_task(function: Callable[Concatenate[SparkSession, P], R], /) -> SparkFunctionTask[P, R]: ...
@overload
def spark_task(**fields: Unpack[SparkTaskFields]) -> SparkDecorator: ...
def spark_task(function: Callable[..., Any] | None = None, /, **fields: Any) -> Any:
    """Make a task from a function whose first parameter is a Spark session.

    Args:
        function: The work. A call gives all its parameters but the first. What it returns must not need the
            session: Arrow, pandas, plain values, or the path of what it wrote.
        fields: `connection`, `conf`, and any field of `Task`.

    Example:
        >>> @spark_task(connection="local[2]", retries=2)
        ... def rows(spark: SparkSession, path: str) -> int:
        ...     return spark.read.parquet(path).count()
        >>> rows("flights.parquet")
        842
    """
    if function is None:
        return functools.partial(_made, fields=fields)
    return _made(function, fields)


def _made(function: Callable[..., Any], fields: Mapping[str, Any]) -> SparkFunctionTask[..., Any]:
    if not inspect.isroutine(function) or inspect.iscoroutinefunction(function):
        raise TaskDefinitionError(f"@spark_task takes a function made by def, not {function!r}")
    shown = getattr(function, "__qualname__", repr(function))
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters or parameters[0].kind not in {
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    }:
        raise TaskDefinitionError(
            f"@spark_task gives {shown}() a session, which it does not take; write: def {shown}(spark, ...)"
        )
    made: SparkFunctionTask[..., Any] = SparkFunctionTask(fn=function, **fields)
    made.signature().reserve(shown)
    object.__setattr__(made, "__doc__", function.__doc__)
    object.__setattr__(made, "__wrapped__", function)
    return made


@functools.lru_cache(maxsize=10_000)
def _signature(function: Callable[..., Any]) -> Any:
    """Return what a call takes: all but the session."""
    kind: Any = type(SparkFunctionTask.run_signature())
    return kind(inspect.signature(function), skip=1)


def _check_result(name: str, result: object) -> None:
    held: Any = result
    if isinstance(result, dict):
        held = cast("Mapping[Any, Any]", result).values()
    for each in held if isinstance(result, list | tuple | dict) else (result,):
        kind: Any = each.__class__
        if kind.__name__ in _LAZY and kind.__module__.startswith("pyspark."):
            raise TaskDefinitionError(
                f"{name} returns a Spark {kind.__name__}, which is of no use once its session has ended; "
                "return df.toArrow(), df.toPandas() or df.count(), or write it and return where"
            )
