"""What the parts of `StoreContract` share: the store under test, and what they write into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from longshore.stores.locations import open_store
from longshore.stores.records import (
    AlertRecord,
    IncidentRecord,
    JobRecord,
    LogRecord,
    RunChanged,
    RunRecord,
    StepChanged,
    StoredResult,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longshore.stores.interface import RunStore

RUN: Final = "5f2b01c4-0000-4000-8000-000000000001"
OTHER: Final = "5f2b77aa-0000-4000-8000-000000000002"
ME: Final = "the token of this test"
LONG_AGO: Final = 1_000_000_000.0


def changed(state: str, step: str = "load", map_index: int = -1, *, time: float = 10.0) -> StepChanged:
    """Return the change of a step to a state; Success comes with a result."""
    done = state == "Success"
    return StepChanged(
        step=step,
        map_index=map_index,
        attempt=1,
        state=state,
        message=f"{step} is {state}",
        time=time,
        finished=done,
        result=StoredResult(text="[1, 2]", size=6) if done else None,
    )


def ended(state: str = "Success", *, time: float = LONG_AGO) -> RunChanged:
    """Return the change of a run that ends."""
    return RunChanged(state=state, message="it is over", time=time, finished=True)


def running(*, time: float = LONG_AGO) -> RunChanged:
    """Return the change of a run that starts."""
    return RunChanged(state="Running", message="", time=time)


def line(text: str, step: str = "load", map_index: int = -1) -> LogRecord:
    """Return a line of a step's log."""
    return LogRecord(step=step, map_index=map_index, attempt=1, time=11.0, level=20, text=text)


def job(key: str, run_id: str = RUN) -> JobRecord:
    """Return a job that is about to be submitted."""
    return JobRecord(run_id=run_id, step="load", map_index=-1, attempt=1, serial=1, key=key, time=9.0)


def alert(channel: str, map_index: int) -> AlertRecord:
    """Return what a channel is to tell of one of a mapped step's."""
    return AlertRecord(
        channel=channel, flow="nightly", step="load", kind="failed", severity="error", time=12.5,
        run_id=RUN, map_index=map_index, text="OSError: no", body='{"attempt": 2}',
    )  # fmt: skip


def incident(
    channel: str,
    name: str,
    *,
    is_open: bool = True,
    waiting: bool = True,
    opened: float = 12.5,
    updated: float = 13.5,
) -> IncidentRecord:
    """Return an incident of a channel; its id ends with the name."""
    return IncidentRecord(
        incident=f"{channel} {name}", channel=channel, flow="nightly", step="load", open=is_open,
        waiting=waiting, opened=opened, updated=updated, body=f'{{"of": {RUN[:4]!r}}}',
    )  # fmt: skip


class StorePart:
    """The fixtures of `StoreContract`; `location` is its user's."""

    @pytest.fixture
    def store(self, location: str) -> Iterator[RunStore]:
        """The store."""
        store = open_store(location)
        yield store
        store.close()

    @pytest.fixture
    def driven(self, store: RunStore) -> RunStore:
        """The store, with a run that this test drives."""
        store.create(RunRecord(run_id=RUN, flow="nightly", created=5.0))
        store.claim(RUN, ME)
        return store
