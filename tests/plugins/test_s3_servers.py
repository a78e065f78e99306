"""The servers that the S3 tests run against are what their flags say."""

from __future__ import annotations

import base64
import hashlib

import pytest

pytest.importorskip("boto3", reason="needs longshore[s3]")

from botocore.exceptions import ClientError
from s3_servers import S3Server

BODY = b"cargo"
OTHER = b"other"


def refused(server: S3Server, method: str, **parameters: object) -> str:
    """Return the code of the error that a request ends with, or nothing."""
    client = server.client()
    try:
        getattr(client, method)(**parameters)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    finally:
        client.close()
    return ""


def test_an_object_is_read_as_it_was_written(s3_server: S3Server, s3_bucket: str) -> None:
    client = s3_server.client()
    client.put_object(Bucket=s3_bucket, Key="a/b", Body=BODY)
    assert client.get_object(Bucket=s3_bucket, Key="a/b")["Body"].read() == BODY
    client.close()


def test_checksums_are_compared_where_the_flag_says_so(s3_server: S3Server, s3_bucket: str) -> None:
    wrong = base64.b64encode(hashlib.sha256(OTHER).digest()).decode()
    code = refused(s3_server, "put_object", Bucket=s3_bucket, Key="k", Body=BODY, ChecksumSHA256=wrong)
    assert bool(code) == s3_server.make.checksums_verified


def test_checksums_are_told_where_the_flag_says_so(s3_server: S3Server, s3_bucket: str) -> None:
    client = s3_server.client()
    right = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    client.put_object(Bucket=s3_bucket, Key="k", Body=BODY, ChecksumAlgorithm="SHA256", ChecksumSHA256=right)
    told = client.head_object(Bucket=s3_bucket, Key="k", ChecksumMode="ENABLED")
    assert (told.get("ChecksumSHA256") == right) == s3_server.make.returns_checksums
    client.close()


def test_conditions_are_kept_where_the_flags_say_so(s3_server: S3Server, s3_bucket: str) -> None:
    place = {"Bucket": s3_bucket, "Key": "k"}
    client = s3_server.client()
    client.put_object(**place, Body=BODY)
    client.close()
    stale = hashlib.md5(OTHER).hexdigest()
    assert refused(s3_server, "put_object", **place, Body=OTHER, IfNoneMatch="*") == "PreconditionFailed"
    put = refused(s3_server, "put_object", **place, Body=OTHER, IfMatch=stale)
    assert (put == "PreconditionFailed") == s3_server.make.if_match_put
    deleted = refused(s3_server, "delete_object", **place, IfMatch=stale)
    assert (deleted == "PreconditionFailed") == s3_server.make.if_match_delete


def test_strangers_are_refused_where_the_flag_says_so(s3_server: S3Server, s3_bucket: str) -> None:
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=s3_server.endpoint,
        region_name="us-east-1",
        aws_access_key_id="stranger",
        aws_secret_access_key="nothing",
    )
    code = ""
    try:
        client.put_object(Bucket=s3_bucket, Key="k", Body=BODY)
    except ClientError as error:
        code = error.response["Error"]["Code"]
    client.close()
    assert bool(code) == s3_server.make.credentials_checked


def test_an_unfinished_upload_is_listed_until_it_is_aborted(s3_server: S3Server, s3_bucket: str) -> None:
    client = s3_server.client()
    upload = client.create_multipart_upload(Bucket=s3_bucket, Key="k")["UploadId"]
    client.upload_part(Bucket=s3_bucket, Key="k", UploadId=upload, PartNumber=1, Body=BODY)
    listed = client.list_multipart_uploads(Bucket=s3_bucket)["Uploads"]
    assert [each["UploadId"] for each in listed] == [upload]
    client.abort_multipart_upload(Bucket=s3_bucket, Key="k", UploadId=upload)
    assert "Uploads" not in client.list_multipart_uploads(Bucket=s3_bucket)
    client.close()
