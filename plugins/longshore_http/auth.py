"""Who we are to a server: basic, bearer, OAuth2 client credentials."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Literal, TypeAlias

from longshore import ConfigurationError, Secret, register_secret


def _needs_secret(owner: object, field: str, value: object) -> None:
    if not isinstance(value, Secret):
        raise ConfigurationError(
            f"{type(owner).__name__}({field}=...) takes a Secret, so that it shows up nowhere; "
            f'write {field}=Secret("env:NAME")'
        )


@dataclass(frozen=True, kw_only=True)
class BasicAuth:
    """A user and a password, in each request.

    Args:
        user: The name, in UTF-8.
        password: A `Secret`.
    """

    user: str | Secret
    password: Secret

    def __post_init__(self) -> None:
        _needs_secret(self, "password", self.password)

    def authorization(self) -> str:
        """Return the header's value."""
        return basic(plain(self.user), self.password.get())


@dataclass(frozen=True, kw_only=True)
class BearerAuth:
    """A token that was given to us, in each request.

    Args:
        token: A `Secret`; resolved again for each request, so a file that is rewritten is followed.
        scheme: The word before the token.
    """

    token: Secret
    scheme: str = "Bearer"

    def __post_init__(self) -> None:
        _needs_secret(self, "token", self.token)

    def authorization(self) -> str:
        """Return the header's value."""
        return f"{self.scheme} {self.token.get()}"


@dataclass(frozen=True, kw_only=True)
class OAuth2ClientCredentials:
    """A token fetched from an OAuth2 server for a client id and its secret (RFC 6749, section 4.4).

    One token is kept for each process and configuration. It is fetched again shortly before it expires, and
    once when the server answers 401.

    Args:
        token_url: Where tokens are given.
        client_id: The client.
        client_secret: A `Secret`.
        scope: Scopes, separated by spaces; the server's own choice when empty.
        audience: What the token is for, where the server asks (Auth0 does); empty to leave out.
        send: Whether id and secret go into the Authorization header, which the RFC prefers, or the form.
    """

    token_url: str
    client_id: str
    client_secret: Secret
    scope: str = ""
    audience: str = ""
    send: Literal["header", "form"] = "header"

    def __post_init__(self) -> None:
        _needs_secret(self, "client_secret", self.client_secret)


Auth: TypeAlias = BasicAuth | BearerAuth | OAuth2ClientCredentials


def basic(user: str, password: str) -> str:
    """Return the value of a basic Authorization header, known to redaction from now on."""
    encoded = b64encode(f"{user}:{password}".encode()).decode()
    register_secret(encoded)
    return f"Basic {encoded}"


def plain(value: object) -> str:
    """Return a value as text, resolving a secret."""
    if isinstance(value, Secret):
        return value.get()
    return str(value).lower() if isinstance(value, bool) else str(value)
