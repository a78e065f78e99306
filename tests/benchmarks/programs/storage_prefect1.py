"""Objects by Prefect 1's tasks, called one by one without a flow; they hold an object's bytes whole."""

from __future__ import annotations

from storage_ways import BIG, BUCKET, DATA, GOT, KEYS, big, small, use_environment

use_environment()

from prefect.tasks.aws import S3Download, S3Upload  # noqa: E402 - after the variables

COUNT = min(200, len(KEYS))
upload, download = S3Upload(bucket=BUCKET), S3Download(bucket=BUCKET)


def put_all() -> None:
    for key in KEYS[:COUNT]:
        upload.run(DATA, key=key)


def get_all() -> None:
    for key in KEYS[:COUNT]:
        download.run(key=key, as_bytes=True)


big(
    lambda: upload.run(BIG.read_bytes(), key="up/big"),
    lambda: GOT.write_bytes(download.run(key="big", as_bytes=True)),
    warm=0,
)
small(put_all, get_all, count=COUNT, warm=0)
