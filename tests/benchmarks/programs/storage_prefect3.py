"""Objects by the tasks of prefect-aws, in a flow; few, for they are slow."""

from __future__ import annotations

import os

from storage_ways import BIG, BUCKET, DATA, GOT, KEY_ID, KEYS, REGION, SECRET, big, small, use_environment

use_environment()
os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] = "90"

from prefect import flow  # noqa: E402 - after the variables
from prefect_aws import AwsCredentials  # noqa: E402
from prefect_aws.s3 import s3_download, s3_upload  # noqa: E402

COUNT = min(10, len(KEYS))
credentials = AwsCredentials(aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET, region_name=REGION)


@flow
def put_big() -> None:
    s3_upload(BIG.read_bytes(), BUCKET, credentials, key="up/big")


@flow
def get_big() -> None:
    GOT.write_bytes(s3_download(BUCKET, "big", credentials))


@flow
def put_all() -> None:
    for key in KEYS[:COUNT]:
        s3_upload(DATA, BUCKET, credentials, key=key)


@flow
def get_all() -> None:
    for key in KEYS[:COUNT]:
        s3_download(BUCKET, key, credentials)


small(put_all, get_all, count=COUNT)
big(put_big, get_big, warm=0)
