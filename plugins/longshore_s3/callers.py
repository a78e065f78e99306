"""Who the caller is, for messages of denied access."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from longshore_s3.client import make_session, network
from longshore_s3.sdkerrors import NO_CREDENTIALS

if TYPE_CHECKING:
    from longshore_s3.connections import S3Connection

_PATIENCE: Final = 2.0
"""Seconds to wait for STS: the error is worth more than the name."""


def caller(connection: S3Connection, session: Any, endpoint: str) -> str:
    """Return the ARN that STS tells, or else the key that was used. It never raises."""
    if connection.anonymous:
        return "nobody (anonymous=True)"
    with suppress(Exception):
        return str(_identity(connection, session, endpoint)["Arn"])
    with suppress(Exception):
        return f"whoever has the access key {session.get_credentials().access_key!r}"
    return "unknown"


def _identity(connection: S3Connection, session: Any, endpoint: str) -> dict[str, Any]:
    # Services of other makes answer STS where they answer S3; their keys are nobody else's business.
    own = (
        {"endpoint_url": endpoint} if ".amazonaws.com" not in endpoint and ".api.aws" not in endpoint else {}
    )
    waiting = {"connect_timeout": _PATIENCE, "read_timeout": _PATIENCE}
    region = session.region_name or "us-east-1"
    client = session.client("sts", region_name=region, **network(connection, **waiting), **own)
    answer: dict[str, Any] = client.get_caller_identity()
    return answer


def where_credentials_are(connection: S3Connection) -> tuple[bool, str]:
    """Tell whether there are credentials, and where they were found or looked for."""
    try:
        found = make_session(connection).get_credentials()
    except Exception as error:  # noqa: BLE001 - a profile that is missing, a broken file
        return False, f"{error}; run: aws configure list"
    if found is None:
        return False, f"none were found; {NO_CREDENTIALS}"
    return True, f"found by {found.method}"
