"""Objects by obstore alone: `... THREADS [FORM]`, FORM being a setting of its stores."""

from __future__ import annotations

import os

import obstore
from obstore.store import S3Store
from storage_ways import (
    BIG,
    BUCKET,
    DATA,
    ENDPOINT,
    GOT,
    KEY_ID,
    KEYS,
    MORE,
    REGION,
    SECRET,
    SIZE,
    big,
    small,
    together,
)  # fmt: skip

THREADS, FORM = int(MORE[0]), MORE[1] if MORE[1:] else ""
PART = 16 << 20
settings = {"unsigned": {"unsigned_payload": True}, "crc64nvme": {"checksum_algorithm": "crc64nvme"}}.get(
    FORM, {}
)
store = S3Store(
    BUCKET, endpoint=ENDPOINT, access_key_id=KEY_ID, secret_access_key=SECRET, region=REGION,
    client_options={"allow_http": True}, **settings,
)  # fmt: skip


def up() -> None:
    if THREADS == 1:
        obstore.put(store, "up/big", BIG)  # 12 parts of 5 MiB at once
    else:
        obstore.put(store, "up/big", BIG, chunk_size=PART, max_concurrency=THREADS)


def stream() -> None:
    with GOT.open("wb") as file:
        for chunk in obstore.get(store, "big").stream(min_chunk_size=8 << 20):
            file.write(chunk)


def ranges() -> None:
    file = os.open(GOT, os.O_WRONLY | os.O_CREAT)

    def fetch(start: int) -> None:
        os.pwrite(file, obstore.get_range(store, "big", start=start, length=PART), start)

    together(THREADS, fetch, range(0, SIZE, PART))
    os.close(file)


def put(key: str) -> None:
    obstore.put(store, key, DATA, use_multipart=False)


def get(key: str) -> None:
    obstore.get(store, key).bytes()


big(up, stream if THREADS == 1 else ranges)
small(lambda: together(THREADS, put, KEYS), lambda: together(THREADS, get, KEYS))
