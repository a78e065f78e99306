"""What every object store does with the results of runs; inherited with a fixture `lake`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from longshore import Flow, ResultError, Results, SQLiteStore, hookimpl, plugins, task
from longshore.stores.records import RunChanged, RunRecord, StepChanged

MIB = 1 << 20
RUN = "run-00000001"
_worked: list[str] = []


@dataclass
class Lake:
    """Where results go.

    Args:
        url: Below which.
        connection: How to get there.
    """

    url: str
    connection: Any

    @property
    def names(self) -> list[str]:
        """What is there."""
        return [name for name, _, _ in self.connection.folder(self.url).names()]

    @hookimpl
    def longshore_storage(self) -> dict[str, Any]:
        return {self.url.partition("://")[0]: lambda: self.connection}


@task
def load(size: int) -> dict[str, Any]:
    _worked.append("load")
    return {"raw": os.urandom(size), "rows": list(range(10_000))}


@task
def measure(loaded: dict[str, Any]) -> int:
    _worked.append("measure")
    if "break" in _worked:
        raise ConnectionError
    return len(loaded["raw"])


class ResultsInObjects:
    """Results as objects of a real store."""

    @pytest.fixture
    def offered(self, lake: Lake) -> Iterator[Lake]:
        """The store, as a plugin offers it, in place of what an installed one offers."""
        host = plugins.host()
        offered = host.storage()
        scheme = lake.url.partition("://")[0]
        if scheme in offered:
            pytest.fail(f"{scheme}:// has an owner; give the test a scheme of its own")
        name = host.register(lake)
        yield lake
        host.unregister(name)

    @pytest.mark.parametrize("size", [100_000, 20 * MIB], ids=["in one request", "in parts"])
    def test_a_result_comes_back_as_it_was(self, lake: Lake, size: int) -> None:
        """Also one that is fetched into a file, because it is large."""
        results = Results(lake.url, connection=lake.connection)
        value = {"raw": os.urandom(size), "text": "é" * 1000}
        stored = results.put(RUN, "load", value)
        assert stored.place == f"{lake.url}/{lake.names[0]}"
        assert results.get(stored) == value
        assert results.put(RUN, "load", value) == stored
        assert len(lake.names) == 1

    def test_a_result_that_was_removed_or_replaced_is_never_a_result(self, lake: Lake) -> None:
        """It is an error, after which the step can run again."""
        results = Results(lake.url, connection=lake.connection)
        stored = results.put(RUN, "load", b"\0" * 100_000)
        lake.connection.folder(lake.url).write(lake.names[0], [b"\1" * stored.size])
        with pytest.raises(ResultError, match="it is not what was written"):
            results.get(stored)
        assert results.remove(RUN) == (1, stored.size)
        with pytest.raises(ResultError, match="it is not there; run the step again"):
            results.get(stored)
        assert results.remove(RUN) == (0, 0)

    def test_pruning_removes_the_objects_of_its_own_runs(self, lake: Lake, tmp_path: Path) -> None:
        """More than fit into one page of a listing, or one request."""
        store = SQLiteStore(
            tmp_path / "runs.db", results=Results(lake.url, connection=lake.connection, inline=0)
        )
        other = Results(lake.url, connection=lake.connection, inline=0).put("run-of-another-store", "x", 1)
        store.create(RunRecord(run_id=RUN, flow="nightly"))
        store.claim(RUN, "me")
        for number in range(3):
            done = StepChanged(
                step=f"step {number}", map_index=-1, attempt=1, state="Success", message="", time=2.0,
                finished=True, result=store.results.put(RUN, f"step {number}", number),
            )  # fmt: skip
            store.write(RUN, "me", [done])
        store.write(RUN, "me", [RunChanged(state="Success", message="", time=3.0, finished=True)])
        store.release(RUN, "me")
        pruned = store.prune(10.0)
        assert (pruned.runs, pruned.files) == (1, 3)
        assert [f"{lake.url}/{name}" for name in lake.names] == [other.place]
        store.close()

    def test_a_run_is_resumed_from_a_copy_of_its_record(self, offered: Lake, tmp_path: Path) -> None:
        """The plugin's own connection finds what the record refers to."""
        store = SQLiteStore(tmp_path / "runs.db", results=offered.url)
        with Flow("measuring") as measuring:
            measure(load(300_000))
        _worked[:] = ["break"]
        assert measuring.run(store=store, run_id=RUN).results["measure"] is None
        store.close()
        (tmp_path / "elsewhere").mkdir()
        moved = SQLiteStore(store.path.rename(tmp_path / "elsewhere" / "runs.db"))
        _worked.clear()
        assert measuring.resume(RUN, store=moved).results["measure"] == 300_000
        assert _worked == ["measure"]
        moved.close()
