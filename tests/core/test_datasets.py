"""What tasks say that they read and wrote: cleaned, and told to plugins from every executor, in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore import (
    ConfigurationError,
    Flow,
    Handle,
    InlineExecutor,
    Job,
    JobFinished,
    ProcessExecutor,
    Retry,
    Secret,
    ThreadExecutor,
    current,
    hookimpl,
    plugins,
    task,
)
from longshore.datasets import MOST_OF_AN_ATTEMPT, Dataset, clean_uri
from longshore.handlers import Subject
from longshore.lanes import drain
from longshore.states import Retrying, Running, State, Success
from longshore.testing import Canary, canary, datasets_told, progress_told

__all__ = ["canary"]  # a fixture


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("s3://lake/2013/a b.csv", "s3://lake/2013/a b.csv"),
        ("S3://lake/a?b=1#c", "s3://lake/a?b=1#c"),
        ("s3://AKIA:wJalr@lake/a.csv", "s3://lake/a.csv"),
        ("gs://lake/x@y.csv", "gs://lake/x@y.csv"),
        ("https://ann:s3cret@example.com/a.csv", "https://example.com/a.csv"),
        ("https://example.com/a.csv?year=2013#top", "https://example.com/a.csv?year=2013"),
        ("https://example.com:8080/@scope/a.csv", "https://example.com:8080/@scope/a.csv"),
        (
            "https://lake.s3.amazonaws.com/a.csv?versionId=7&X-Amz-Credential=AKIA%2F1&X-Amz-Date=20&X-Amz-Signature=ab",
            "https://lake.s3.amazonaws.com/a.csv?versionId=7",
        ),
        ("https://storage.googleapis.com/l/a?GoogleAccessId=me&Expires=1&Signature=x", "https://storage.googleapis.com/l/a"),
        ("https://a.blob.core.windows.net/c/a?sv=2021&se=2030&sr=b&sp=r&sig=Zz%3D", "https://a.blob.core.windows.net/c/a"),
        ("https://example.com/a?api_key=1&page=2", "https://example.com/a?page=2"),
        ("https://example.com/a?se=sweden", "https://example.com/a?se=sweden"),
        ("abfss://box@account.dfs.core.windows.net/a", "abfss://box@account.dfs.core.windows.net/a"),
        ("abfss://me:pw@account.dfs.core.windows.net/a", "abfss://account.dfs.core.windows.net/a"),
        ("snowflake://ann:s3cret@org-acct/DB/PUBLIC/T?warehouse=W", "snowflake://org-acct/DB/PUBLIC/T?warehouse=W"),
        ("postgresql://ann:s3/cr@et#1@db:5432/x/y/z", "postgresql://db:5432/x/y/z"),
        ("postgresql://ann:s3#cret@db/x", "postgresql://db/x"),
        ("mysql://db/x?user=ann&password=s3cret", "mysql://db/x"),
        ("https://[::1]:8080/a@b", "https://[::1]:8080/a@b"),
        ("/data//x/../a.csv", "file:///data/a.csv"),
        ("/data/2013/", "file:///data/2013/"),
        (Path("/data/a b.csv"), "file:///data/a b.csv"),
        ("/", "file:///"),
    ],
)  # fmt: skip
def test_a_uri_says_where_something_is_and_nothing_that_opens_it(given: Any, shown: str) -> None:
    assert clean_uri(given) == shown
    assert clean_uri(shown) == shown


def test_a_path_is_from_here_and_an_empty_one_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert clean_uri("a.csv") == f"file://{tmp_path}/a.csv"
    with pytest.raises(ConfigurationError, match="cannot name a dataset ''"):
        clean_uri("")


def test_a_dataset_has_what_was_counted_its_columns_and_its_version() -> None:
    with datasets_told() as told:
        current.reads("s3://lake/a.csv", bytes=7, version="v1")
        current.writes("bigquery://p/d/t", rows=2, columns={"year": "INT64", "carrier": "STRING"})
        current.writes("bigquery://p/d/u", columns=["year", "carrier"])
        current.progress(0.5)
    assert told == [
        Dataset(uri="s3://lake/a.csv", direction="read", bytes=7, version="v1"),
        Dataset(
            uri="bigquery://p/d/t",
            direction="write",
            rows=2,
            columns=(("year", "INT64"), ("carrier", "STRING")),
        ),
        Dataset(uri="bigquery://p/d/u", direction="write", columns=(("year", ""), ("carrier", ""))),
    ]
    with progress_told() as progress:
        current.reads("s3://lake/a.csv")
        current.progress(0.5)
    assert [told.fraction for told in progress] == [0.5]


@pytest.mark.parametrize("wrong", [{"bytes": -1}, {"rows": 1.5}, {"rows": True}, {"bytes": "7"}])
def test_a_count_that_is_none_is_refused_and_nothing_is_told(wrong: dict[str, Any]) -> None:
    with datasets_told() as told, pytest.raises(ConfigurationError, match="give a number from 0"):
        current.reads("s3://lake/a.csv", **wrong)
    assert told == []


def test_outside_a_run_it_goes_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    current.reads("s3://lake/a.csv")
    current.writes("")
    assert caplog.records == []


class Librarian:
    """A plugin that watches transitions and datasets."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        self.told: list[tuple[Subject, Dataset]] = []
        self.go_on = threading.Event()
        self.go_on.set()

    @hookimpl
    def longshore_state_changed(self, subject: Subject, old: State, new: State) -> None:
        self.go_on.wait(30)
        if subject.kind == "task":
            self.heard.append((subject.label, type(new).__name__))

    @hookimpl
    def longshore_dataset(self, subject: Subject, dataset: Dataset) -> None:
        self.heard.append((subject.label, dataset.uri))
        self.told.append((subject, dataset))


@pytest.fixture
def librarian() -> Iterator[Librarian]:
    librarian = Librarian()
    name = plugins.host().register(librarian)
    yield librarian
    plugins.host().unregister(name)


@task
def copied(n: int) -> int:
    current.reads(f"s3://lake/{n}.csv", bytes=n)
    current.writes(f"gs://mill/{n}.csv", bytes=n)
    return n


EXECUTORS = [InlineExecutor(), ThreadExecutor(2), ProcessExecutor(1)]


@pytest.mark.parametrize("executor", EXECUTORS, ids=repr)
def test_plugins_hear_of_datasets_between_the_states_of_the_step_wherever_it_runs(
    librarian: Librarian, executor: Any
) -> None:
    with Flow("copying", tags=("eu",)) as copying:
        copied.map([1])
    run = copying.run(executor=executor)
    drain(5)
    assert [what for label, what in librarian.heard if label == "copied[0]"] == [
        "Running", "s3://lake/1.csv", "gs://mill/1.csv", "Success",
    ]  # fmt: skip
    assert {(s.run_id, s.flow, s.attempt, s.tags) for s, _ in librarian.told} == {
        (run.run_id, "copying", 1, ("eu",))
    }


def test_each_attempt_tells_its_own(librarian: Librarian) -> None:
    @task(retries=1)
    def twice() -> None:
        current.reads(f"s3://lake/{current.attempt}.csv")
        if current.attempt == 1:
            raise Retry(after=0)

    with Flow("again") as again:
        twice()
    again.run()
    drain(5)
    assert [(s.attempt, d.uri) for s, d in librarian.told] == [(1, "s3://lake/1.csv"), (2, "s3://lake/2.csv")]
    assert [what for _, what in librarian.heard if what.startswith("R")] == [
        Running.__name__, Retrying.__name__, Running.__name__,
    ]  # fmt: skip


def test_what_a_call_inside_a_task_reads_is_read_by_the_step(librarian: Librarian) -> None:
    @task
    def outer() -> None:
        copied(3)
        current.progress(0.5)

    with Flow("nesting") as nesting:
        outer()
    nesting.run()
    drain(5)
    assert [(s.label, d.uri) for s, d in librarian.told] == [
        ("outer", "s3://lake/3.csv"),
        ("outer", "gs://mill/3.csv"),
    ]


class Query(Job[int]):
    """A job that another system has done already."""

    def submit(self, key: str) -> Handle:
        return {"id": "q1"}

    def find(self, key: str) -> Handle | None:
        return None

    def poll(self, handle: Handle) -> JobFinished:
        return JobFinished()

    def result(self, handle: Handle) -> int:
        current.reads("snowflake://acct/DB/PUBLIC/T", rows=5)
        return 5

    def logs(self, handle: Handle, cursor: str | None) -> Iterator[Any]:
        return iter(())

    def cancel(self, handle: Handle) -> None:
        pass


@pytest.mark.parametrize("executor", EXECUTORS, ids=repr)
def test_a_job_tells_with_its_result_what_it_read(librarian: Librarian, executor: Any) -> None:
    with Flow("asking") as asking:
        Query()()
    assert asking.run(executor=executor).succeeded
    drain(5)
    assert [d for _, d in librarian.told] == [
        Dataset(uri="snowflake://acct/DB/PUBLIC/T", direction="read", rows=5)
    ]
    assert librarian.heard[-1] == ("Query", Success.__name__)


def test_ten_thousand_mapped_steps_lose_none_though_the_plugin_is_slow(librarian: Librarian) -> None:
    librarian.go_on.clear()
    with Flow("wide") as wide:
        copied.map(list(range(2_500)))
    assert wide.run(executor=InlineExecutor()).succeeded
    librarian.go_on.set()
    drain(30)
    assert {d.uri for _, d in librarian.told} == {
        uri for n in range(2_500) for uri in (f"s3://lake/{n}.csv", f"gs://mill/{n}.csv")
    }


def test_more_than_an_attempt_may_name_is_left_out_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with datasets_told() as told:
        for n in range(MOST_OF_AN_ATTEMPT + 3):
            current.reads(f"s3://lake/{n}")
    assert len(told) == MOST_OF_AN_ATTEMPT
    [line] = [text for text in caplog.messages if "left out" in text]
    assert line == (
        "more than 10,000 datasets were named; those from 's3://lake/10000' on are left out; "
        "name their folder"
    )


def test_a_plugin_that_hears_of_datasets_alone_and_raises_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Angry:
        heard = 0

        @hookimpl
        def longshore_dataset(self, dataset: Dataset) -> None:
            self.heard += 1
            raise ValueError("no luck")

    angry = Angry()
    name = plugins.host().register(angry)
    try:
        with Flow("copying") as copying:
            copied(1)
        assert copying.run().results["copied"] == 1
        drain(5)
    finally:
        plugins.host().unregister(name)
    assert angry.heard == 2
    assert len([text for text in caplog.messages if "longshore_dataset" in text]) == 1


def test_a_plugin_that_watches_nothing_now_hears_nothing_and_is_asked_for_each_run() -> None:
    class Sleeper(Librarian):
        awake = False
        asked = 0

        @hookimpl
        def longshore_watches(self) -> bool:
            self.asked += 1
            return self.awake

    sleeper = Sleeper()
    name = plugins.host().register(sleeper)
    try:
        with Flow("copying") as copying:
            copied(1)
        copying.run()
        drain(5)
        assert sleeper.heard == []
        assert sleeper.asked > 0
        sleeper.awake = True
        copying.run()
        drain(5)
        assert [what for _, what in sleeper.heard] == [
            "Running",
            "s3://lake/1.csv",
            "gs://mill/1.csv",
            "Success",
        ]
    finally:
        plugins.host().unregister(name)


@task
def leaking(password: Secret) -> None:
    value = password.get()
    current.reads(f"s3://lake/{value}.csv", version=value, columns=[value])


@pytest.mark.parametrize("executor", EXECUTORS, ids=repr)
def test_no_secret_is_in_what_plugins_hear(canary: Canary, librarian: Librarian, executor: Any) -> None:
    with Flow("leaking") as flow:
        leaking(canary.secret)
    assert flow.run(executor=executor).succeeded
    drain(5)
    [(subject, dataset)] = librarian.told
    canary.assert_absent(subject, dataset, librarian.heard)
    assert dataset.uri == "s3://lake/***.csv"


def test_saying_it_costs_little_where_nobody_listens() -> None:
    began = time.perf_counter()
    for _ in range(10_000):
        current.reads("s3://lake/a.csv", bytes=7)
    assert time.perf_counter() - began < 10
