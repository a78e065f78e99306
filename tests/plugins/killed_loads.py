"""A process that loads into Snowflake, to be killed: `python killed_loads.py SPEC`, SPEC as JSON."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from longshore import Secret, flow
from longshore.stores.errors import RunNotFoundError
from longshore.stores.locations import open_store
from longshore_snowflake import SnowflakeConnection, SnowflakeLoad, loading, queries, staging

SPEC: dict[str, Any] = json.loads(sys.argv[1])
WAYS: dict[str, Callable[[], Any]] = {
    "SIGKILL": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "SIGSEGV": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "exit": lambda: os._exit(7),
}


def die_before(owner: Any, name: str) -> None:
    setattr(owner, name, lambda *_, **__: WAYS[SPEC["way"]]())


def die_after(owner: Any, name: str) -> None:
    whole = getattr(owner, name)

    def dying(*args: Any, **options: Any) -> None:
        whole(*args, **options)
        WAYS[SPEC["way"]]()

    setattr(owner, name, dying)


POINTS: dict[str, Callable[[], None]] = {
    "": lambda: None,
    "before the upload": lambda: die_before(staging.Staging, "put_files"),
    "after the upload": lambda: die_after(staging.Staging, "put_files"),
    "before the statement": lambda: die_before(queries, "submit"),
    "after the statement": lambda: die_after(loading.Loading, "begin"),
    "before the record": lambda: die_after(SnowflakeLoad, "result"),
    "before the cleaning": lambda: die_before(SnowflakeLoad, "discard"),
}

connection = SnowflakeConnection(**{**SPEC["connection"], "password": Secret(f"env:{SPEC['variable']}")})
load = SnowflakeLoad(name="load", connection=connection, history_lag=0.0, **SPEC["fields"])


@flow
def nightly() -> Any:
    return load(SPEC["path"], "T")


if __name__ == "__main__":
    POINTS[SPEC["point"]]()
    with closing(open_store(SPEC["store"])) as runs:
        try:
            runs.run(SPEC["run_id"])
        except RunNotFoundError:
            run = nightly.run(run_id=SPEC["run_id"], store=runs)
        else:
            run = nightly.resume(SPEC["run_id"], store=runs)
    state = run.states["load"]
    rows = getattr(run.result, "rows", None)
    Path(SPEC["said"]).write_text(json.dumps([type(state).__name__, str(state.message), rows]))
