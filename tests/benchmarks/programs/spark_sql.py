"""Run one statement in each way, by turns: `spark_sql.py ROUNDS STATEMENTS`; prints milliseconds by way."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from longshore import flow
from longshore_spark import SparkConnection, SparkSQL
from longshore_spark.sessions import session_for

ROUNDS, STATEMENTS = map(int, sys.argv[1:])
HERE = SparkConnection("local[2]", conf={"spark.ui.enabled": False, "spark.sql.shuffle.partitions": 2})
TEXT = "SELECT :n + id AS n FROM range(3)"
STATEMENT = SparkSQL(TEXT, connection=HERE)
WAYS: dict[str, list[float]] = {}


def take(way: str, call: Callable[[int], int]) -> None:
    for number in range(STATEMENTS):
        began = time.perf_counter()
        assert call(number) == 3
        WAYS.setdefault(way, []).append((time.perf_counter() - began) * 1000)


@flow
def statements() -> None:
    """Run them as steps, one after the other."""
    for number in range(STATEMENTS):
        STATEMENT({"n": number})


with session_for(HERE) as held:
    session: Any = held
    for turn in range(ROUNDS + 1):
        take("pyspark, toArrow()", lambda n: session.sql(TEXT, args={"n": n}).toArrow().num_rows)
        take("pyspark, collect()", lambda n: len(session.sql(TEXT, args={"n": n}).collect()))
        take("longshore, SparkSQL", lambda n: STATEMENT({"n": n}).row_count)
        began = time.perf_counter()
        statements.run()
        each = (time.perf_counter() - began) * 1000 / STATEMENTS
        WAYS.setdefault("longshore, SparkSQL in a flow, as its threads allow", []).append(each)
        if not turn:
            WAYS.clear()  # what the JVM compiles first is nobody's
print(json.dumps(WAYS))
