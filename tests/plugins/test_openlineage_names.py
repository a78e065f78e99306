"""Names of datasets, UUIDs of runs, sums of what was read and written: without a backend."""

from __future__ import annotations

import random
import uuid

import pytest
from lineage_rig import nowhere

from longshore import Dataset
from longshore_openlineage import dataset_name, parent_id, run_uuid, settings
from longshore_openlineage.identities import Link, links_around
from longshore_openlineage.totals import Totals, parent

__all__ = ["nowhere"]  # a fixture


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("s3://lake/2013/a b.csv", ("s3://lake", "2013/a b.csv")),
        ("s3a://lake/2013/", ("s3://lake", "2013")),
        ("s3n://lake/", ("s3://lake", "/")),
        ("s3://lake", ("s3://lake", "/")),
        ("gs://lake/a?b#c", ("gs://lake", "a?b#c")),
        ("file:///data/2013.csv", ("file", "/data/2013.csv")),
        ("file:///data/", ("file", "/data")),
        ("file:///", ("file", "/")),
        ("file://host/share/a", ("file://host", "/share/a")),
        ("/data/a.csv", ("file", "/data/a.csv")),
        ("https://example.com:8443/a/b.csv?year=1", ("https://example.com:8443", "a/b.csv?year=1")),
        ("https://example.com", ("https://example.com", "/")),
        ("hdfs://nn:8020/data/a", ("hdfs://nn:8020", "/data/a")),
        ("abfss://box@acct.dfs.core.windows.net/a/b", ("abfss://box@acct.dfs.core.windows.net", "a/b")),
        ("snowflake://org-acct/DB/PUBLIC/T?warehouse=W", ("snowflake://org-acct", "DB.PUBLIC.T")),
        ("postgresql://db/x/public/t", ("postgres://db:5432", "x.public.t")),
        ("postgresql+psycopg://db:6432/x/public/t%20u", ("postgres://db:6432", "x.public.t u")),
        ("mysql://db/x/t", ("mysql://db:3306", "x.t")),
        ("mssql+pyodbc://db/x/dbo/t", ("mssql://db:1433", "x.dbo.t")),
        ("redshift://c.eu-west-1:5439/x/public/t", ("redshift://c.eu-west-1:5439", "x.public.t")),
        ("bigquery://project/dataset/table", ("bigquery", "project.dataset.table")),
        ("trino://db:8080/c/s/t", ("trino://db:8080", "c.s.t")),
        ("kafka://broker/topic", ("kafka://broker:9092", "topic")),
        ("acme://place/thing", ("acme://place", "thing")),
    ],
)
def test_datasets_have_the_names_of_the_specification(uri: str, name: tuple[str, str]) -> None:
    assert dataset_name(uri) == name


def test_uuids_follow_from_run_and_step_alone() -> None:
    known = uuid.uuid4()
    assert run_uuid(known.hex) == run_uuid(str(known)) == str(known)
    assert run_uuid("2013-01-01") == run_uuid("2013-01-01")
    every = {
        run_uuid(run, step) for run in (known.hex, "2013-01-01", "2013-01-02") for step in ("", "a", "b")
    }
    assert len(every) == 9
    assert all(str(uuid.UUID(one)) == one for one in every)
    assert run_uuid("2013-01-01", "load") == "7f15fa21-6503-5574-9c79-d4c0a342d358"


def test_outside_a_run_there_is_no_parent(nowhere: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert parent_id() == ""
    assert links_around() == (None, None)
    one, two = str(uuid.uuid4()), str(uuid.uuid4())
    monkeypatch.setenv("OPENLINEAGE_PARENT_ID", f"s3://x/dag.task/{one}")
    assert links_around() == (Link("s3://x", "dag.task", one),) * 2
    monkeypatch.setenv("OPENLINEAGE_ROOT_PARENT_ID", f"airflow/dag/{two}")
    assert links_around() == (Link("s3://x", "dag.task", one), Link("airflow", "dag", two))
    for wrong in ("", "x", "a/b", "a/b/c", "//", f"/b/{one}"):
        monkeypatch.setenv("OPENLINEAGE_PARENT_ID", wrong)
        assert links_around()[0] is None


def read(uri: str, **counts: int) -> Dataset:
    return Dataset(uri=uri, direction="read", **counts)  # type: ignore[arg-type]


def test_what_is_named_twice_is_added_up() -> None:
    totals = Totals()
    totals.add(read("s3://lake/a", bytes=1))
    totals.add(read("s3://lake/a", bytes=2, rows=5))
    totals.add(Dataset(uri="s3://lake/a", direction="write"))
    one, two = totals.told()
    assert (one.bytes, one.rows, one.files) == (3, 5, 1)
    assert (two.direction, two.bytes, two.rows) == ("write", None, None)


def test_the_fullest_folders_are_folded_and_the_rest_stays() -> None:
    totals = Totals(most=20)
    for n in range(100):
        totals.add(read(f"s3://lake/2013/{n}.csv", bytes=1))
    totals.add(Dataset(uri="s3://lake/out.csv", direction="write", version="v1"))
    totals.add(read("s3://lake/codes.csv"))
    assert [(t.uri, t.files, t.bytes, t.version) for t in totals.told()] == [
        ("s3://lake/2013/", 100, 100, ""),
        ("s3://lake/out.csv", 1, None, "v1"),
        ("s3://lake/codes.csv", 1, None, ""),
    ]


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_folded_nothing_is_lost_from_the_sums(seed: int) -> None:
    dice = random.Random(seed)
    most = dice.choice((4, 10, 50))
    totals, part = Totals(most), Totals(most)
    count = dice.randrange(500)
    for _ in range(count):
        depth = dice.randrange(5)
        uri = f"s3://b{dice.randrange(2)}/" + "/".join(str(dice.randrange(6)) for _ in range(depth + 1))
        (totals if dice.random() < 0.5 else part).add(read(uri + dice.choice(("", "/")), bytes=1))
    totals.merge(part)
    told = totals.told()
    assert sum(total.bytes or 0 for total in told) == count
    assert len(told) <= most
    assert len({total.uri for total in told}) == len(told)


def test_datasets_that_have_nothing_in_common_all_stay() -> None:
    totals = Totals(most=10)
    for n in range(50):
        totals.add(read(f"https://host{n}/x"))
    assert len(totals.told()) == 50
    assert sum(total.files for total in totals.told()) == 50


@pytest.mark.parametrize(
    ("uri", "folder"),
    [
        ("s3://lake/2013/a", "s3://lake/2013/"),
        ("s3://lake/2013/", "s3://lake/"),
        ("s3://lake/", "s3://lake/"),
        ("s3://lake", "s3://lake"),
        ("file:///a", "file:///"),
        ("file:///", "file:///"),
    ],
)
def test_every_dataset_has_a_folder(uri: str, folder: str) -> None:
    assert parent(uri) == folder


def test_settings_hold_their_secrets() -> None:
    told = {
        "type": "http",
        "url": "https://x",
        "auth": {"type": "jwt", "apiKey": "k1", "tokenEndpoint": "https://t", "scopes": ["s1"]},
        "custom_headers": {"X-Token": "t1"},
        "config": {"sasl.password": "p1", "bootstrap.servers": "kafka"},
    }
    assert set(settings.secret_texts(told)) == {"k1", "s1", "t1", "p1"}
