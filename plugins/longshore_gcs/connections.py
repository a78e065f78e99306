"""`GCSConnection`: how to reach Google Cloud Storage, and who we are, as data that can travel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from longshore import ConfigurationError, Secret
from longshore_storage.protocol import Connection

if TYPE_CHECKING:
    from longshore_gcs.store import GCSStore


@dataclass(frozen=True, kw_only=True)
class GCSConnection(Connection):
    """How to reach the service, and who we are.

    Without `credentials` they are Application Default Credentials, as Google's own library finds them:
    `GOOGLE_APPLICATION_CREDENTIALS`, then `gcloud auth application-default login`, then the machine's service
    account. Proxies are those of the environment (`HTTPS_PROXY`, `NO_PROXY`), certificate authorities those
    of `REQUESTS_CA_BUNDLE` where it is set. Where `STORAGE_EMULATOR_HOST` is set, requests go there, without
    credentials unless some are given here.

    Args:
        project: Of new buckets; empty for the one of the credentials or of `GOOGLE_CLOUD_PROJECT`.
        credentials: The path of a service account's key file, or a `Secret` that has the file's text.
        impersonate: The e-mail address of the service account to act as; the credentials need the role
            Service Account Token Creator on it.
        anonymous: Use no credentials, for public buckets.
        endpoint: Such as `"https://storage.example.com"`; empty for Google's.
        user_project: The project that pays, for buckets whose requester pays, and whose quota counts.
        encryption_key: The customer-supplied AES-256 key of the objects, in base64. The service keeps its
            digest alone: without the key the objects cannot be read.
        connect_timeout: Seconds.
        read_timeout: Seconds without a byte.

    Example:
        >>> GCSConnection(impersonate="lake@acme.iam.gserviceaccount.com", user_project="acme")
    """

    scheme: ClassVar[str] = "gs"

    project: str = ""
    credentials: str | Secret | None = None
    impersonate: str = ""
    anonymous: bool = False
    endpoint: str = ""
    user_project: str = ""
    encryption_key: Secret | None = None
    connect_timeout: float = 10.0
    read_timeout: float = 60.0

    def __post_init__(self) -> None:
        if not (self.connect_timeout > 0 and self.read_timeout > 0):
            raise ConfigurationError(
                f"GCSConnection(connect_timeout={self.connect_timeout!r}, "
                f"read_timeout={self.read_timeout!r}): give seconds above 0"
            )
        if self.anonymous and (self.credentials is not None or self.impersonate):
            raise ConfigurationError("GCSConnection: give credentials, or anonymous=True, not both")
        if self.endpoint and not _is_endpoint(self.endpoint):
            raise ConfigurationError(
                f"GCSConnection(endpoint={self.endpoint!r}): write 'https://HOST' or 'http://HOST:PORT'"
            )

    def open(self) -> GCSStore:
        """Make the store; this imports Google's library and looks for credentials, and asks no server."""
        from longshore_gcs.client import open_session
        from longshore_gcs.store import GCSStore

        return GCSStore(open_session(self))


def _is_endpoint(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
    except ValueError:
        return False
