"""Meets Google's library: its client has the settings and the credentials."""

from __future__ import annotations

import importlib
import json
import os
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from longshore import ConfigurationError, MissingExtraError, Secret
from longshore_storage.errors import CredentialsError, StorageError, UnreachableError

if TYPE_CHECKING:
    from longshore_gcs.connections import GCSConnection
    from longshore_gcs.sessions import Session

HELP: Final = (
    "run: gcloud auth application-default login, set GOOGLE_APPLICATION_CREDENTIALS to a key file, or give "
    "GCSConnection(credentials=...)"
)
_EMULATOR: Final = "STORAGE_EMULATOR_HOST"
_PROJECT: Final = "GOOGLE_CLOUD_PROJECT"


def sdk(module: str) -> Any:
    """Import a module of Google's library, or say how to install it.

    `google` is a namespace that other libraries share, so it may be there without this one.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module}.".startswith(f"{error.name}."):
            raise MissingExtraError(
                "'google-cloud-storage' is not installed; run: pip install 'longshore[gcs]'"
            ) from error
        raise


def open_session(connection: GCSConnection) -> Session:
    """Find credentials, settings and endpoint, and make the session; no server is asked.

    Raises:
        CredentialsError: There are no credentials.
        ConfigurationError: The settings cannot be followed.
    """
    from longshore_gcs.sessions import Session

    storage = sdk("google.cloud.storage")
    identity = Identity(connection)
    options = {"api_endpoint": connection.endpoint} if connection.endpoint else None
    # None is "no project"; without the argument the client would look for other credentials to find one.
    project = connection.project or os.environ.get(_PROJECT) or identity.project or None
    try:
        client = storage.Client(project=project, credentials=identity.credentials, client_options=options)
    except ValueError as error:
        raise ConfigurationError(f"cannot use Google Cloud Storage: {error}") from error
    return Session(connection, client, identity)


class Identity:
    """Who we are: Google's credentials, refreshed by one thread at a time.

    Args:
        connection: Says which.

    Raises:
        CredentialsError: There are none.
    """

    def __init__(self, connection: GCSConnection) -> None:
        self._exceptions = sdk("google.auth.exceptions")
        transport = sdk("google.auth.transport.requests")
        self._request = partial(transport.Request(), timeout=connection.read_timeout)
        self._lock = threading.Lock()
        self.project = ""
        try:
            self.credentials = self._found(connection)
        except self._exceptions.GoogleAuthError as error:
            raise CredentialsError(
                f"cannot use Google Cloud Storage: {_first_line(error)}; {HELP}"
            ) from error

    def _found(self, connection: GCSConnection) -> Any:
        scopes = list(sdk("google.cloud.storage").Client.SCOPE)
        credentials = self._source(connection, scopes)
        if not connection.impersonate:
            return credentials
        return sdk("google.auth.impersonated_credentials").Credentials(
            source_credentials=credentials,
            target_principal=connection.impersonate,
            target_scopes=scopes,
        )

    def _source(self, connection: GCSConnection, scopes: list[str]) -> Any:
        if connection.credentials is not None:
            return self._service_account(connection.credentials, scopes)
        if connection.anonymous or (os.environ.get(_EMULATOR) and not connection.impersonate):
            return sdk("google.auth.credentials").AnonymousCredentials()
        credentials, project = sdk("google.auth").default(scopes=scopes)
        self.project = project or ""
        return credentials

    def _service_account(self, given: str | Secret, scopes: list[str]) -> Any:
        what = repr(given) if isinstance(given, Secret) else f"the file {given!r}"
        try:
            text = given.get() if isinstance(given, Secret) else Path(given).expanduser().read_text()
            info = json.loads(text)
            self.project = str(info.get("project_id", ""))
            factory = sdk("google.oauth2.service_account").Credentials
            return factory.from_service_account_info(info, scopes=scopes)
        except OSError as error:
            raise CredentialsError(
                f"cannot read {what}: {error.strerror or error}; name the key file of a service account"
            ) from error
        except (ValueError, LookupError, TypeError, AttributeError):
            # Not chained: such errors quote what they read, which is a private key.
            raise CredentialsError(
                f"cannot use {what}: it is no key file of a service account; make one with: "
                "gcloud iam service-accounts keys create key.json --iam-account=ACCOUNT"
            ) from None

    @property
    def name(self) -> str:
        """Who the caller is, for messages."""
        for word in ("service_account_email", "signer_email", "account"):
            found = getattr(self.credentials, word, None)
            if found and found != "default":
                return str(found)
        return (
            "anonymous"
            if self.anonymous
            else f"unnamed ({type(self.credentials).__name__} of Google's library)"
        )

    @property
    def anonymous(self) -> bool:
        """Whether there are no credentials."""
        return isinstance(self.credentials, sdk("google.auth.credentials").AnonymousCredentials)

    def authorize(self, method: str, url: str, headers: dict[str, str]) -> None:
        """Add what shows who we are, fetching a token first when it is time.

        Raises:
            CredentialsError: The credentials are refused.
            UnreachableError: Who gives tokens cannot be reached.
        """
        try:
            if self.credentials.valid:
                self.credentials.before_request(self._request, method, url, headers)
            else:
                with self._lock:
                    self.credentials.before_request(self._request, method, url, headers)
        except self._exceptions.GoogleAuthError as error:
            raise self._refused(error) from error

    def refresh(self) -> bool:
        """Fetch a new token; False where there is none to fetch.

        Raises:
            CredentialsError: The credentials are refused.
        """
        if self.anonymous:
            return False
        try:
            with self._lock:
                self.credentials.refresh(self._request)
        except self._exceptions.GoogleAuthError as error:
            raise self._refused(error) from error
        return True

    def _refused(self, error: Exception) -> StorageError:
        if isinstance(error, self._exceptions.TransportError) or getattr(error, "retryable", False):
            return UnreachableError(f"cannot fetch a token for {self.name}: {_first_line(error)}")
        return CredentialsError(f"cannot fetch a token for {self.name}: {_first_line(error)}; {HELP}")


def _first_line(error: Exception) -> str:
    text = str(error.args[0]) if error.args else type(error).__name__
    return text.partition("\n")[0].rstrip(". ")
