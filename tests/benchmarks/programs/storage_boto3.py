"""Objects by boto3: `... plain`, one put or get each; `... manager`, its transfer manager."""

from __future__ import annotations

import io

import boto3
from boto3.s3.transfer import TransferConfig
from storage_ways import (
    BIG,
    BUCKET,
    DATA,
    GOT,
    KEYS,
    MORE,
    big,
    small,
    use_environment,
)  # fmt: skip

FORM = MORE[0]
use_environment()
client = boto3.client("s3")
config = TransferConfig(preferred_transfer_client="classic")


def put_big() -> None:
    with BIG.open("rb") as file:
        client.put_object(Bucket=BUCKET, Key="up/big", Body=file)


def get_big() -> None:
    with GOT.open("wb") as file:
        for chunk in client.get_object(Bucket=BUCKET, Key="big")["Body"].iter_chunks(1 << 20):
            file.write(chunk)


def put(key: str) -> None:
    if FORM == "plain":
        client.put_object(Bucket=BUCKET, Key=key, Body=DATA)
    else:
        client.upload_fileobj(io.BytesIO(DATA), BUCKET, key, Config=config)


def get(key: str) -> None:
    if FORM == "plain":
        client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    else:
        client.download_fileobj(BUCKET, key, io.BytesIO(), Config=config)


def each(call: object) -> None:
    for key in KEYS:
        call(key)


if FORM == "plain":
    big(put_big, get_big)
else:
    big(
        lambda: client.upload_file(str(BIG), BUCKET, "up/big", Config=config),
        lambda: client.download_file(BUCKET, "big", str(GOT), Config=config),
    )
small(lambda: each(put), lambda: each(get), warm=0)
