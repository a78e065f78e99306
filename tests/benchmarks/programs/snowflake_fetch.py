"""Fetch rows of five columns, once: `snowflake_fetch.py WAY ROWS CONNECT`, CONNECT as JSON.

Prints seconds, CPU seconds and the peak of memory above the start, as JSON.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow
import pyarrow.parquet

WAY, ROWS, CONNECT = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
TABLE = f"""
CREATE OR REPLACE TABLE flights AS
SELECT seq4() AS id, 'carrier ' || (seq4() % 997) AS carrier, seq4() * 0.5::FLOAT AS delay,
    DATEADD(day, seq4() % 365, '2013-01-01'::DATE) AS day,
    DATEADD(second, seq4(), '2013-01-01'::TIMESTAMP_NTZ) AS at
FROM TABLE(GENERATOR(ROWCOUNT => {ROWS}))
"""
QUERY = "SELECT * FROM flights"


def longshore(take: Callable[[Any], int], **fields: Any) -> Callable[[], int]:
    from longshore import Secret
    from longshore_snowflake import SnowflakeConnection, SnowflakeQuery

    os.environ["LONGSHORE_BENCH_PASSWORD"] = CONNECT["password"]
    given = {**CONNECT, "password": Secret("env:LONGSHORE_BENCH_PASSWORD")}
    query = SnowflakeQuery(QUERY, connection=SnowflakeConnection(**given), **fields)
    query.replace(sql="SELECT 1 AS one")()  # logged in and imported before the clock starts, as the others
    return lambda: take(query())


def batches() -> Iterator[Any]:
    cursor = connection.cursor()
    cursor.execute(QUERY)
    yield from cursor.fetch_arrow_batches()


def arrow() -> int:
    return sum(table.num_rows for table in list(batches()))


def all_rows() -> int:
    return len(connection.cursor().execute(QUERY).fetchall())


def batches_to_parquet() -> int:
    writer, count = None, 0
    for table in batches():
        if writer is None:
            writer = pyarrow.parquet.ParquetWriter("rows.parquet", table.schema, compression="zstd")
        writer.write_table(table)
        count += table.num_rows
    assert writer is not None
    writer.close()
    return count


WAYS: dict[str, Callable[[], Callable[[], int]]] = {
    "longshore, Arrow": lambda: longshore(lambda found: int(found.table.num_rows)),
    "longshore, rows": lambda: longshore(lambda found: len(found.rows)),
    "longshore, to Parquet": lambda: longshore(lambda found: int(found.row_count), to="rows.parquet"),
    "connector, Arrow batches": lambda: arrow,
    "connector, fetchall": lambda: all_rows,
    "connector, Arrow batches to Parquet": lambda: batches_to_parquet,
}


def _peak() -> int:
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - no file of a user
        return int(next(line for line in status if line.startswith("VmHWM")).split()[1])


if __name__ == "__main__":
    import snowflake.connector

    connection = snowflake.connector.connect(**CONNECT)
    connection.cursor().execute(TABLE)
    connection.cursor().execute("SELECT 1 AS one").fetch_arrow_all()
    work = WAYS[WAY]()
    before, peak = resource.getrusage(resource.RUSAGE_SELF), _peak()
    began = time.perf_counter()
    count = work()
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert count == ROWS, f"{count} rows came, not {ROWS}"
    print(
        json.dumps(
            {
                "seconds": seconds,
                "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
                "mib": (_peak() - peak) / 1024,
            }
        )
    )
    connection.close()
