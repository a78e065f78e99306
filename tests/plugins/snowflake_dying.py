"""A program that runs a script of Snowflake and dies in the middle; tests resume its run.

`python snowflake_dying.py MODE POINT STORE RUN` kills itself at POINT: `before COMMIT`, `after COMMIT`, or,
without a transaction, when all statements have run.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from longshore import Flow, Secret
from longshore_snowflake import SnowflakeConnection, SnowflakeScript, transactions

SCRIPT = "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\nSELECT COUNT(*) AS n FROM t"


def flow_of(mode: str) -> Flow:
    """Return the flow: one script, in a transaction (or another one), repeatable, or neither."""
    connection = SnowflakeConnection(
        account="acme-tests",
        user=os.environ["DYING_USER"],
        password=Secret("env:LONGSHORE_TEST_SNOWFLAKE_PASSWORD"),
        host="localhost",
        port=int(os.environ["DYING_PORT"]),
        protocol="http",
        database=os.environ["DYING_DATABASE"],
        schema="PUBLIC",
    )
    script = SnowflakeScript(SCRIPT, name="script", connection=connection, history_lag=0.5)
    modes: dict[str, dict[str, Any]] = {
        "transaction": {"transaction": True},
        "changed": {"transaction": True, "sql": "INSERT INTO t VALUES (1), (2), (3)"},
        "repeatable": {"repeatable": True},
        "plain": {},
    }
    with Flow("dying") as flow:
        script.replace(**modes[mode])()
    return flow


def main(mode: str, point: str, store: str, run_id: str) -> None:
    commit = transactions.commit

    def die(*args: Any, **more: Any) -> None:
        if point == "after COMMIT":
            commit(*args, **more)
        os.kill(os.getpid(), signal.SIGKILL)

    transactions.commit = die
    if mode != "transaction":
        from longshore_snowflake.scriptruns import ScriptRun

        ScriptRun._tell = lambda self: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign]
    flow_of(mode).run(store=store, run_id=run_id)


if __name__ == "__main__":
    main(*sys.argv[1:])
