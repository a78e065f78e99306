"""Local files are an object store: whole or not there, one version of each, in the order of their keys."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from longshore_storage import checksums
from longshore_storage.errors import (
    ChecksumError,
    ConditionFailedError,
    ObjectChangedError,
    ObjectExistsError,
    ObjectNotFoundError,
    TargetError,
    UnsafeNameError,
    UploadNotFoundError,
)  # fmt: skip
from longshore_storage.local import LocalConnection, LocalStore
from longshore_storage.locations import Location, parse
from longshore_storage.objects import Condition, ObjectInfo, Prefix
from longshore_storage.protocol import MIB, Part, Upload
from longshore_storage.sources import BytesSource
from longshore_storage.stores import store_for
from longshore_storage.transfers import Settings, copy, download, upload

DATA = os.urandom(3 * MIB + 17)
NAMES = ["a", "a-b", "a.txt", "a/b", "a/b.txt", "a/c/d", "aé/x", "b", "データ/x", "\U0001f600"]


@pytest.fixture
def store() -> LocalStore:
    return LocalStore()


def put(store: LocalStore, path: Path, data: bytes, condition: Condition | None = None) -> ObjectInfo:
    view = memoryview(data)
    checksum = checksums.of(store.algorithm, view)
    return store.put(parse(path), view, checksum=checksum, condition=condition or Condition())


def read(store: LocalStore, info: ObjectInfo, start: int = 0, stop: int | None = None) -> bytes:
    buffer = memoryview(bytearray(70_000))
    found = b""
    with store.read(info, start, stop) as body:
        while count := body.readinto(buffer):
            found += buffer[:count]
    return found


def keys(store: LocalStore, folder: Path, **how: object) -> list[str]:
    listed = store.list(parse(f"{folder}/"), **how)  # type: ignore[arg-type]
    return [thing.url.removeprefix(f"{folder}/") for thing in listed]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_was_put_is_there_with_its_checksum(store: LocalStore, tmp_path: Path) -> None:
    info = put(store, tmp_path / "new" / "x.csv.gz", DATA)
    assert info.url == str(tmp_path / "new" / "x.csv.gz")
    assert (info.size, info.content_type) == (len(DATA), "application/gzip")
    assert info.checksum == checksums.of(store.algorithm, DATA)
    assert info.verified == store.algorithm
    assert store.head(parse(info.url)).token == info.token
    assert store.get(parse(info.url), MIB) == (store.head(parse(info.url)), None)
    assert store.get(parse(info.url), len(DATA))[1] == DATA
    assert names_in(tmp_path / "new") == ["x.csv.gz"]


def test_the_content_type_is_guessed_from_the_name(store: LocalStore, tmp_path: Path) -> None:
    for name, expected in {
        "a.csv": "text/csv", "2013.01.01.csv": "text/csv", "a.csv.gz": "application/gzip",
        "a.tgz": "application/gzip", "a.json": "application/json", "a": "application/octet-stream",
        ".csv": "text/csv", "csv": "application/octet-stream", "a.b/c": "application/octet-stream",
    }.items():  # fmt: skip
        assert put(store, tmp_path / name, b"").content_type == expected, name


def test_bytes_that_do_not_have_their_checksum_are_not_written(store: LocalStore, tmp_path: Path) -> None:
    wrong = checksums.of(store.algorithm, b"other")
    with pytest.raises(ChecksumError, match="do not have the checksum"):
        store.put(parse(tmp_path / "x"), memoryview(b"these"), checksum=wrong)
    assert names_in(tmp_path) == []


def test_a_connection_is_a_key_and_travels() -> None:
    copied = pickle.loads(pickle.dumps(LocalConnection()))
    assert copied == LocalConnection()
    assert store_for(copied) is store_for(LocalConnection())


def test_ranges_are_those_of_the_version_that_was_looked_at(store: LocalStore, tmp_path: Path) -> None:
    info = put(store, tmp_path / "x", DATA)
    assert read(store, info) == DATA
    assert read(store, info, 5, 100_005) == DATA[5:100_005]
    assert read(store, info, len(DATA) - 3) == DATA[-3:]
    assert read(store, info, len(DATA)) == b""
    put(store, tmp_path / "x", b"another")
    with pytest.raises(ObjectChangedError, match="replaced"):
        read(store, info)
    (tmp_path / "x").unlink()
    with pytest.raises(ObjectChangedError, match="removed"):
        read(store, info)


def test_a_file_that_is_written_to_while_it_is_read_is_an_error(store: LocalStore, tmp_path: Path) -> None:
    info = put(store, tmp_path / "x", DATA)
    buffer = memoryview(bytearray(1000))
    with pytest.raises(ObjectChangedError), store.read(info) as body:
        assert body.readinto(buffer) == 1000
        os.truncate(tmp_path / "x", 500)
        body.readinto(buffer)


def test_a_file_that_is_replaced_while_it_is_read_is_read_to_its_end(
    store: LocalStore, tmp_path: Path
) -> None:
    info = put(store, tmp_path / "x", b"old" * 1000)
    buffer = memoryview(bytearray(1000))
    with store.read(info) as body:
        put(store, tmp_path / "x", b"new" * 1000)
        assert body.readinto(buffer) == 1000
    assert bytes(buffer).startswith(b"oldold")


def test_keys_come_in_the_order_of_their_bytes(store: LocalStore, tmp_path: Path) -> None:
    names = [name for name in NAMES if name != "a"]
    for name in names:
        put(store, tmp_path / name, b"")
    expected = sorted(names, key=lambda name: name.encode())
    assert keys(store, tmp_path) == expected
    for name in expected:
        later = [other for other in expected if other.encode() > name.encode()]
        assert keys(store, tmp_path, after=f"{tmp_path}/{name}") == later
    assert keys(store, tmp_path, after=f"{tmp_path}/a/") == expected[expected.index("a/b") :]


def test_a_prefix_matches_as_text(store: LocalStore, tmp_path: Path) -> None:
    for name in ("data/x", "database", "date", "datb/y"):
        put(store, tmp_path / name, b"")
    found = [thing.url for thing in store.list(parse(tmp_path / "data"))]
    assert found == [f"{tmp_path}/data/x", f"{tmp_path}/database"]
    assert list(store.list(parse(tmp_path / "nothing/at/all"))) == []


def test_a_listing_that_does_not_descend_shows_folders(store: LocalStore, tmp_path: Path) -> None:
    for name in ("a.txt", "a/x", "b/c/d", "c"):
        put(store, tmp_path / name, b"1")
    listed = list(store.list(parse(f"{tmp_path}/"), recursive=False))
    assert [type(thing) for thing in listed] == [ObjectInfo, Prefix, Prefix, ObjectInfo]
    assert keys(store, tmp_path, recursive=False) == ["a.txt", "a/", "b/", "c"]
    assert keys(store, tmp_path, recursive=False, after=f"{tmp_path}/a/") == ["b/", "c"]


def test_a_listing_holds_one_folder_of_each_level(store: LocalStore, tmp_path: Path) -> None:
    for number in range(3):
        put(store, tmp_path / f"{number}/x", b"")
    listing = store.list(parse(f"{tmp_path}/"))
    assert next(listing).url.endswith("/0/x")
    put(store, tmp_path / "2/y", b"")  # the walk has not been there yet
    assert [Path(thing.url).name for thing in listing] == ["x", "x", "y"]


def test_links_to_files_count_as_files_and_links_to_folders_are_left_out(
    store: LocalStore, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    put(store, tmp_path / "outside/secret", b"secret")
    put(store, place / "real", b"real")
    (place / "circle").symlink_to(place)
    (place / "out").symlink_to(tmp_path / "outside")
    (place / "link").symlink_to("real")
    (place / "nowhere").symlink_to("missing")
    os.mkfifo(place / "pipe")
    assert keys(store, place) == ["link", "real"]
    link = parse(place / "link")
    assert store.get(link, 100)[1] == b"real"
    put(store, place / "link", b"new")
    assert (place / "real").read_bytes() == b"new"
    store.delete(link)
    assert keys(store, place) == ["real"]


def test_a_folder_and_what_is_not_there_are_no_objects(store: LocalStore, tmp_path: Path) -> None:
    put(store, tmp_path / "folder/x", b"")
    for key, saying in (
        ("folder", "a folder"),
        ("folder/", "a folder"),
        ("no", "no such"),
        ("folder/x/y", "no such"),
    ):
        with pytest.raises(ObjectNotFoundError, match=saying):
            store.head(parse(f"{tmp_path}/{key}"))
    with pytest.raises(ObjectNotFoundError):
        store.head(parse(tmp_path / ("x" * 300)))


@pytest.mark.parametrize("name", ["a\0b", "half \ud83d"])
def test_a_name_that_no_file_can_have_is_refused_everywhere(store: LocalStore, name: str) -> None:
    place = Location("file", "", f"/{name}")
    for call in (
        lambda: store.head(place),
        lambda: list(store.list(place)),
        lambda: store.delete(place),
        lambda: store.begin(place, part_size=1, size=1),
        lambda: store.put(place, memoryview(b""), checksum=checksums.of(store.algorithm, b"")),
    ):
        with pytest.raises(UnsafeNameError):
            call()


def test_a_file_that_is_replaced_keeps_its_permissions(store: LocalStore, tmp_path: Path) -> None:
    put(store, tmp_path / "x", b"old")
    (tmp_path / "x").chmod(0o640)
    put(store, tmp_path / "x", b"new")
    assert (tmp_path / "x").stat().st_mode & 0o7777 == 0o640


def test_of_many_writers_who_must_be_first_one_is(store: LocalStore, tmp_path: Path) -> None:
    results: list[object] = []

    def write(number: int) -> None:
        try:
            results.append(put(store, tmp_path / "x", b"%d" % number, Condition(absent=True)))
        except ObjectExistsError as error:
            results.append(error)

    threads = [threading.Thread(target=write, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert sum(isinstance(result, ObjectInfo) for result in results) == 1
    assert names_in(tmp_path) == ["x"]


def test_of_many_writers_who_replace_one_version_one_does(store: LocalStore, tmp_path: Path) -> None:
    seen = put(store, tmp_path / "x", b"old")
    results: list[object] = []

    def write(number: int) -> None:
        try:
            results.append(put(store, tmp_path / "x", b"%d" % number, Condition(token=seen.token)))
        except ConditionFailedError as error:
            results.append(error)

    threads = [threading.Thread(target=write, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(result, ObjectInfo) for result in results) == 1
    with pytest.raises(ConditionFailedError):
        store.delete(parse(tmp_path / "x"), condition=Condition(token=seen.token))
    store.delete(parse(tmp_path / "x"), condition=Condition(token=store.head(parse(tmp_path / "x")).token))
    assert names_in(tmp_path) == []
    with pytest.raises(ConditionFailedError):
        store.delete(parse(tmp_path / "x"), condition=Condition(token=seen.token))
    store.delete(parse(tmp_path / "x"))


def test_a_writer_waits_for_another_one(store: LocalStore, tmp_path: Path) -> None:
    from longshore_storage.transfers.partials import partial_for

    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with partial_for(tmp_path / "x"):
            entered.set()
            leave.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    assert entered.wait(10)
    threading.Timer(0.1, leave.set).start()
    began = time.monotonic()
    put(store, tmp_path / "x", b"mine")
    holder.join()
    assert time.monotonic() - began >= 0.05
    assert (tmp_path / "x").read_bytes() == b"mine"


def parts_of(store: LocalStore, path: Path, size: int) -> tuple[Upload, list[memoryview]]:
    started = store.begin(parse(path), part_size=size, size=len(DATA))
    return started, [memoryview(DATA)[at : at + size] for at in range(0, len(DATA), size)]


def test_parts_grow_into_a_file_in_any_order_and_from_any_process(store: LocalStore, tmp_path: Path) -> None:
    started, pieces = parts_of(store, tmp_path / "x", MIB)
    sent: list[Part] = []
    for number in (4, 1, 3):
        piece = pieces[number - 1]
        checksum = checksums.of(store.algorithm, piece)
        sent.append(LocalStore().put_part(started, number, piece, checksum=checksum, last=number == 4))
    assert [part.number for part in store.parts(started)] == [1, 3, 4]
    assert not (tmp_path / "x").exists()
    assert keys(store, tmp_path) == []
    checksum = checksums.of(store.algorithm, DATA)
    with pytest.raises(ChecksumError, match="parts"):
        store.finish(started, sent, checksum=checksum)
    sent.append(
        store.put_part(started, 2, pieces[1], checksum=checksums.of(store.algorithm, pieces[1]), last=False)
    )
    info = store.finish(started, sent, checksum=checksum)
    assert (tmp_path / "x").read_bytes() == DATA
    assert info.checksum == checksum
    assert names_in(tmp_path) == ["x"]
    with pytest.raises(UploadNotFoundError):
        store.finish(started, sent, checksum=checksum)


def test_a_part_whose_bytes_are_not_on_the_disk_is_not_believed(store: LocalStore, tmp_path: Path) -> None:
    started, pieces = parts_of(store, tmp_path / "x", MIB)
    for number in (1, 2):
        checksum = checksums.of(store.algorithm, pieces[number - 1])
        store.put_part(started, number, pieces[number - 1], checksum=checksum, last=False)
    with Path(started.id).open("r+b") as file:
        file.write(b"\0\0\0\0")
    assert [part.number for part in store.parts(started)] == [2]


def test_an_upload_that_is_given_up_leaves_nothing(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"old")
    started, pieces = parts_of(store, tmp_path / "x", MIB)
    checksum = checksums.of(store.algorithm, pieces[0])
    store.put_part(started, 1, pieces[0], checksum=checksum, last=False)
    store.abort(started)
    store.abort(started)
    with pytest.raises(UploadNotFoundError):
        store.put_part(started, 1, pieces[0], checksum=checksum, last=False)
    with pytest.raises(UploadNotFoundError):
        list(store.parts(started))
    assert names_in(tmp_path) == ["x"]
    assert (tmp_path / "x").read_bytes() == b"old"


def test_the_last_step_of_an_upload_keeps_its_condition(store: LocalStore, tmp_path: Path) -> None:
    started, pieces = parts_of(store, tmp_path / "x", len(DATA))
    checksum = checksums.of(store.algorithm, DATA)
    part = store.put_part(started, 1, pieces[0], checksum=checksum, last=True)
    put(store, tmp_path / "x", b"theirs")
    with pytest.raises(ObjectExistsError):
        store.finish(started, [part], checksum=checksum, condition=Condition(absent=True))
    assert (tmp_path / "x").read_bytes() == b"theirs"
    store.abort(started)
    assert names_in(tmp_path) == ["x"]


def test_a_copy_is_verified_and_its_source_pinned(store: LocalStore, tmp_path: Path) -> None:
    info = put(store, tmp_path / "x", DATA)
    copied = store.copy(info, parse(tmp_path / "to/y"))
    assert (tmp_path / "to/y").read_bytes() == DATA
    assert copied.checksum == checksums.of(store.algorithm, DATA)
    with pytest.raises(ObjectExistsError):
        store.copy(info, parse(tmp_path / "to/y"), condition=Condition(absent=True))
    put(store, tmp_path / "x", b"new")
    with pytest.raises(ObjectChangedError):
        store.copy(info, parse(tmp_path / "z"))
    assert names_in(tmp_path) == ["to", "x"]


def test_a_copy_to_another_file_system_is_verified_too(
    store: LocalStore, tmp_path: Path, small_disk: Path
) -> None:
    info = put(store, tmp_path / "x", DATA[:700_000])
    assert store.copy(info, parse(small_disk / "x")).size == 700_000
    assert (small_disk / "x").read_bytes() == DATA[:700_000]
    with pytest.raises(TargetError, match="disk is full"):
        store.copy(info, parse(small_disk / "y"))
    assert names_in(small_disk) == ["x"]


def test_the_engine_moves_bytes_through_it(store: LocalStore, tmp_path: Path) -> None:
    settings = Settings(part_size=MIB, concurrency=3)
    info = upload(BytesSource(DATA), store, parse(tmp_path / "x"), settings=settings)
    assert info.checksum == checksums.of(store.algorithm, DATA)
    fetched = download(store, info, tmp_path / "y", settings=settings)
    assert (tmp_path / "y").read_bytes() == DATA
    assert fetched.verified == store.algorithm
    copied = copy(store, store.head(parse(tmp_path / "x")), store, parse(tmp_path / "z"), settings=settings)
    assert (copied.size, (tmp_path / "z").read_bytes()) == (len(DATA), DATA)
    again = upload(
        BytesSource(DATA), store, parse(tmp_path / "z"), settings=Settings(overwrite="if-different")
    )
    assert again.token == copied.token
    with pytest.raises(ObjectExistsError):
        upload(BytesSource(b"1"), store, parse(tmp_path / "z"), settings=Settings(overwrite="never"))
    assert names_in(tmp_path) == ["x", "y", "z"]


def test_a_full_disk_is_an_error_and_leaves_the_old_file(store: LocalStore, small_disk: Path) -> None:
    put(store, small_disk / "x", b"old")
    with pytest.raises(TargetError, match="disk is full"):
        put(store, small_disk / "x", DATA)
    assert (small_disk / "x").read_bytes() == b"old"
    with pytest.raises(TargetError, match="disk is full"):
        upload(BytesSource(DATA), store, parse(small_disk / "x"), settings=Settings(part_size=100_000))
    assert names_in(small_disk) == ["x"]
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(TargetError, match="read-only"):
        put(store, small_disk / "y", b"1")


def test_what_cannot_be_written_is_said(store: LocalStore, tmp_path: Path) -> None:
    put(store, tmp_path / "file", b"")
    (tmp_path / "folder").mkdir()
    for key, saying in (
        ("folder", "a folder already"), ("folder/", "names a folder"),
        ("file/x", "on the way to it is a file"), ("x" * 300, "longer than the file system takes"),
    ):  # fmt: skip
        with pytest.raises(TargetError, match=saying):
            store.put(
                Location("file", "", f"{tmp_path}/{key}"),
                memoryview(b""),
                checksum=checksums.of(store.algorithm, b""),
            )
    with pytest.raises(TargetError, match="folder"):
        store.delete(parse(tmp_path / "folder"))
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    with pytest.raises(TargetError):
        put(store, tmp_path / "one", b"")


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that other users can reach."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_what_a_user_may_not_do_names_the_user(reachable: Path) -> None:
    (reachable / "closed").mkdir()
    (reachable / "closed").chmod(0o700 if os.geteuid() == 0 else 0)
    (reachable / "open.txt").write_bytes(b"1")
    if os.geteuid() != 0:
        reachable.chmod(0o555)
    done = subprocess.run(
        [sys.executable, "-c", FORBIDDEN, str(reachable)], capture_output=True, text=True, check=True
    )
    reachable.chmod(0o755)
    first, second, third = done.stdout.splitlines()
    user = os.geteuid() or 65534
    assert first == f"AccessDeniedError cannot read '{reachable}/closed/x': user {user} may not"
    assert (
        second == f"AccessDeniedError cannot list '{reachable}/closed/': user {user} may not read this folder"
    )
    assert third == f"TargetError cannot write '{reachable}/open.txt': user {user} may not"


FORBIDDEN = """
import os, sys
from longshore_storage import checksums
from longshore_storage.local import LocalStore
from longshore_storage.locations import parse

store, folder = LocalStore(), sys.argv[1]
checksum = checksums.of("crc32", b"")


def show(call):
    try:
        call()
    except Exception as error:
        print(type(error).__name__, error)


if os.geteuid() == 0:
    os.seteuid(65534)
show(lambda: store.head(parse(f"{folder}/closed/x")))
show(lambda: list(store.list(parse(f"{folder}/closed/"))))
show(lambda: store.put(parse(f"{folder}/open.txt"), memoryview(b""), checksum=checksum))
"""
