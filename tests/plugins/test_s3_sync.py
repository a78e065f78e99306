"""Trees and prefixes of S3, synced, waited for, moved and deleted, on servers of two makes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("boto3", reason="needs longshore[s3]")

from s3_servers import ACCESS_KEY, REGION, SECRET_KEY, S3Server

from longshore_s3 import S3Connection
from longshore_s3.tasks import S3Delete, S3List, S3Move, S3Sync, S3Wait, S3Write
from longshore_storage import ObjectsFailedError, UnsafeNameError
from longshore_storage.protocol import MIB

NAMES = ["a", "a-b", "a.b", "b/c", "b/d/e", "b0", "räksmörgås", "\ufb01", "\U0001f600", "with space+plus%41"]


@pytest.fixture
def connection(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Connection:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    return S3Connection(endpoint=s3_server.endpoint, region=REGION)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    for name in NAMES:
        (tmp_path / "here" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "here" / name).write_text(name)
    (tmp_path / "here" / "large").write_bytes(os.urandom(6 * MIB))
    for path in (tmp_path / "here").rglob("*"):
        os.utime(path, (1_700_000_000.5, 1_700_000_000.5))
    return tmp_path / "here"


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_tree_goes_to_s3_and_back_and_from_prefix_to_prefix(
    connection: S3Connection, s3_bucket: str, here: Path, tmp_path: Path
) -> None:
    sync = S3Sync(connection=connection, part_size=5 * MIB, retries=0)
    one, two = f"s3://{s3_bucket}/one", f"s3://{s3_bucket}/two"
    assert sync(here, one).copied == len(NAMES) + 1
    assert sync(here, one).equal == len(NAMES) + 1
    assert sync(one, two).copied == len(NAMES) + 1
    assert sync(one, two).copied == 0
    assert sync(two, tmp_path / "there").copied == len(NAMES) + 1
    assert tree(tmp_path / "there") == tree(here)
    assert sync.replace(compare="content")(two, here).copied == 0


def test_only_what_is_asked_is_deleted(connection: S3Connection, s3_bucket: str, here: Path) -> None:
    sync = S3Sync(connection=connection, exclude=["large"], retries=0)
    one = f"s3://{s3_bucket}/one"
    sync(here, one)
    for key in ("one/extra", "one/large", "one-more"):
        S3Write(connection=connection)("x", f"s3://{s3_bucket}/{key}")
    planned = sync.replace(delete=True, dry_run=True)(here, one)
    assert [step.url for step in planned.plan] == [f"{one}/extra"]
    assert sync.replace(delete=True)(here, one).deleted == 1
    listed = S3List(connection=connection)(f"s3://{s3_bucket}")
    assert {info.url for info in listed} >= {f"{one}/large", f"s3://{s3_bucket}/one-more"}
    assert len(listed) == len(NAMES) + 2
    assert S3Delete(connection=connection)(one, recursive=True).objects == len(NAMES) + 1
    assert len(S3List(connection=connection)(f"s3://{s3_bucket}")) == 1


def test_keys_that_are_no_names_are_told_and_the_others_come(
    connection: S3Connection, s3_bucket: str, tmp_path: Path
) -> None:
    for key in ("in/good", "in/a", "in/a/b", "in/c\\d"):
        S3Write(connection=connection)("x", f"s3://{s3_bucket}/{key}")
    with pytest.raises(ObjectsFailedError) as caught:
        S3Sync(connection=connection, retries=0)(f"s3://{s3_bucket}/in", tmp_path / "out")
    assert [isinstance(error, UnsafeNameError) for _, error in caught.value.failures] == [True, True]
    assert tree(tmp_path / "out") == {"good": b"x", "a": b"x"}


def test_objects_are_moved_and_waited_for(connection: S3Connection, s3_bucket: str, tmp_path: Path) -> None:
    written = S3Write(connection=connection, metadata={"a": "1"})("x", f"s3://{s3_bucket}/in/a")
    moved = S3Move(connection=connection)(written, f"s3://{s3_bucket}/done/")
    assert moved.url == f"s3://{s3_bucket}/done/a"
    assert S3Wait(connection=connection, until="gone", max_wait=5)(written.url) is None
    found = S3Wait(connection=connection, max_wait=5)(moved.url)
    assert found is not None
    assert found.metadata == {"a": "1"}
    S3Move(connection=connection)(moved.url, tmp_path / "a")
    assert (tmp_path / "a").read_text() == "x"
    assert S3Wait(connection=connection, until="gone", max_wait=5)(f"s3://{s3_bucket}/done/") is None
