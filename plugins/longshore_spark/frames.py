"""What a statement returns, fetched batch by batch, so that too much is refused before it is in memory."""

from __future__ import annotations

import contextvars
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final, cast

from longshore import require
from longshore_spark.errors import SparkInputError, SparkOutOfMemoryError

if TYPE_CHECKING:
    from collections.abc import Generator

    from pyspark.sql import DataFrame

_FAILED: Final = -1
_SAYS_WITHIN: Final = 10.0
"""Seconds in which a JVM says how serving a result ended: one that ran out of memory there never does."""


def fetched(frame: DataFrame, max_memory: int, shown: str) -> Any:
    """Return the rows of a data frame as a `pyarrow.Table`, with the types that `toArrow()` gives.

    Raises:
        SparkInputError: They take more than `max_memory` bytes.
    """
    pyarrow = require("pyarrow", extra="spark")
    stream = _remote(frame) if ".connect." in type(frame).__module__ else _local(frame)
    batches: list[Any] = []
    size = 0
    with closing(stream):
        schema = next(stream)
        order: list[int] | None = None
        for batch in stream:
            if isinstance(batch, list):
                order = cast("list[int]", batch)
                continue
            size += batch.nbytes
            if size > max_memory:
                raise SparkInputError(
                    f"cannot fetch the result of {shown!r}: it takes more than max_memory={max_memory:,} "
                    "bytes; select less, give more, or have Spark write it by to="
                )
            batches.append(batch)
    ordered = batches if order is None else [batches[number] for number in order]
    table = pyarrow.Table.from_batches(ordered, schema=schema)
    return table.cast(pyarrow.schema([_in_utc(each) for each in schema]))


def _local(frame: Any) -> Generator[Any]:
    """Yield the schema, the batches as they come, and at last their order, as the JVM sends them."""
    pyarrow: Any = require("pyarrow", extra="spark")
    serializers: Any = require("pyspark.serializers", extra="spark")
    port, secret, server = frame._jdf.collectAsArrowToPython()
    file, sock = require("pyspark.util", extra="spark").local_connect_and_auth(port, secret)
    sock.settimeout(None)  # how long the first rows take is not known
    number, broken = _FAILED, False
    try:
        with pyarrow.ipc.open_stream(file) as reader:
            yield reader.schema
            yield from reader
        number = serializers.read_int(file)
        if number != _FAILED:
            yield [serializers.read_int(file) for _ in range(number)]
    except (pyarrow.ArrowInvalid, EOFError, OSError):
        broken = True
    finally:
        file.close()
        sock.close()
    failed = _end_of(server)
    if failed is not None:
        raise failed
    if broken or number == _FAILED:
        raise ConnectionError("the JVM broke off in the middle of the result")


def _end_of(server: Any) -> Exception | None:
    """Return what made the JVM end serving a result; None when nothing did."""
    told: list[Exception | None] = []

    def ask() -> None:
        try:
            server.getResult()
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            told.append(error)
        else:
            told.append(None)

    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(ask,), name="longshore-spark-result", daemon=True)
    thread.start()
    thread.join(_SAYS_WITHIN)
    if told:
        return told[0]
    return SparkOutOfMemoryError(
        "cannot fetch a result: Spark's driver broke off without a word, as it does when it runs out of "
        "memory; select less, have Spark write it by to=, or give it more by spark.driver.memory"
    )


def _remote(frame: Any) -> Generator[Any]:
    client = frame.sparkSession.client
    began = False
    for part in client.to_table_as_iterator(frame._plan.to_proto(client), {}):
        if not hasattr(part, "to_batches"):
            continue  # the schema, in Spark's types
        if not began:
            yield part.schema
            began = True
        yield from part.to_batches()


def _in_utc(field: Any) -> Any:
    """Return a field whose moments are in UTC, whatever the session's time zone; so does `toArrow()`."""
    return field.with_type(_type_in_utc(field.type))


def _type_in_utc(kind: Any) -> Any:
    pyarrow = require("pyarrow", extra="spark")
    types = pyarrow.types
    if types.is_timestamp(kind) and kind.tz:
        return pyarrow.timestamp(kind.unit, "UTC")
    if types.is_map(kind):
        return pyarrow.map_(_in_utc(kind.key_field), _in_utc(kind.item_field))
    if types.is_list(kind):
        return pyarrow.list_(_in_utc(kind.value_field))
    if types.is_struct(kind):
        return pyarrow.struct([_in_utc(kind.field(at)) for at in range(kind.num_fields)])
    return kind
