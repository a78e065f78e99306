"""The tasks of S3, as people write them."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("boto3", reason="needs longshore[s3]")

from s3_servers import ACCESS_KEY, REGION, SECRET_KEY, S3Server

import longshore_s3
from longshore import ConfigurationError, LongshoreError, Task, flow
from longshore_s3 import (
    S3Connection,
    S3Copy,
    S3CreateBucket,
    S3Delete,
    S3Download,
    S3Exists,
    S3List,
    S3Move,
    S3Presign,
    S3Read,
    S3ReadText,
    S3Sync,
    S3Upload,
    S3Wait,
    S3Write,
)
from longshore_s3.plugin import longshore_storage, longshore_tasks
from longshore_storage.errors import ObjectNotFoundError
from longshore_storage.objects import ObjectInfo

TASKS = [one for one in vars(longshore_s3).values() if isinstance(one, type) and issubclass(one, Task)]


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)


@pytest.fixture
def lake(s3_server: S3Server) -> S3Connection:
    return S3Connection(endpoint=s3_server.endpoint, region=REGION)


@pytest.fixture
def url(s3_bucket: str) -> str:
    return f"s3://{s3_bucket}"


def test_all_tasks_are_offered_and_s3_urls_are_opened() -> None:
    assert {one.__name__ for one in longshore_tasks()} == {one.__name__ for one in TASKS}
    assert len(TASKS) == 14
    assert longshore_storage() == {"s3": S3Connection}


def test_a_file_goes_to_s3_and_back_in_a_flow(lake: S3Connection, url: str, tmp_path: Path) -> None:
    (tmp_path / "2013.csv").write_text("EWR,12\n")

    @flow
    def there_and_back(source: Path, target: Path) -> ObjectInfo:
        stored = S3Upload(connection=lake, storage_class="STANDARD_IA")(source, f"{url}/x.csv")
        return S3Download(connection=lake)(stored, target)

    places = {"source": tmp_path / "2013.csv", "target": tmp_path / "copy.csv"}
    result = there_and_back.run(**places, raise_on_failure=True).result
    assert (tmp_path / "copy.csv").read_text() == "EWR,12\n"
    assert result.path == tmp_path / "copy.csv"
    assert result.storage_class == "STANDARD_IA"
    assert result.verified in ("crc64nvme", "md5")


def test_each_task_does_its_work(lake: S3Connection, url: str) -> None:
    def run(cls: type[Task[Any]], *arguments: Any, **inputs: Any) -> Any:
        return cls(connection=lake)(*arguments, **inputs)  # type: ignore[call-arg]

    run(S3Write, "one", f"{url}/in/1.txt")
    run(S3Copy, f"{url}/in/1.txt", f"{url}/in/2.txt")
    run(S3Move, f"{url}/in/2.txt", f"{url}/out/2.txt")
    assert run(S3Read, f"{url}/out/2.txt") == b"one"
    assert run(S3ReadText, f"{url}/in/1.txt") == "one"
    assert [info.url for info in run(S3List, url)] == [f"{url}/in/1.txt", f"{url}/out/2.txt"]
    assert run(S3Exists, f"{url}/in/2.txt") is False
    assert run(S3Exists, f"{url}/out/") is True
    assert run(S3Wait, f"{url}/out/2.txt").size == 3
    with urllib.request.urlopen(run(S3Presign, f"{url}/out/2.txt")) as answer:
        assert answer.read() == b"one"
    assert run(S3Delete, f"{url}/out/", recursive=True).objects == 1
    with pytest.raises(LongshoreError) as raised:
        S3Read(connection=lake, retries=0)(f"{url}/out/2.txt")
    assert isinstance(raised.value, ObjectNotFoundError) or isinstance(
        raised.value.__cause__, ObjectNotFoundError
    )


def test_folders_and_prefixes_are_made_alike(lake: S3Connection, url: str, tmp_path: Path) -> None:
    for name in ("a.csv", "deep/b.csv"):
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    S3Sync(connection=lake)(tmp_path / "source", f"{url}/tree")
    S3Sync(connection=lake)(f"{url}/tree", f"{url}/again")
    S3Sync(connection=lake)(f"{url}/again", tmp_path / "target")
    assert (tmp_path / "target" / "deep" / "b.csv").read_text() == "deep/b.csv"


def test_a_bucket_is_made_by_a_task(lake: S3Connection, url: str) -> None:
    assert S3CreateBucket(connection=lake, versioning=True)(f"{url}-new") is True
    assert S3CreateBucket(connection=lake)(f"{url}-new") is False
    assert S3Write(connection=lake)("x", f"{url}-new/k").version


def test_options_that_cannot_work_are_errors_at_once() -> None:
    with pytest.raises(ConfigurationError, match="write encryption='aws:kms'"):
        S3Upload(kms_key="alias/lake")
    with pytest.raises(ConfigurationError, match="lock_mode and retain_until together"):
        S3Write(lock_mode="GOVERNANCE")
