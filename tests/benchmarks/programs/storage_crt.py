"""Objects by AWS's CRT, as boto3 uses it, but without TLS, which boto3 does not allow to turn off."""

from __future__ import annotations

import io

import botocore.session
from botocore.credentials import Credentials
from s3transfer.crt import (
    BotocoreCRTCredentialsWrapper,
    BotocoreCRTRequestSerializer,
    CRTTransferManager,
    create_s3_crt_client,
)
from storage_ways import BIG, BUCKET, DATA, ENDPOINT, GOT, KEY_ID, KEYS, REGION, SECRET, big, small

provider = BotocoreCRTCredentialsWrapper(Credentials(KEY_ID, SECRET)).to_crt_credentials_provider()
manager = CRTTransferManager(
    create_s3_crt_client(REGION, provider, use_ssl=False),
    BotocoreCRTRequestSerializer(
        botocore.session.Session(), {"region_name": REGION, "endpoint_url": ENDPOINT}
    ),
)


def put_all() -> None:
    for done in [manager.upload(io.BytesIO(DATA), BUCKET, key) for key in KEYS]:
        done.result()


def get_all() -> None:
    for done in [manager.download(BUCKET, key, io.BytesIO()) for key in KEYS]:
        done.result()


big(
    lambda: manager.upload(str(BIG), BUCKET, "up/big").result(),
    lambda: manager.download(BUCKET, "big", str(GOT)).result(),
)
small(put_all, get_all, warm=0)
