"""`EmailConnection`: how to reach a mail server, as plain data that can travel."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast, get_args

from longshore import ConfigurationError, Secret
from longshore_email.addresses import Address, parse_address

if TYPE_CHECKING:
    from pathlib import Path

Tls: TypeAlias = Literal["starttls", "tls", "none"]
_PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}
_PASSWORD: Final = "LONGSHORE_SMTP_PASSWORD"  # noqa: S105 - a name


@dataclass(frozen=True, kw_only=True)
class EmailConnection:
    """How to reach a mail server: configuration only; each mail has a connection of its own.

    Without `host` the environment says it all: `LONGSHORE_SMTP_HOST`, and where they are set
    `LONGSHORE_SMTP_PORT`, `LONGSHORE_SMTP_TLS`, `LONGSHORE_SMTP_USERNAME`, `LONGSHORE_SMTP_PASSWORD`. A
    password of the environment goes to the host of the environment alone.

    Args:
        host: The server's name.
        port: 0 for the usual one: 587 with STARTTLS, 465 with TLS, 25 without.
        tls: `starttls` to begin in the clear and refuse to go on if the server cannot encrypt, `tls` to
            encrypt from the first byte, `none` for a relay beside us.
        username: Who signs in; empty for nobody.
        password: With what. It is sent over TLS, or to this machine, and nowhere else.
        verify: Whether the server's certificate is checked.
        ca_file: The path of certificate authorities to trust in place of the usual ones.
        connect_timeout: Seconds until the server has taken the connection and greets.
        read_timeout: Seconds until each of its answers.
        local_hostname: How we introduce ourselves; this machine's name by default.

    Raises:
        ConfigurationError: Something cannot be what was given.

    Example:
        >>> EmailConnection(
        ...     host="smtp.example.com", username="reports", password=Secret("env:SMTP_PASSWORD")
        ... )
    """

    host: str = ""
    port: int = 0
    tls: Tls = "starttls"
    username: str = ""
    password: Secret | None = None
    verify: bool = True
    ca_file: str | Path = ""
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    local_hostname: str = ""

    def __post_init__(self) -> None:
        if self.tls not in get_args(Tls):
            raise ConfigurationError(f"EmailConnection(tls={self.tls!r}): give 'starttls', 'tls' or 'none'")
        if not 0 <= self.port <= 65_535:
            raise ConfigurationError(
                f"EmailConnection(port={self.port!r}): give a port, or 0 for the usual one"
            )
        if self.password is not None and not isinstance(cast("object", self.password), Secret):
            raise ConfigurationError(
                "EmailConnection(password=...) takes a Secret, not the password itself; "
                'write password=Secret("env:SMTP_PASSWORD")'
            )
        for name in ("connect_timeout", "read_timeout"):
            if not getattr(self, name) > 0:
                raise ConfigurationError(
                    f"EmailConnection({name}={getattr(self, name)!r}): give seconds over 0"
                )
        for name in ("host", "username", "local_hostname"):
            if any(ord(letter) < 33 for letter in getattr(self, name)):
                raise ConfigurationError(f"EmailConnection({name}=...) has a space or a control character")
        if self.username and self.host:
            self._check_sign_in()

    def _check_sign_in(self) -> None:
        if self.password is None:
            raise ConfigurationError(
                f"EmailConnection(username={self.username!r}) has no password; "
                'write password=Secret("env:SMTP_PASSWORD")'
            )
        if self.tls == "none" and not _is_here(self.host):
            raise ConfigurationError(
                f"EmailConnection(host={self.host!r}, tls='none') would send the password unencrypted; "
                "write tls='starttls' or tls='tls'"
            )

    @property
    def label(self) -> str:
        """What messages call it: `smtp.example.com:587`."""
        return f"{self.host}:{self.port or _PORTS[self.tls]}"

    def settled(self) -> EmailConnection:
        """Return the connection with its host and port, from the environment if need be.

        Raises:
            ConfigurationError: Neither this nor the environment names a host.
        """
        found = self if self.host else self._of_environment()
        return found if found.port else replace(found, port=_PORTS[found.tls])

    def _of_environment(self) -> EmailConnection:
        said = {
            name: os.environ.get(f"LONGSHORE_SMTP_{name.upper()}", "")
            for name in ("host", "port", "tls", "username")
        }
        if not said["host"]:
            raise ConfigurationError(
                "cannot send mail: no server is named; write EmailConnection(host='smtp.example.com'), or "
                "run: export LONGSHORE_SMTP_HOST=smtp.example.com"
            )
        if said["port"] and not said["port"].isdecimal():
            raise ConfigurationError(f"cannot use LONGSHORE_SMTP_PORT={said['port']!r}: it is no number")
        tls = next((word for word in get_args(Tls) if word == said["tls"]), None)
        if said["tls"] and tls is None:
            raise ConfigurationError(
                f"cannot use LONGSHORE_SMTP_TLS={said['tls']!r}: it is none of starttls, tls, none"
            )
        return replace(
            self,
            host=said["host"],
            port=int(said["port"] or self.port),
            tls=tls or self.tls,
            username=said["username"] or self.username,
            password=Secret(f"env:{_PASSWORD}") if os.environ.get(_PASSWORD) else self.password,
        )

    def sender(self, given: str) -> Address:
        """Return who sends: as given, or by `LONGSHORE_SMTP_SENDER`, or the user name if it is an address.

        Raises:
            ConfigurationError: None of them says it.
        """
        text = given or os.environ.get("LONGSHORE_SMTP_SENDER", "")
        if not text and "@" in self.username:
            text = self.username
        if not text:
            raise ConfigurationError(
                "cannot send mail: nobody is named as its sender; write sender='reports@example.com', or "
                "run: export LONGSHORE_SMTP_SENDER=reports@example.com"
            )
        return parse_address(text)


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
