"""`S3Connection`: how to reach an S3 service, and who we are, as plain data that can travel."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from longshore import ConfigurationError, Secret
from longshore_storage.protocol import Connection

if TYPE_CHECKING:
    from longshore_s3.store import S3Store


@dataclass(frozen=True, kw_only=True)
class S3Connection(Connection):
    """How to reach an S3 service, and who we are: configuration only.

    What is left empty is found as boto3 finds it: environment variables, `~/.aws/config` and
    `~/.aws/credentials`, a container's or an instance's role.

    Args:
        endpoint: The URL of a service that is not Amazon's, such as `"https://minio.example.com"`.
        region: Such as `"eu-central-1"`.
        profile: A section of `~/.aws/config`.
        role_arn: A role to assume, with the credentials that are found otherwise; its own are fetched again
            before they end.
        role_session_name: What the role's actions are logged under.
        external_id: What the role's owner asks for.
        access_key_id: With `secret_access_key`, credentials of one's own.
        secret_access_key: Belongs to `access_key_id`.
        session_token: Belongs to temporary credentials.
        anonymous: Whether requests are not signed, for public buckets.
        addressing_style: Whether the bucket stands in the `"path"` or in the host (`"virtual"`).
        proxy: The URL of a proxy; a `Secret` where it has a password.
        verify: Whether the service's certificate is checked, or the file of authorities to check it by.
        connect_timeout: Seconds until somebody has taken the connection.
        read_timeout: Seconds without a byte before a request counts as failed.
        max_connections: Sockets that are kept open.
        requester_pays: Whether we pay for requests to buckets whose owners do not.
        customer_key: The base64 of 32 bytes: objects are encrypted with it (SSE-C) and unreadable without it.
        expected_bucket_owner: The account that buckets must belong to, or else requests are refused.
        accelerate: Whether to use the service's edge locations.
        dualstack: Whether to use addresses of IPv6 too.

    Example:
        >>> S3Connection(profile="lake", region="eu-central-1")
    """

    scheme: ClassVar[str] = "s3"

    endpoint: str = ""
    region: str = ""
    profile: str = ""
    role_arn: str = ""
    role_session_name: str = "longshore"
    external_id: str | Secret = ""
    access_key_id: Secret | None = None
    secret_access_key: Secret | None = None
    session_token: Secret | None = None
    anonymous: bool = False
    addressing_style: Literal["auto", "path", "virtual"] = "auto"
    proxy: str | Secret = ""
    verify: bool | str = True
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    max_connections: int = 64
    requester_pays: bool = False
    customer_key: Secret | None = None
    expected_bucket_owner: str = ""
    accelerate: bool = False
    dualstack: bool = False

    def __post_init__(self) -> None:
        self._check_secrets()
        self._check_identity()
        if self.endpoint and "://" not in self.endpoint:
            raise ConfigurationError(
                f"S3Connection(endpoint={self.endpoint!r}) is no URL; write 'https://{self.endpoint}'"
            )
        if self.addressing_style not in ("auto", "path", "virtual"):
            raise ConfigurationError(
                f"S3Connection(addressing_style={self.addressing_style!r}): give 'auto', 'path' or 'virtual'"
            )
        for name in ("connect_timeout", "read_timeout", "max_connections"):
            if getattr(self, name) <= 0:
                raise ConfigurationError(f"S3Connection({name}={getattr(self, name)!r}): give more than 0")

    def open(self) -> S3Store:
        """Make the store; nothing is asked of the service yet."""
        from longshore_s3.store import S3Store

        return S3Store(self)

    def customer_key_bytes(self) -> bytes | None:
        """Return the key of SSE-C.

        Raises:
            ConfigurationError: It is not the base64 of 32 bytes.
        """
        if self.customer_key is None:
            return None
        try:
            key = base64.b64decode(self.customer_key.get(), validate=True)
        except binascii.Error:
            key = b""
        if len(key) != 32:
            raise ConfigurationError(
                f"S3Connection(customer_key={self.customer_key!r}) is not the base64 of 32 bytes; "
                "make one: openssl rand -base64 32"
            )
        return key

    def _check_secrets(self) -> None:
        for name in ("access_key_id", "secret_access_key", "session_token", "customer_key"):
            value: object = getattr(self, name)
            if value is not None and not isinstance(value, Secret):
                raise ConfigurationError(
                    f"S3Connection({name}=...) takes a Secret, so that it shows up nowhere; "
                    f'write {name}=Secret("env:NAME")'
                )
        if isinstance(self.proxy, str) and "@" in self.proxy:
            raise ConfigurationError(
                'S3Connection(proxy=...) has a password in the URL; write proxy=Secret("env:NAME")'
            )

    def _check_identity(self) -> None:
        own = self.access_key_id is not None
        if own != (self.secret_access_key is not None):
            raise ConfigurationError("S3Connection(): give access_key_id and secret_access_key together")
        if self.session_token is not None and not own:
            raise ConfigurationError("S3Connection(session_token=...) needs access_key_id as well")
        if self.anonymous and (own or self.profile or self.role_arn):
            raise ConfigurationError("S3Connection(anonymous=True) cannot have credentials; leave them out")
        if own and self.profile:
            raise ConfigurationError(
                "S3Connection(profile=..., access_key_id=...): give one of them, for both name credentials"
            )
