"""Load rows of five columns into a table, once: `snowflake_load.py WAY ROWS CONNECT`, CONNECT as JSON.

Prints seconds and the CPU seconds of this process, as JSON.
"""

from __future__ import annotations

import datetime
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import pandas
import pyarrow

WAY, ROWS, CONNECT = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
COLUMNS = '"ID" INTEGER, "CARRIER" VARCHAR, "DELAY" FLOAT, "DAY" DATE, "AT" TIMESTAMP_NTZ'
FIRST = datetime.datetime(2013, 1, 1)


def rows() -> pyarrow.Table:
    numbers = range(ROWS)
    seconds = pyarrow.array([n * 31 for n in numbers], pyarrow.int64())
    moments = pyarrow.compute.add(
        pyarrow.scalar(FIRST, pyarrow.timestamp("us")),
        pyarrow.compute.multiply(seconds, 1_000_000).cast(pyarrow.duration("us")),
    )
    return pyarrow.table(
        {
            "ID": pyarrow.array(numbers, pyarrow.int64()),
            "CARRIER": [f"carrier {n % 997:03}" for n in numbers],
            "DELAY": pyarrow.array([n * 0.5 for n in numbers], pyarrow.float64()),
            "DAY": moments.cast(pyarrow.date32()),
            "AT": moments,
        }
    )


def longshore(table: Any) -> Callable[[], object]:
    from longshore import Secret, task
    from longshore_snowflake import SnowflakeConnection, SnowflakeLoad
    from longshore_snowflake.sessions import session

    os.environ["LONGSHORE_BENCH_PASSWORD"] = CONNECT["password"]
    given = {**CONNECT, "password": Secret("env:LONGSHORE_BENCH_PASSWORD")}
    load = SnowflakeLoad(connection=SnowflakeConnection(**given))
    # Logged in before the clock starts, as the others are; the first call of a process loads the plugins.
    assert session(load.connection).connection
    task(lambda: None)()
    return lambda: load(table, "LOADED")


def by_hand(table: Any) -> Callable[[], object]:
    """Write, PUT and COPY as Longshore does, and nothing else."""
    import tempfile

    import pyarrow.parquet

    def work() -> None:
        with tempfile.TemporaryDirectory() as folder:
            pyarrow.parquet.write_table(table, f"{folder}/part.parquet")
            cursor = connection.cursor()
            cursor.execute(f"PUT 'file://{folder}/part.parquet' '@~/by-hand/' AUTO_COMPRESS = FALSE")
            cursor.execute(
                "COPY INTO \"LOADED\" FROM '@~/by-hand/' FILES = ('part.parquet') "
                "FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE) "
                "MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE PURGE = TRUE"
            )

    return work


def write_pandas(frame: Any, **options: Any) -> Callable[[], object]:
    from snowflake.connector.pandas_tools import write_pandas as write

    return lambda: write(connection, frame, "LOADED", use_logical_type=True, **options)


def executemany(table: Any) -> Callable[[], object]:
    values = [tuple(row.values()) for row in table.to_pylist()]
    insert = 'INSERT INTO "LOADED" VALUES (?, ?, ?, ?, ?)'
    return lambda: connection.cursor().executemany(insert, values)


if __name__ == "__main__":
    import pyarrow.compute
    import snowflake.connector

    snowflake.connector.paramstyle = "qmark"
    connection = snowflake.connector.connect(**CONNECT)
    connection.cursor().execute(f'CREATE OR REPLACE TABLE "LOADED" ({COLUMNS})')
    source = rows()
    ways: dict[str, Callable[[], Callable[[], object]]] = {
        "longshore, Arrow": lambda: longshore(source),
        "longshore, pandas": lambda: longshore(source.to_pandas(date_as_object=True)),
        "the same statements by hand": lambda: by_hand(source),
        "write_pandas, as it is": lambda: write_pandas(source.to_pandas(date_as_object=True)),
        "write_pandas, snappy": lambda: write_pandas(
            source.to_pandas(date_as_object=True), compression="snappy"
        ),
        "executemany": lambda: executemany(source),
    }
    work = ways[WAY]()
    assert pandas
    before = resource.getrusage(resource.RUSAGE_SELF)
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    [(count,)] = connection.cursor().execute('SELECT COUNT(*) FROM "LOADED"').fetchall()
    assert count == ROWS, f"{count} rows are there, not {ROWS}"
    print(
        json.dumps(
            {
                "seconds": seconds,
                "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
            }
        )
    )
