"""Objects by Airflow's S3 hook; one hook for all."""

from __future__ import annotations

import json
import os
from pathlib import Path

from storage_ways import BIG, BUCKET, DATA, ENDPOINT, FOLDER, GOT, KEY_ID, KEYS, REGION, SECRET, big, small

os.environ["AIRFLOW_CONN_BENCH"] = json.dumps(
    {
        "conn_type": "aws",
        "login": KEY_ID,
        "password": SECRET,
        "extra": {"endpoint_url": ENDPOINT, "region_name": REGION},
    }
)

from airflow.providers.amazon.aws.hooks.s3 import S3Hook

COUNT = min(200, len(KEYS))
hook = S3Hook(aws_conn_id="bench")


def get_big() -> None:
    Path(hook.download_file("big", BUCKET, str(FOLDER))).replace(GOT)


def put_all() -> None:
    for key in KEYS[:COUNT]:
        hook.load_bytes(DATA, key, BUCKET, replace=True)


def get_all() -> None:
    for key in KEYS[:COUNT]:
        hook.get_key(key, BUCKET).get()["Body"].read()


big(lambda: hook.load_file(str(BIG), "up/big", BUCKET, replace=True), get_big, warm=0)
small(put_all, get_all, count=COUNT, warm=0)
