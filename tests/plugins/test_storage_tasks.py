"""The tasks on objects of every scheme, on files and on a service in memory."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from shelf_store import Plugin, ShelfConnection, ShelfStore

from longshore import ConfigurationError, TaskFailed, field, flow, plugins
from longshore_storage import (
    ConditionFailedError,
    ContentError,
    Copy,
    Delete,
    Exists,
    List,
    Move,
    ObjectChangedError,
    ObjectExistsError,
    ObjectNotFoundError,
    ObjectsFailedError,
    Read,
    ReadText,
    SourceError,
    StorageError,
    ThrottledError,
    TooLargeError,
    Wait,
    WaitTimeoutError,
    Write,
)
from longshore_storage.locations import parse
from longshore_storage.patterns import Pattern
from longshore_storage.stores import store_for
from longshore_storage.tasks import CreateBucketTask, DownloadTask, PresignTask, SyncTask, UploadTask


class ShelfUpload(UploadTask):
    """As an integration writes one."""

    connection: ShelfConnection = ShelfConnection()


class ShelfDownload(DownloadTask):
    """As an integration writes one."""

    connection: ShelfConnection = ShelfConnection()


class ShelfSync(SyncTask):
    """As an integration writes one."""

    connection: ShelfConnection = ShelfConnection()


class ShelfPresign(PresignTask):
    """As an integration writes one."""

    connection: ShelfConnection = ShelfConnection()


class ShelfCreateBucket(CreateBucketTask):
    """As an integration writes one."""

    connection: ShelfConnection = field(default=ShelfConnection())


@pytest.fixture
def shelf() -> Iterator[ShelfStore]:
    """The service in memory, empty, its scheme offered by a plugin."""
    plugin = Plugin()
    plugins.host().register(plugin, "shelf")
    store = store_for(ShelfConnection())
    assert isinstance(store, ShelfStore)
    store.__init__()  # type: ignore[misc]
    yield store
    plugins.host().unregister(plugin)


def test_bytes_text_and_files_become_objects_and_come_back(shelf: ShelfStore, tmp_path: Path) -> None:
    written = Write(metadata={"day": "1"})("räksmörgås", "shelf://lake/text")
    assert (written.size, written.metadata, written.checksum) == (
        13,
        {"day": "1"},
        shelf.head(parse(written.url)).checksum,
    )
    assert Read()("shelf://lake/text") == "räksmörgås".encode()
    assert ReadText()("shelf://lake/text") == "räksmörgås"
    (tmp_path / "table.csv").write_bytes(b"1,2\n")
    assert ShelfUpload()(tmp_path / "table.csv", "shelf://lake/2013/").url == "shelf://lake/2013/table.csv"
    assert ShelfUpload()(b"", "shelf://lake/empty").size == 0
    found = ShelfDownload()("shelf://lake/2013/table.csv", tmp_path / "there" / "copy.csv")
    assert (found.path, found.verified) == (tmp_path / "there" / "copy.csv", shelf.algorithm)
    assert ShelfDownload()(found, f"{tmp_path}/").path == tmp_path / "table.csv"


def test_a_small_object_is_one_request_each_way(shelf: ShelfStore, tmp_path: Path) -> None:
    Write()(b"1", "shelf://lake/a")
    Read()("shelf://lake/a")
    ShelfDownload()("shelf://lake/a", tmp_path / "a")
    assert shelf.requests == [("put", "a"), ("get", "a"), ("get", "a")]


def test_a_task_of_one_service_takes_no_place_of_another(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"it takes shelf://BUCKET/KEY; for other places"):
        ShelfUpload()(b"1", f"{tmp_path}/file")
    with pytest.raises(ConfigurationError, match="names a bucket and no object"):
        ShelfUpload()(b"1", "shelf://lake")


def test_what_is_no_file_is_not_uploaded(shelf: ShelfStore, tmp_path: Path) -> None:
    for path, why in ((tmp_path, "a folder; Sync copies one"), (tmp_path / "none", "No such file")):
        with pytest.raises(SourceError, match=why):
            ShelfUpload(retries=0)(path, "shelf://lake/key")
    with pytest.raises(ConfigurationError, match="cannot write a dict"):
        Write()({"a": 1}, "shelf://lake/key")  # type: ignore[call-overload]
    assert shelf.keys() == []


def test_overwrite_says_what_may_become_of_an_object(shelf: ShelfStore) -> None:
    first = Write()(b"1", "shelf://lake/a")
    with pytest.raises(ObjectExistsError):
        Write()(b"2", "shelf://lake/a", overwrite="never")
    second = Write()(b"2", "shelf://lake/a", overwrite=first)
    with pytest.raises(ConditionFailedError):
        Write()(b"3", "shelf://lake/a", overwrite=first)
    assert Write()(b"2", "shelf://lake/a", overwrite="if-different").version == second.version


def test_an_object_that_a_task_returned_is_that_version(shelf: ShelfStore, tmp_path: Path) -> None:
    first = Write()(b"1", "shelf://lake/a")
    Write()(b"2", "shelf://lake/a")
    assert Read()(first) == b"1"
    assert Read()("shelf://lake/a", version=first.version) == b"1"
    assert ShelfDownload()("shelf://lake/a", tmp_path / "a", version=first.version).size == 1
    with pytest.raises(ObjectChangedError):
        Read(retries=0)(replace(first, version=""))
    with pytest.raises(ObjectNotFoundError):
        Read()("shelf://lake/a", version="v99")


def test_what_is_too_large_or_no_text_is_said(shelf: ShelfStore) -> None:
    Write()(b"\xff" * 20, "shelf://lake/a")
    with pytest.raises(TooLargeError, match=r"it has 20 bytes, and max_size is 19"):
        Read(max_size=19)("shelf://lake/a")
    with pytest.raises(ContentError, match="byte 0 is no utf-8"):
        ReadText()("shelf://lake/a")
    assert ReadText(encoding="latin-1")("shelf://lake/a") == "ÿ" * 20
    large = b"0123456789abcdef" * (1 << 20) + b"end"
    Write()(large, "shelf://lake/large")
    assert Read()("shelf://lake/large") == large


def test_a_folder_is_no_beginning_of_a_word(shelf: ShelfStore) -> None:
    shelf.fill(**{"data/a": b"1", "data/": b"", "data/b/c.csv": b"22", "database": b"3", "data": b"4"})
    assert [info.url for info in List()("shelf://lake/data")] == [
        "shelf://lake/data/a",
        "shelf://lake/data/b/c.csv",
    ]
    assert [info.size for info in List()("shelf://lake/data/", recursive=False)] == [1]
    assert list(List().folders("shelf://lake/data")) == ["shelf://lake/data/b/"]
    assert [info.size for info in List()("shelf://lake", pattern="*.csv")] == [2]
    assert Delete()("shelf://lake/data", recursive=True).objects == 3
    assert shelf.keys() == ["data", "database"]


def test_a_listing_is_never_cut_silently_and_iterates_without_limit(shelf: ShelfStore) -> None:
    shelf.fill(**{f"{number:04}": b"" for number in range(2500)})
    with pytest.raises(TooLargeError, match="more than 2,499 objects"):
        List(max_keys=2499)("shelf://lake")
    assert len(List(max_keys=2500)("shelf://lake")) == 2500
    assert sum(1 for _ in List().iterate("shelf://lake")) == 2500


def test_a_listing_goes_on_after_a_broken_page(shelf: ShelfStore, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.fill(**{f"{number:04}": b"" for number in range(1500)})
    broken = [ThrottledError("slow down") for _ in range(1)]
    whole = shelf.list

    def breaking(prefix: object, **given: object) -> Iterator[object]:
        for count, entry in enumerate(whole(prefix, **given)):  # type: ignore[arg-type]
            if count == 700 and broken:
                raise broken.pop()
            yield entry

    monkeypatch.setattr(shelf, "list", breaking)
    assert [parse(info.url).key for info in List()("shelf://lake")] == shelf.keys()
    assert broken == []


def test_a_pattern_narrows_what_the_service_lists(shelf: ShelfStore) -> None:
    shelf.fill(**{"2013/01/a.csv": b"1", "2013/02/b.csv": b"1", "2014/a.csv": b"1"})
    assert len(List()("shelf://lake", pattern="2013/**/*.csv")) == 2
    assert shelf.asked("list") == ["2013/"]


@pytest.mark.parametrize(
    ("pattern", "fitting", "others"),
    [
        ("*.csv", ["a.csv", "x/y/a.csv", ".csv"], ["a.csv.gz", "csv"]),
        ("2013/*", ["2013/a"], ["2013/a/b", "x/2013/a"]),
        ("2013/**", ["2013/a", "2013/a/b"], ["2013"]),
        ("tmp/", ["tmp/a", "tmp/b/c"], ["tmp", "a/tmp/b"]),
        ("**/tmp/*", ["tmp/a", "a/tmp/b"], ["tmp/a/b"]),
        ("a?[0-9].[!x]", ["ab1.y", "a?2.z"], ["ab1.x", "a/1.y", "ab11.y"]),
        ("a+(b)", ["a+(b)"], ["aab"]),
    ],
)
def test_patterns_mean_what_the_page_says(pattern: str, fitting: list[str], others: list[str]) -> None:
    assert [name for name in (*fitting, *others) if Pattern(pattern).fits(name)] == fitting


def test_a_pattern_that_cannot_fit_anything_is_an_error() -> None:
    for text in ("", "/abs", "[z-a]"):
        with pytest.raises(ConfigurationError, match="cannot use the pattern"):
            Pattern(text)


def test_existence_is_asked_of_objects_and_folders(shelf: ShelfStore) -> None:
    shelf.fill(**{"data/a": b"1"})
    places = ("data/a", "data", "data/", "dat/")
    assert [Exists()(f"shelf://lake/{key}") for key in places] == [True, False, True, False]
    with pytest.raises(StorageError, match="no such bucket"):
        Exists(retries=0)("shelf://none/a")


def test_a_copy_inside_one_service_moves_no_bytes(shelf: ShelfStore) -> None:
    Write(metadata={"a": "1"}, content_type="text/csv")(b"1", "shelf://lake/a")
    shelf.requests.clear()
    copied = Copy()("shelf://lake/a", "shelf://lake/b")
    assert (copied.metadata, copied.content_type) == ({"a": "1"}, "text/csv")
    assert shelf.requests == [("head", "a"), ("copy", "b")]
    changed = Copy(content_type="text/plain")("shelf://lake/a", "shelf://lake/a")
    assert (changed.metadata, changed.content_type) == ({"a": "1"}, "text/plain")
    with pytest.raises(ConfigurationError, match="nothing about it would be new"):
        Copy()("shelf://lake/a", "shelf://lake/a")


def test_a_copy_between_two_services_streams(shelf: ShelfStore, tmp_path: Path) -> None:
    there = Copy(connections={"shelf://far/": ShelfConnection(number=1)}, part_size=4)
    Write(metadata={"a": "1"})(b"0123456789", "shelf://lake/a")
    copied = there("shelf://lake/a", "shelf://far/a")
    assert (copied.size, copied.metadata) == (10, {"a": "1"})
    assert there("shelf://far/a", tmp_path / "a").size == 10
    assert (tmp_path / "a").read_bytes() == b"0123456789"
    assert Copy()(tmp_path / "a", "shelf://lake/b").checksum == copied.checksum
    assert Copy()(tmp_path / "a", tmp_path / "b").size == 10


def test_a_move_leaves_one_of_the_two(shelf: ShelfStore, tmp_path: Path) -> None:
    Write()(b"1", "shelf://lake/a")
    assert Move()("shelf://lake/a", tmp_path / "a").size == 1
    assert shelf.keys() == []
    Move()(tmp_path / "a", "shelf://lake/b")
    assert (shelf.keys(), list(tmp_path.iterdir())) == (["b"], [])
    with pytest.raises(ConfigurationError, match="to itself"):
        Move()("shelf://lake/b", "shelf://lake/b")


def test_a_source_that_changes_while_it_is_moved_stays(
    shelf: ShelfStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    Write()(b"1", "shelf://lake/a")
    delete = shelf.delete

    def late(at: object, **given: object) -> None:
        monkeypatch.setattr(shelf, "delete", delete)
        Write()(b"22", "shelf://lake/a")
        delete(at, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(shelf, "delete", late)
    with pytest.raises(ObjectChangedError, match="it was replaced meanwhile, so it stays"):
        Move(retries=0)("shelf://lake/a", "shelf://lake/b")
    assert (shelf.data("a"), shelf.data("b")) == (b"22", b"1")


def test_a_move_whose_last_answer_was_lost_is_done(
    shelf: ShelfStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    Write()(b"1", "shelf://lake/a")
    delete = shelf.delete

    def unheard(at: object, **given: object) -> None:
        monkeypatch.setattr(shelf, "delete", delete)
        delete(at, **given)  # type: ignore[arg-type]
        raise ThrottledError("no answer")

    monkeypatch.setattr(shelf, "delete", unheard)
    Move(retries=0)("shelf://lake/a", "shelf://lake/b")
    assert shelf.keys() == ["b"]


def test_deleting_what_is_not_there_is_no_error_unless_asked(shelf: ShelfStore, tmp_path: Path) -> None:
    shelf.fill(a=b"1", b=b"2")
    assert Delete(missing_ok=True)(["shelf://lake/a", "shelf://lake/none"]).objects == 2
    with pytest.raises(ObjectNotFoundError, match="'shelf://lake/none': not there"):
        Delete(missing_ok=False)(["shelf://lake/none", "shelf://lake/b"])
    assert shelf.keys() == []
    assert Delete()(tmp_path / "none").objects == 1


def test_a_dry_run_deletes_nothing(shelf: ShelfStore) -> None:
    shelf.fill(**{"a/1": b"1", "a/2": b"2"})
    told = Delete(dry_run=True)("shelf://lake/a", recursive=True)
    assert (told.objects, told.urls, told.dry_run) == (2, ("shelf://lake/a/1", "shelf://lake/a/2"), True)
    assert Delete(dry_run=True)(["shelf://lake/a/1", "shelf://lake/none"]).urls == ("shelf://lake/a/1",)
    assert shelf.keys() == ["a/1", "a/2"]


def test_a_whole_bucket_is_deleted_only_when_that_is_said(shelf: ShelfStore) -> None:
    shelf.fill(a=b"1")
    with pytest.raises(ConfigurationError, match="whole_bucket=True"):
        Delete()("shelf://lake/", recursive=True)
    with pytest.raises(ConfigurationError, match="cannot delete all below '/'"):
        Delete(whole_bucket=True)("/", recursive=True)
    assert Delete(whole_bucket=True)("shelf://lake", recursive=True).objects == 1


def test_an_object_that_changed_since_it_was_seen_is_not_deleted(shelf: ShelfStore) -> None:
    first = Write()(b"1", "shelf://lake/a")
    second = Write()(b"2", "shelf://lake/a")
    with pytest.raises(ConditionFailedError):
        Delete()(first)
    Delete()(second)
    assert Delete()(second).objects == 1
    assert shelf.keys() == []


def test_deletes_that_fail_are_named_and_do_not_stop_the_others(shelf: ShelfStore) -> None:
    shelf.fill(**{f"a/{number}": b"" for number in range(9)})
    for number in range(1, 8):
        shelf.fail["delete", f"a/{number}"] = [StorageError(f"no {number}")]
    shelf.fail["delete", "a/8"] = [ThrottledError("slow down")]
    with pytest.raises(
        ObjectsFailedError, match=r"cannot delete 7 objects: 'shelf://lake/a/1': no 1; .*; and 2 more"
    ) as caught:
        Delete(retries=0)("shelf://lake/a", recursive=True)
    assert len(caught.value.failures) == 7
    assert pickle.loads(pickle.dumps(caught.value)).failures[0][0] == "shelf://lake/a/1"
    assert shelf.keys() == [f"a/{number}" for number in range(1, 8)]


def test_waiting_ends_when_the_object_is_there(shelf: ShelfStore, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.fail["head", "a"] = [ThrottledError("slow down")]
    looked: list[int] = []

    def interval(looks: int) -> float:
        looked.append(looks)
        if looks == 2:
            shelf.fill(a=b"1")
        return 0.01

    found = Wait(interval=interval, max_wait=20)("shelf://lake/a")
    assert found is not None
    assert (found.size, looked) == (1, [1, 2])


def test_waiting_for_a_folder_wants_something_in_it(shelf: ShelfStore) -> None:
    shelf.fill(**{"a/": b""})
    with pytest.raises(
        WaitTimeoutError, match=r"cannot see that 'shelf://lake/a/' is there: looked .*; it is not there"
    ):
        Wait(max_wait=0.1, interval=0.05, retries=0)("shelf://lake/a/")
    shelf.fill(**{"a/1": b"1"})
    found = Wait()("shelf://lake/a/")
    assert found is not None
    assert found.url == "shelf://lake/a/1"


def test_what_still_changes_is_not_stable(shelf: ShelfStore) -> None:
    shelf.fill(**{"a/1": b"1"})
    written: list[int] = []

    def interval(looks: int) -> float:
        if looks <= 3:
            shelf.fill(**{"a/2": b"1" * looks})
            written.append(looks)
        return 0.01

    assert Wait(until="stable", stable_for=0.2, interval=interval, max_wait=20)("shelf://lake/a/")
    assert written == [1, 2, 3]
    with pytest.raises(WaitTimeoutError, match="there and does not change"):
        Wait(until="stable", stable_for=5, max_wait=0.1, retries=0)("shelf://lake/a/1")


def test_waiting_until_it_is_gone_returns_nothing(shelf: ShelfStore) -> None:
    assert Wait(until="gone")("shelf://lake/a") is None
    assert Wait(until="gone")("shelf://lake/a/") is None
    shelf.fill(a=b"1")
    with pytest.raises(WaitTimeoutError, match="is gone: looked"):
        Wait(until="gone", max_wait=0.1, interval=0.05, retries=0)("shelf://lake/a")


def test_waiting_does_not_hide_a_missing_bucket(shelf: ShelfStore) -> None:
    with pytest.raises(StorageError, match="no such bucket"):
        Wait(retries=0)("shelf://none/a")


def test_fields_that_cannot_be_are_errors_at_once() -> None:
    for make in (
        lambda: Wait(until="there"),  # type: ignore[arg-type]
        lambda: Wait(max_wait=0),
        lambda: Wait(interval=0),
        lambda: Read(max_size=-1),
        lambda: List(max_keys=0),
        lambda: Copy(part_size=-1),
        lambda: Copy(concurrency=0),
    ):
        with pytest.raises(ConfigurationError):
            make()


def test_urls_for_others_and_buckets_are_made(shelf: ShelfStore) -> None:
    assert ShelfPresign()("shelf://lake/a", expires=60) == "https://shelf.example/lake/a?GET=60"
    assert ShelfCreateBucket()("shelf://lake") is True
    with pytest.raises(ConfigurationError, match="seconds above 0"):
        ShelfPresign()("shelf://lake/a", expires=0)
    with pytest.raises(ConfigurationError, match="it names an object"):
        ShelfCreateBucket()("shelf://lake/a")


def test_a_flow_passes_objects_from_task_to_task(shelf: ShelfStore, tmp_path: Path) -> None:
    @flow
    def moved() -> bytes:
        written = Write()("1,2\n", "shelf://lake/a")
        return Read()(Copy()(written, f"{tmp_path}/a"))

    run = moved.run(raise_on_failure=True)
    assert run.result == b"1,2\n"


def test_a_missing_object_is_not_asked_for_again(shelf: ShelfStore) -> None:
    with pytest.raises(ObjectNotFoundError):
        Read(retries=3)("shelf://lake/none")
    assert shelf.asked("get") == ["none"]


def test_a_service_task_syncs_with_folders_too(shelf: ShelfStore, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    assert ShelfSync()(tmp_path, "shelf://lake/x").copied == 1
    assert shelf.data("x/a") == b"1"


def test_a_scheme_that_no_plugin_offers_is_named() -> None:
    with pytest.raises((ConfigurationError, TaskFailed), match="no plugin offers nowhere://"):
        Read()("nowhere://lake/a")


def test_a_folder_of_files_goes_with_the_folders_in_it(tmp_path: Path) -> None:
    for name in ("a/b/c", "a/d", "kept"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"1")
    assert Delete()(tmp_path / "a", recursive=True).objects == 2
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
