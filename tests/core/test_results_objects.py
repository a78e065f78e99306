"""Large results as objects below a URL: the record refers to each, whoever resumes the run finds it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lake import Lake
from stores_at_work import claimed

from longshore import (
    ConfigurationError,
    Failed,
    Flow,
    PickleSerializer,
    ResultError,
    Results,
    Secret,
    SQLiteStore,
    StoreError,
    current,
    open_store,
    plugins,
    task,
)
from longshore.stores.records import JobIntended, JobRecord, RunChanged, StepChanged, StoredResult
from longshore.testing import raises_saying

URL = "lake://bucket/results"
LARGE = {"rows": list(range(20_000)), "raw": b"\0\xff" * 100_000}
RUN = "run-00000001"
NAME = "load-0123456789ab.json"


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    lake = Lake(tmp_path / "lake")
    name = plugins.host().register(lake, "lake")
    yield lake
    plugins.host().unregister(name)


@pytest.fixture
def store(tmp_path: Path, lake: Lake) -> Iterator[SQLiteStore]:
    store = SQLiteStore(tmp_path / "runs.db", results=URL)
    yield store
    store.close()


def test_a_large_result_is_an_object_whose_url_is_its_place(lake: Lake) -> None:
    results = Results(URL)
    stored = results.put(RUN, "load", LARGE)
    assert stored.place.startswith(f"{URL}/{RUN}/load-")
    assert lake.objects() == {stored.place}
    assert results.get(stored) == LARGE
    assert results.put(RUN, "load", LARGE) == stored
    assert lake.objects() == {stored.place}
    assert results.put(RUN, "count", 3).place == ""


def test_a_short_result_asks_for_no_object(lake: Lake) -> None:
    results = Results(URL)
    assert results.get(results.put(RUN, "count", [1, 2])) == [1, 2]
    assert lake.calls == []


def test_a_serializers_result_is_an_object_too(lake: Lake) -> None:
    results = Results(URL, serializers=[PickleSerializer()])
    stored = results.put(RUN, "load", slice(1, 2))
    assert stored.serializer == "pickle"
    assert results.get(stored) == slice(1, 2)
    with raises_saying(ResultError, "pickle wrote it", "serializers=[PickleSerializer()]"):
        Results(URL).get(stored)


def test_a_result_that_holds_a_secret_is_no_object(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_TOKEN", "very-secret-token")
    token = Secret("env:LAKE_TOKEN").get()
    assert Results(URL).put(RUN, "load", {**LARGE, "token": token}).serializer == ""
    assert lake.objects() == set()


def test_an_object_that_was_changed_cut_or_removed_is_an_error_and_never_a_result(lake: Lake) -> None:
    results = Results(URL)
    stored = results.put(RUN, "load", LARGE)
    path = lake.path / stored.place.removeprefix("lake://")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"x")
    with raises_saying(ResultError, repr(stored.place), "it is not what was written", "run the step again"):
        results.get(stored)
    path.write_bytes(whole[:-1])
    with raises_saying(ResultError, f"{len(whole) - 1} bytes, {len(whole)} were written"):
        results.get(stored)
    path.unlink()
    with raises_saying(ResultError, repr(stored.place), "it is not there; run the step again"):
        results.get(stored)


@pytest.mark.parametrize(
    "place",
    [
        "lake://bucket/results/../x.json",
        "lake://x/y",
        "lake://bucket/results/documents/letter.txt",
        f"lake://a/b/../../etc/{NAME}",
        f"file:///etc/group/{NAME}",
    ],
)
def test_a_place_that_longshore_does_not_make_is_refused(lake: Lake, place: str) -> None:
    with raises_saying(ResultError, repr(place), "none that Longshore makes"):
        Results(URL).get(StoredResult(serializer="json", place=place, size=1, digest="0"))
    assert lake.calls == []


def test_what_fails_there_is_an_error_that_says_what_and_where(lake: Lake) -> None:
    results = Results(URL)
    stored = results.put(RUN, "load", LARGE)
    for broken, act in (
        ("write", lambda: results.put(RUN, "again", LARGE)),
        ("open", lambda: results.get(stored)),
        ("names", lambda: results.remove(RUN)),
        ("remove", lambda: results.remove(RUN)),
    ):
        lake.broken = broken
        with pytest.raises(StoreError, match="the lake is frozen; wait for spring") as raised:
            act()
        assert URL in str(raised.value)
        assert not isinstance(raised.value, ResultError), "the step would run again for it"


def test_a_scheme_that_nobody_offers_is_an_error_before_the_run_is_on_record(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "runs.db", results="pond://bucket/results")
    with raises_saying(
        ConfigurationError, "'pond://bucket/results'", "no plugin offers pond://; there are: "
    ):
        a_flow().run(store=store)
    assert store.runs() == []
    store.close()


def test_what_is_no_storage_connection_is_said(lake: Lake) -> None:
    for results in (Results("puddle://x"), Results(URL, connection=3)):
        with raises_saying(ConfigurationError, "is no storage connection; it has no folder(url)"):
            results.check()
    with raises_saying(ConfigurationError, "got a connection; give it a URL"):
        Results("folder", connection=lake)


def test_a_connection_that_was_given_is_used(lake: Lake, tmp_path: Path) -> None:
    other = Lake(tmp_path / "other")
    results = Results(URL, connection=other)
    stored = results.put(RUN, "load", LARGE)
    assert (lake.objects(), other.objects()) == (set(), {stored.place})
    elsewhere = Results("lake://other/folder", connection=other)
    assert elsewhere.get(stored) == LARGE


_worked: list[str] = []


@task
def load() -> dict[str, Any]:
    _worked.append("load")
    return LARGE


@task
def count(loaded: dict[str, Any]) -> int:
    _worked.append("count")
    if current.attempt and "fail" in _worked:
        raise ConnectionError
    return len(loaded["rows"])


def a_flow() -> Flow:
    with Flow("loading") as loading:
        count(load())
    return loading


def test_a_run_is_resumed_elsewhere_with_the_results_that_its_record_refers_to(
    store: SQLiteStore, lake: Lake, tmp_path: Path
) -> None:
    """Also by a store that was given no URL, from a copy of the file."""
    _worked[:] = ["fail"]
    assert isinstance(a_flow().run(store=store, run_id=RUN).state, Failed)
    store.close()
    (tmp_path / "elsewhere").mkdir()
    moved = SQLiteStore(store.path.rename(tmp_path / "elsewhere" / "runs.db"))
    _worked.clear()
    again = a_flow().resume(RUN, store=moved)
    assert again.results["count"] == 20_000
    assert _worked == ["count"]
    moved.close()


def test_a_service_that_is_away_stops_a_run_and_no_step_runs_again_for_it(
    store: SQLiteStore, lake: Lake
) -> None:
    lake.broken = "write"
    _worked.clear()
    run = a_flow().run(store=store, run_id=RUN)
    assert isinstance(run.state, Failed)
    assert "the lake is frozen" in run.state.message
    lake.broken = ""
    _worked[:] = ["fail"]
    a_flow().resume(RUN, store=store)
    lake.broken = "open"
    _worked.clear()
    with raises_saying(StoreError, "cannot open the result", "resume the run when that is mended"):
        a_flow().resume(RUN, store=store)
    assert _worked == []
    lake.broken = ""
    assert a_flow().resume(RUN, store=store).results["count"] == 20_000
    assert _worked == ["count"]


def finished(store: SQLiteStore, run_id: str) -> StoredResult:
    """Record a run that ended long ago, with a large result."""
    claimed(store, run_id)
    result = store.results.put(run_id, "load", LARGE)
    loaded = StepChanged(
        step="load", map_index=-1, attempt=1, state="Success", message="", time=2.0, finished=True,
        result=result,
    )  # fmt: skip
    store.write(run_id, "me", [loaded, RunChanged(state="Success", message="", time=3.0, finished=True)])
    store.release(run_id, "me")
    return result


def test_pruning_removes_the_objects_of_a_run_and_none_of_another_stores(
    store: SQLiteStore, lake: Lake, tmp_path: Path
) -> None:
    other = SQLiteStore(tmp_path / "other.db", results=URL)
    theirs, ours = finished(other, "run-of-another"), finished(store, RUN)
    unreferred = store.results.put("run-that-stays", "lost", LARGE)
    young = store.results.put("run-that-stays", "young", LARGE)
    claimed(store, "run-that-stays")
    for place in (theirs.place, unreferred.place):
        lake.age(place, 7_200)
    pruned = store.prune(10.0)
    assert (pruned.runs, pruned.files) == (1, 2)
    assert pruned.bytes == ours.size + unreferred.size
    assert lake.objects() == {theirs.place, young.place}
    other.close()


def test_a_run_stays_until_its_objects_are_removed(store: SQLiteStore, lake: Lake) -> None:
    result = finished(store, RUN)
    lake.broken = "remove"
    with raises_saying(StoreError, "cannot remove results below", "frozen"):
        store.prune(10.0)
    assert [run.state for run in store.runs()] == ["Success"]
    lake.broken = ""
    assert store.prune(10.0).runs == 1
    assert result.place not in lake.objects()


def test_a_run_with_open_jobs_keeps_its_objects(store: SQLiteStore, lake: Lake) -> None:
    result = finished(store, RUN)
    store.claim(RUN, "me")
    job = JobRecord(run_id=RUN, step="load", map_index=-1, attempt=1, serial=1, key="k")
    store.write(RUN, "me", [JobIntended(job=job)])
    store.release(RUN, "me")
    assert store.prune(10.0).kept == (RUN,)
    assert store.run(RUN).tries == 2, "it was not claimed for it"
    assert lake.objects() == {result.place}


def test_a_store_with_another_folder_removes_what_its_runs_have_in_the_first(
    store: SQLiteStore, lake: Lake
) -> None:
    finished(store, RUN)
    beside = SQLiteStore(store.path)
    pruned = beside.prune(10.0)
    assert (pruned.runs, pruned.files) == (1, 1)
    assert lake.objects() == set()
    beside.close()


def test_a_url_says_where_a_stores_results_go(lake: Lake, tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/runs.db?results={URL}&durability=power")
    assert store.durability == "power"
    assert store.results.put(RUN, "load", LARGE).place.startswith(f"{URL}/{RUN}/")
    store = open_store(f"sqlite:///{tmp_path}/runs.db?results=file://{tmp_path}/results")
    place = store.results.put(RUN, "load", LARGE).place
    assert (tmp_path / "results" / place).is_file()
    with raises_saying(ConfigurationError, "'results=' and a folder or URL"):
        open_store("sqlite:///runs.db?results=")


def test_pruning_removes_nothing_that_a_forged_record_names(store: SQLiteStore, lake: Lake) -> None:
    """Only what `Results` makes for the run in question."""
    finished(store, "victim-run")
    [victim] = lake.objects()
    claimed(store, "forged-run")
    forged = StepChanged(
        step="load", map_index=-1, attempt=1, state="Success", message="", time=2.0, finished=True,
        result=StoredResult(serializer="json", place=victim, size=1, digest="0"),
    )  # fmt: skip
    store.write(
        "forged-run", "me", [forged, RunChanged(state="Success", message="", time=3.0, finished=True)]
    )
    store.release("forged-run", "me")
    beside = SQLiteStore(store.path)
    assert beside.prune(2.5).runs == 0
    store.claim("victim-run", "me")
    assert beside.prune(10.0).runs == 1
    assert lake.objects() == {victim}
    beside.close()
