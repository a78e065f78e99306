"""The arguments of the connector's `connect()`: both of its lines take other words for some of them."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from longshore import ConfigurationError, MissingExtraError, Secret, require

if TYPE_CHECKING:
    from longshore_snowflake.connections import SnowflakeConnection

_AS_THEY_ARE: Final = (
    "account",
    "user",
    "authenticator",
    "workload_identity_provider",
    "oauth_client_id",
    "oauth_token_request_url",
    "oauth_scope",
    "role",
    "warehouse",
    "database",
    "schema",
    "host",
    "port",
)
_SECRET: Final = ("password", "token", "passcode", "oauth_client_secret")


def connector(module: str = "snowflake.connector") -> Any:
    """Import the connector, or one of its modules.

    `snowflake` is a namespace that other libraries share, so it may be there without this one.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name in ("snowflake", "snowflake.connector"):
            raise MissingExtraError(
                "'snowflake-connector-python' is not installed; run: pip install 'longshore[snowflake]'"
            ) from error
        raise


def connect_arguments(connection: SnowflakeConnection, *, major: int, keeps_session: bool) -> dict[str, Any]:
    """Return what `connect()` takes, with the secrets resolved.

    Args:
        connection: Who we are.
        major: The connector's line: 4 or 5.
        keeps_session: Whether the session, and what runs in it, outlives the connection.

    Raises:
        SecretError: A secret cannot be resolved.
        ConfigurationError: The private key cannot be read.
    """
    given: dict[str, Any] = {name: getattr(connection, name) for name in _AS_THEY_ARE}
    given = {name: value for name, value in given.items() if value}
    for name in _SECRET:
        secret: Secret | None = getattr(connection, name)
        if secret is not None:
            given[name] = secret.get()
    if connection.private_key is not None:
        given["private_key"] = _key(connection.private_key, connection.private_key_passphrase)
    name = default_name() if connection.is_default else connection.name
    if not connection.authenticator and not name:
        given.update(_suggested(connection))
    if connection.protocol != "https":
        given["protocol"] = connection.protocol
    if name:
        given["connection_name"] = name
    if connection.session_parameters:
        given["session_parameters"] = dict(connection.session_parameters)
    given.update(_settings(connection, major, keeps_session))
    return {**given, **{name: _plain(value) for name, value in connection.options.items()}}


def _plain(value: Any) -> Any:
    return value.get() if isinstance(value, Secret) else value


def default_name() -> str:
    """Return the name of the connector's own default connection.

    The connector looks for it itself only where it gets no argument at all, and it always gets some of us.
    """
    return str(connector("snowflake.connector.config_manager").CONFIG_MANAGER["default_connection_name"])


def _suggested(connection: SnowflakeConnection) -> dict[str, str]:
    if connection.private_key is not None:
        return {"authenticator": "SNOWFLAKE_JWT"}
    if connection.workload_identity_provider:
        return {"authenticator": "WORKLOAD_IDENTITY"}
    if connection.token is not None:
        return {"authenticator": "PROGRAMMATIC_ACCESS_TOKEN"}
    return {}


def _settings(connection: SnowflakeConnection, major: int, keeps_session: bool) -> dict[str, Any]:
    """Return how we want the connector to work, whoever logs in."""
    common: dict[str, Any] = {
        "application": "Longshore",
        "paramstyle": "qmark",  # bound by Snowflake; the default formats values into the text
        "autocommit": True,
        "arrow_number_to_decimal": True,  # else NUMBER(38, 2) comes as a double
        "client_session_keep_alive": True,
        "client_store_temporary_credential": connection.cache_tokens,
        "server_session_keep_alive": keeps_session,
        "login_timeout": connection.login_timeout,
    }
    if major >= 5:
        return {
            **common,
            "enable_server_session_keep_alive_auto_detection": False,
            "auto_cleanup": False,
            "query_timeout": 0,
            "request_timeout": connection.network_timeout,
        }
    return {
        **common,
        "client_request_mfa_token": connection.cache_tokens,
        "network_timeout": connection.network_timeout,
        "log_imported_packages_in_telemetry": False,
    }


def _key(key: str | Path | Secret, passphrase: Secret | None) -> bytes:
    """Return a private key as both lines take it: DER, PKCS 8, without a passphrase."""
    serialization = require("cryptography.hazmat.primitives.serialization", extra="snowflake")
    what = repr(key) if isinstance(key, Secret) else f"the file {str(key)!r}"
    try:
        text = key.get().encode() if isinstance(key, Secret) else Path(key).expanduser().read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the private key of {what}: {error.strerror or error}; name the file of the key"
        ) from error
    password = None if passphrase is None else passphrase.get().encode()
    try:
        loaded = serialization.load_pem_private_key(text, password)
    except (ValueError, TypeError) as error:
        hint = "check private_key_passphrase" if passphrase else "give private_key_passphrase if it has one"
        # Not chained: such errors may quote what they read.
        raise ConfigurationError(
            f"cannot use the private key of {what}: {type(error).__name__}, it is no PEM that opens; {hint}"
        ) from None
    der: bytes = loaded.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return der
