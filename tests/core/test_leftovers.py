"""What plugins have left in other systems: shown, and ended when no run goes on with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore import Leftover, hookimpl
from longshore.leftovers import end_leftovers, find_leftovers
from longshore.plugins import host, reset
from longshore.stores.records import RunChanged, RunRecord
from longshore.stores.sqlite import SQLiteStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(tmp_path / "runs.db")
    yield store
    store.close()


@pytest.fixture
def leaves(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Registers a plugin whose hook does what it is told."""
    monkeypatch.setenv("LONGSHORE_NO_PLUGINS", "1")
    reset()

    def register(answer: Callable[[], Any], name: str = "storage") -> None:
        class Plugin:
            @hookimpl
            def longshore_sweep(self) -> Any:
                return answer()

        host().register(Plugin(), name)

    yield register
    reset()


def add_run(store: SQLiteStore, run_id: str, state: str) -> None:
    """Put a run on record that stands so."""
    store.create(RunRecord(run_id=run_id, flow="nightly", created=1.0))
    store.claim(run_id, "token")
    ended = state != "Running"
    store.write(run_id, "token", [RunChanged(state=state, message="", time=2.0, finished=ended)])
    if ended:
        store.release(run_id, "token")


def upload(label: str, end: Callable[[], bool] = lambda: True, **facts: Any) -> Leftover:
    return Leftover(kind="multipart upload", label=label, end=end, **facts)


def test_what_no_run_goes_on_with_is_left_and_what_one_may_go_on_with_is_held(
    store: SQLiteStore, leaves: Callable[..., None]
) -> None:
    for run_id in ("Success", "Failed", "Cancelled", "Running"):
        add_run(store, run_id, run_id)
    here: dict[str, Any] = {"store": store.location}
    leaves(
        lambda: [
            upload("no run"),
            *(upload(name, run_id=name, **here) for name in ("Success", "Failed", "Cancelled", "Running")),
            upload("gone", run_id="gone", **here),
            upload("beginning", run_id="Succ", **here),
            upload("elsewhere", run_id="Success", store="/other/runs.db", text="2 of 3 parts"),
        ]
    )
    found, problems = find_leftovers(store)
    assert problems == []
    assert {one.leftover.label: one.found for one in found} == {
        "no run": "left", "Success": "left", "gone": "left", "beginning": "left",
        "Failed": "held", "Cancelled": "held", "elsewhere": "held",
    }  # fmt: skip
    assert found[-1].text == "2 of 3 parts, of run Success in store /other/runs.db"
    without, _ = find_leftovers(store, without=["Failed"])
    assert {one.leftover.label for one in without if one.found == "held"} == {"Cancelled", "elsewhere"}


def test_a_killed_run_holds_what_it_left(store: SQLiteStore, leaves: Callable[..., None]) -> None:
    add_run(store, "killed", "Running")
    store.release("killed", "token")  # as when its lease has run out
    leaves(lambda: [upload("x", run_id="killed", store=store.location)])
    [found] = find_leftovers(store)[0]
    assert found.run is not None
    assert (found.found, found.run.state) == ("held", "Crashed")


def test_only_what_is_left_is_ended_unless_what_is_held_is_asked_for_too(
    store: SQLiteStore, leaves: Callable[..., None]
) -> None:
    add_run(store, "failed", "Failed")
    ended: list[str] = []

    def end(label: str) -> bool:
        ended.append(label)
        return label != "taken"

    def lost() -> bool:
        raise PermissionError("the service says no")

    leaves(
        lambda: [
            upload("alone", lambda: end("alone")),
            upload("taken", lambda: end("taken")),
            upload("lost", lost),
            upload("held", lambda: end("held"), run_id="failed", store=store.location),
        ]
    )
    found, _ = find_leftovers(store)
    assert [one.found for one in end_leftovers(found)] == ["was ended", "in use", "cannot end", "held"]
    assert sorted(ended) == ["alone", "taken"]
    last = end_leftovers(found, held=True)
    assert [one.found for one in last] == ["was ended", "in use", "cannot end", "was ended"]
    assert last[2].text == "PermissionError: the service says no"


def test_one_that_cannot_be_ended_in_time_holds_no_other_up(
    store: SQLiteStore, leaves: Callable[..., None]
) -> None:
    hanging = threading.Event()
    leaves(lambda: [upload("hangs", hanging.wait), upload("alone")])
    slow, quick = end_leftovers(find_leftovers(store)[0], patience=0.2)
    hanging.set()
    assert (slow.found, slow.text) == ("cannot end", "TimeoutError: not done after 0.2 s")
    assert quick.found == "was ended"


def test_a_plugin_that_fails_is_named_and_what_it_and_others_said_is_kept(
    store: SQLiteStore, leaves: Callable[..., None]
) -> None:
    hanging = threading.Event()

    def breaks() -> Iterator[Any]:
        yield upload("first")
        raise OSError("the ledger cannot be read")

    def hangs() -> Iterator[Any]:
        yield upload("second")
        hanging.wait()

    leaves(breaks, "breaks")
    leaves(hangs, "hangs")
    leaves(lambda: 3, "number")
    leaves(lambda: ["text"], "text")
    leaves(lambda: None, "nothing")
    leaves(lambda: [upload("third")], "works")
    found, problems = find_leftovers(store, patience=0.4)
    hanging.set()
    assert [(one.plugin, one.leftover.label) for one in found] == [
        ("breaks", "first"), ("hangs", "second"), ("works", "third"),
    ]  # fmt: skip
    assert [str(problem).removeprefix("cannot use longshore_sweep of plugin ") for problem in problems] == [
        "'breaks': it raised OSError: the ledger cannot be read",
        "'hangs': it was not done after 0.4 s",
        "'number': it returned 3, which is not Leftovers",
        "'text': it yielded 'text', which is no Leftover",
    ]
