"""Objects by the client of Dagster's S3 resource."""

from __future__ import annotations

import io

from dagster_aws.s3 import S3Resource
from storage_ways import BIG, BUCKET, DATA, ENDPOINT, GOT, KEY_ID, KEYS, REGION, SECRET, big, small

COUNT = min(500, len(KEYS))
client = S3Resource(
    endpoint_url=ENDPOINT, aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET, region_name=REGION
).get_client()


def up() -> None:
    for key in KEYS[:COUNT]:
        client.upload_fileobj(io.BytesIO(DATA), BUCKET, key)


def down() -> None:
    for key in KEYS[:COUNT]:
        client.download_fileobj(BUCKET, key, io.BytesIO())


big(
    lambda: client.upload_file(str(BIG), BUCKET, "up/big"),
    lambda: client.download_file(BUCKET, "big", str(GOT)),
    warm=0,
)
small(up, down, count=COUNT, warm=0)
