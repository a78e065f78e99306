"""Objects by Longshore, all verified: `... bytes THREADS` from and to memory, `... sync` a tree of files."""

from __future__ import annotations

import shutil

from storage_ways import (
    BIG,
    BUCKET,
    DATA,
    GOT,
    GOT_TREE,
    KEYS,
    MORE,
    OBJECTS,
    TREE,
    big,
    small,
    together,
    use_environment,
)  # fmt: skip

from longshore_s3 import S3Connection, S3Sync
from longshore_storage.locations import parse
from longshore_storage.sources import BytesSource, FileSource
from longshore_storage.stores import store_for
from longshore_storage.transfers import Patience, Settings, download, upload

use_environment()
store = store_for(S3Connection())
patience = Patience(store)
THREADS = int(MORE[1]) if MORE[1:] else 4
settings = Settings(concurrency=THREADS)


def put_big() -> None:
    source = FileSource(BIG)
    info = upload(source, store, parse(f"s3://{BUCKET}/up/big"), settings=settings)
    source.close()
    assert info.verified == "crc64nvme"


def get_big() -> None:
    assert download(store, parse(f"s3://{BUCKET}/big"), GOT, settings=settings).verified == "crc64nvme"


def put(key: str) -> None:
    assert upload(BytesSource(DATA), store, parse(f"s3://{BUCKET}/{key}")).verified in ("crc64nvme", "md5")


def get(key: str) -> None:
    info, data = patience.call(lambda: store.get(parse(f"s3://{BUCKET}/{key}"), 1 << 20))
    assert info.verified in ("crc64nvme", "md5")
    assert data is not None
    assert len(data) == info.size


def sync_up() -> None:
    assert S3Sync(compare="always")(TREE, f"s3://{BUCKET}/sync").copied == OBJECTS


def sync_down() -> None:
    assert S3Sync(compare="always")(f"s3://{BUCKET}/sync", GOT_TREE).copied == OBJECTS


if MORE[0] == "sync":
    small(sync_up, sync_down, clean=lambda: shutil.rmtree(GOT_TREE))
else:
    big(put_big, get_big)
    small(lambda: together(THREADS, put, KEYS), lambda: together(THREADS, get, KEYS))
