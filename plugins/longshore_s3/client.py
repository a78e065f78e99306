"""Makes sessions and clients of the SDK: the only file that configures it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from longshore import Secret, register_secret, require

if TYPE_CHECKING:
    from longshore_s3.connections import S3Connection

_ROLE_SECONDS = 3600


def plain(value: str | Secret | None) -> str | None:
    """Return the text of a field, looked up if it is a secret; None if there is none."""
    if isinstance(value, Secret):
        return value.get()
    return value or None


def make_session(connection: S3Connection) -> Any:
    """Return a session of boto3 with a connection's credentials; it asks nobody for them yet."""
    boto3 = require("boto3", extra="s3")
    session = boto3.Session(
        profile_name=connection.profile or None,
        region_name=connection.region or None,
        aws_access_key_id=plain(connection.access_key_id),
        aws_secret_access_key=plain(connection.secret_access_key),
        aws_session_token=plain(connection.session_token),
    )
    if not connection.role_arn:
        return session
    return boto3.Session(
        botocore_session=_with_role(connection, session), region_name=connection.region or None
    )


def _with_role(connection: S3Connection, source: Any) -> Any:
    """Return a session of botocore whose credentials are the role's, fetched again before they end."""
    credentials = require("botocore.credentials", extra="s3")
    asked = {"RoleSessionName": connection.role_session_name, "DurationSeconds": _ROLE_SECONDS}
    external_id = plain(connection.external_id)
    if external_id:
        asked["ExternalId"] = external_id

    def create(_service: str, **keys: Any) -> Any:
        session = require("boto3", extra="s3").Session(region_name=source.region_name)
        return session.client("sts", **keys, **network(connection))

    own = source.get_credentials()
    if own is None:
        raise require("botocore.exceptions", extra="s3").NoCredentialsError
    fetcher = credentials.AssumeRoleCredentialFetcher(create, own, connection.role_arn, extra_args=asked)

    class RoleProvider(credentials.CredentialProvider):  # type: ignore[misc, name-defined]
        METHOD = "assume-role"

        def load(self) -> Any:
            return credentials.DeferredRefreshableCredentials(fetcher.fetch_credentials, self.METHOD)

    core = require("botocore.session", extra="s3").Session(profile=connection.profile or None)
    core.get_component("credential_provider").providers.insert(0, RoleProvider())
    return core


def make_client(connection: S3Connection, session: Any, **config: Any) -> Any:
    """Return a client of S3.

    Args:
        connection: How.
        session: Of boto3.
        config: More settings of botocore's Config.
    """
    style = {"addressing_style": connection.addressing_style} if connection.addressing_style != "auto" else {}
    s3 = {
        # Bodies have our own checksum; hashing them once more costs 1 s a GiB.
        "payload_signing_enabled": False,
        "use_accelerate_endpoint": connection.accelerate,
        "use_dualstack_endpoint": connection.dualstack,
        **style,
    }
    if connection.anonymous:
        config["signature_version"] = require("botocore", extra="s3").UNSIGNED
    client = session.client(
        "s3", endpoint_url=connection.endpoint or None, **network(connection, s3=s3, **config)
    )
    client.meta.events.register("before-call.s3.DeleteObjects", _add_md5)
    client.meta.events.register("before-call.s3.HeadBucket", _keep_from_redirects)
    return client


def network(connection: S3Connection, **config: Any) -> dict[str, Any]:
    """Return what clients of all services are given of a connection.

    Args:
        connection: How.
        config: Settings of botocore's Config that count before the connection's.
    """
    proxy = plain(connection.proxy)
    settings = {
        "connect_timeout": connection.connect_timeout,
        "read_timeout": connection.read_timeout,
        "max_pool_connections": connection.max_connections,
        "retries": {"total_max_attempts": 1},  # `Patience` repeats, within one budget for all transfers
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
        "tcp_keepalive": True,
        "user_agent_extra": "longshore",
        **({"proxies": {"http": proxy, "https": proxy}} if proxy else {}),
        **config,
    }
    verify = None if connection.verify is True else connection.verify  # None: the SDK's own settings count
    return {"config": require("botocore.config", extra="s3").Config(**settings), "verify": verify}


def _add_md5(params: dict[str, Any], **_: Any) -> None:
    """Add what services of other makes still ask for, and the SDK sends no more."""
    import base64
    import hashlib

    body = params["body"]
    data = body.encode() if isinstance(body, str) else body
    digest = hashlib.md5(data, usedforsecurity=False).digest()
    params["headers"].setdefault("Content-MD5", base64.b64encode(digest).decode())


def _keep_from_redirects(context: dict[str, Any], **_: Any) -> None:
    """Have the SDK take an answer to HeadBucket as it is.

    It asks HeadBucket where a redirect leads; were that answered with a redirect too, it would ask for ever.
    """
    context.setdefault("s3_redirect", {})["redirected"] = True


def frozen_credentials(session: Any) -> tuple[str, str, str] | None:
    """Return key, secret and token as they are now, fetched if they must be; None if there are none."""
    found = session.get_credentials()
    if found is None:
        return None
    now = found.get_frozen_credentials()
    for secret in (now.secret_key, now.token):
        if secret:
            register_secret(secret)
    return now.access_key or "", now.secret_key or "", now.token or ""


def utc(value: Any) -> datetime | None:
    """Return a time of the SDK's in UTC."""
    return value.astimezone(UTC) if isinstance(value, datetime) else None
