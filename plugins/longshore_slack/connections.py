"""`SlackConnection`: how to reach Slack, as plain data that can travel."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from longshore import ConfigurationError, Secret

API: Final = "https://slack.com/api/"
TOKEN: Final = Secret("env:SLACK_BOT_TOKEN")
WEBHOOK: Final = Secret("env:SLACK_WEBHOOK_URL")
_LOOPBACK: Final = ("localhost", "::1")


@dataclass(frozen=True, kw_only=True)
class SlackConnection:
    """How to reach Slack with a bot's token. It holds no secret, only where one is found.

    Args:
        token: The bot's token, `xoxb-...`.
        base_url: Where the Web API is; by default `$SLACK_API_URL`, which the tests of your flows may set,
            else Slack itself. `http://` is taken for this machine only, for the sake of the token.
        connect_timeout: Seconds until somebody has taken the connection.
        read_timeout: Seconds without a byte of the answer before the call counts as failed.
        call_timeout: Seconds for one call in all, but for the bytes of a file.
        proxy: The URL of a proxy, as a `Secret` where it has a password; without it, `HTTPS_PROXY` and
            `NO_PROXY` count.
        ca_file: The path of a file of certificate authorities in place of the usual ones. Certificates are
            always checked.

    Example:
        >>> SlackConnection(token=Secret("file:/run/secrets/slack"))
    """

    token: Secret = TOKEN
    base_url: str = ""
    connect_timeout: float = 5.0
    read_timeout: float = 15.0
    call_timeout: float = 30.0
    proxy: str | Secret = ""
    ca_file: str = ""

    def __post_init__(self) -> None:
        check_secret("SlackConnection", "token", self.token)
        if self.base_url:
            check_url("SlackConnection(base_url=...)", self.base_url)
        for name in ("connect_timeout", "read_timeout", "call_timeout"):
            if not getattr(self, name) > 0:
                raise ConfigurationError(
                    f"SlackConnection({name}={getattr(self, name)!r}): give seconds above 0"
                )
        if isinstance(self.proxy, str) and "@" in self.proxy:
            raise ConfigurationError(
                "SlackConnection(proxy=...) has a password in the URL; write proxy=Secret('env:SLACK_PROXY')"
            )

    @property
    def api_url(self) -> str:
        """Where the Web API is, with a slash at its end.

        Raises:
            ConfigurationError: `$SLACK_API_URL` is none that a token may go to.
        """
        found = self.base_url or os.environ.get("SLACK_API_URL") or API
        if not self.base_url:
            check_url("$SLACK_API_URL", found)
        return found.rstrip("/") + "/"

    @property
    def proxy_url(self) -> str:
        """The proxy's URL with its password; empty where the environment decides."""
        return self.proxy.get().strip() if isinstance(self.proxy, Secret) else self.proxy


def check_secret(owner: str, name: str, value: object) -> None:
    """Look whether a credential is given as a `Secret`.

    Raises:
        ConfigurationError: It is something else, which is not shown.
    """
    if value is not None and not isinstance(value, Secret):
        raise ConfigurationError(
            f"{owner}({name}=...) takes a Secret, so that it shows up nowhere; "
            f'write {name}=Secret("env:SLACK_{"WEBHOOK_URL" if name == "webhook" else "BOT_TOKEN"}")'
        )


def check_url(label: str, url: str, *, shown: bool = True) -> None:
    """Look whether a URL is one that credentials may go to.

    Raises:
        ConfigurationError: It is no URL, or one without TLS of another machine.
    """
    seen = f"it is {url!r}" if shown else "it is not shown, as it is a credential"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ConfigurationError(f"cannot use {label}: {seen}; give a URL with https://") from None
    here = host in _LOOPBACK or host.startswith("127.")
    plain = parts.username is None and not any(ord(c) <= 32 or c in "\\\x7f" for c in url)
    if not host or not plain or not (parts.scheme == "https" or (parts.scheme == "http" and here)):
        raise ConfigurationError(f"cannot use {label}: {seen}; give a URL with https://")


def credentials_here() -> str:
    """Return `token` or `webhook`, whichever the environment has, the token first; empty for neither."""
    if os.environ.get("SLACK_BOT_TOKEN"):
        return "token"
    return "webhook" if os.environ.get("SLACK_WEBHOOK_URL") else ""
