"""`SnowflakeConnection`: which account, and who we are there, as data that can travel."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - who describes a task evaluates these
from dataclasses import dataclass, field, fields
from pathlib import Path  # noqa: TC003
from typing import Any, Final, Literal

from longshore import ConfigurationError, Secret

Authenticator = Literal[
    "snowflake",
    "snowflake_jwt",
    "oauth",
    "oauth_authorization_code",
    "oauth_client_credentials",
    "programmatic_access_token",
    "workload_identity",
    "externalbrowser",
    "username_password_mfa",
]
"""How to log in; the address of an Okta account works as well."""
SECRETS: Final = ("password", "private_key_passphrase", "token", "passcode", "oauth_client_secret")
"""Fields that take a `Secret` and nothing else."""
_SECRET_OPTIONS: Final = frozenset(
    {
        "external_session_id", "master_token", "private_key_file_pwd", "private_key_password",
        "proxy_password", "session_token",
    }
)  # fmt: skip
_UNSAFE_OPTIONS: Final = frozenset({"skip_file_permissions_check", "unsafe_skip_file_permissions_check"})
"""They would let the connector keep tokens in a file that others can read."""


@dataclass(frozen=True, kw_only=True)
class SnowflakeConnection:
    """Which account, and who we are there.

    Without anything it is the connector's own default connection: the section of `connections.toml` (or of
    `[connections]` in `config.toml`) that `SNOWFLAKE_DEFAULT_CONNECTION_NAME` names, else `default`. Fields
    beside `name` go over what the section says.

    Args:
        name: The section of `connections.toml` to use.
        account: Such as `myorg-myaccount`.
        user: Whom to log in as.
        password: Of that user.
        private_key: The path of the key's file, or a `Secret` with its text (PEM) for key-pair login.
        private_key_passphrase: Of the key.
        token: An OAuth token, a programmatic access token, or the token of a workload identity of kind OIDC.
        passcode: The code of an MFA device.
        authenticator: How to log in; empty for what the other fields suggest: a key pair, a workload
            identity, a programmatic access token, a password.
        workload_identity_provider: `AWS`, `AZURE`, `GCP` or `OIDC`.
        oauth_client_id: For the two OAuth flows.
        oauth_client_secret: Likewise.
        oauth_token_request_url: Likewise; empty for Snowflake's own.
        oauth_scope: Likewise.
        role: Empty for the user's default, as with the next three.
        warehouse: What computes.
        database: For names without one.
        schema: For names without one.
        session_parameters: Such as `{"TIMEZONE": "UTC"}`.
        cache_tokens: Whether the connector may keep tokens of browser and MFA logins in the system's keyring
            or in a file that this user alone can read, so that people are not asked each time.
        host: For accounts behind a private link, and for tests; empty for the account's own.
        port: Likewise.
        protocol: Likewise; `http` sends everything in the clear.
        login_timeout: Seconds for a login.
        network_timeout: Seconds for which one request is tried again while Snowflake does not answer.
        options: Any other argument of the connector's `connect()`; secret ones, such as `proxy_password`, as
            a `Secret`.

    Example:
        >>> SnowflakeConnection(account="myorg-dwh", user="LOADER", private_key="~/.ssh/loader.p8")
    """

    name: str = ""
    account: str = ""
    user: str = ""
    password: Secret | None = None
    private_key: str | Path | Secret | None = None
    private_key_passphrase: Secret | None = None
    token: Secret | None = None
    passcode: Secret | None = None
    authenticator: Authenticator | str = ""
    workload_identity_provider: Literal["", "AWS", "AZURE", "GCP", "OIDC"] = ""
    oauth_client_id: str = ""
    oauth_client_secret: Secret | None = None
    oauth_token_request_url: str = ""
    oauth_scope: str = ""
    role: str = ""
    warehouse: str = ""
    database: str = ""
    schema: str = ""
    session_parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    cache_tokens: bool = False
    host: str = ""
    port: int = 0
    protocol: Literal["https", "http"] = "https"
    login_timeout: int = 60
    network_timeout: int = 60
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        for name in SECRETS:
            given = getattr(self, name)
            if given is not None and not isinstance(given, Secret):
                raise ConfigurationError(
                    f"SnowflakeConnection({name}=...) takes a Secret, not the value itself; "
                    f'write {name}=Secret("env:SNOWFLAKE_{name.upper()}")'
                )
        for name in ("login_timeout", "network_timeout"):
            if not getattr(self, name) > 0:
                raise ConfigurationError(
                    f"SnowflakeConnection({name}={getattr(self, name)!r}): give seconds above 0"
                )
        if isinstance(self.private_key, str) and "PRIVATE KEY" in self.private_key:
            raise ConfigurationError(
                "SnowflakeConnection(private_key=...) takes a path or a Secret, not the key itself; "
                'write private_key=Secret("env:SNOWFLAKE_PRIVATE_KEY")'
            )
        self._check_options()
        # Mappings cannot be hashed; sessions are kept by what identifies a connection.
        for name in ("session_parameters", "options"):
            object.__setattr__(self, name, dict(getattr(self, name)))

    def _check_options(self) -> None:
        known = {each.name for each in fields(self)} | {"connection_name", "paramstyle", "autocommit"}
        for name, value in self.options.items():
            if name.lower() in known | _UNSAFE_OPTIONS:
                raise ConfigurationError(f"SnowflakeConnection(options=...): {name!r} cannot be given there")
            if name.lower() in _SECRET_OPTIONS and not isinstance(value, Secret):
                raise ConfigurationError(
                    f"SnowflakeConnection(options=...): {name!r} takes a Secret, not the value itself; write "
                    f'Secret("env:SNOWFLAKE_{name.upper()}")'
                )

    def __hash__(self) -> int:
        return hash(repr(self))

    @property
    def is_default(self) -> bool:
        """Whether it is the connector's own default connection."""
        identity = (self.name, self.account, self.user, self.host, self.token, self.authenticator)
        return not any(identity)
