"""Ends runs that nobody will run."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

from longshore.stores.errors import RunNotFoundError, RunTakenError
from longshore.stores.records import RunChanged

if TYPE_CHECKING:
    from longshore.stores.interface import RunStore


def end_run(store: RunStore, run_id: str, state: str, message: str) -> bool:
    """Give a run that nobody drives its last state; return False when somebody does, or it has ended."""
    token = uuid.uuid4().hex
    try:
        record = store.claim(run_id, token)
    except (RunTakenError, RunNotFoundError):
        return False
    try:
        if record.ended is not None:
            return False
        change = RunChanged(state=state, message=message, time=time.time(), finished=True)
        store.write(run_id, token, [change])
    finally:
        store.release(run_id, token)
    return True
