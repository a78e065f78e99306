"""`HttpConnection`: how to reach a server, as plain data that can travel."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import SplitResult, urljoin, urlsplit

from longshore import ConfigurationError, Secret, register_secret
from longshore_http.errors import UrlRefused
from longshore_http.headers import Headers
from longshore_http.masking import is_sensitive, show_url

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from longshore_http.auth import Auth

_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True)
class HttpConnection:
    """How to reach a server: configuration only. Sessions are made where a task runs, one for each process.

    Credentials and headers of a connection with a `base_url` go to that scheme, host and port only. Those of
    one without go to the host of the URL that is asked for. In neither case do they follow a redirect
    elsewhere.

    Args:
        base_url: What relative URLs are relative to, as a folder: `"https://api.example.com/v2"`.
        headers: Sent with each request; values may be a `Secret`.
        auth: `BasicAuth`, `BearerAuth` or `OAuth2ClientCredentials`.
        connect_timeout: Seconds until somebody has taken the connection, for each address of the host.
        read_timeout: Seconds without a byte before the attempt counts as failed.
        verify: True for the usual certificate authorities, the path of a file of others, or False for no
            check of the server's certificate at all.
        certificate: The path of our own certificate, where the server asks for one; it may hold the key as
            well.
        certificate_key: The path of its key, if that is another file.
        proxies: By scheme: `{"https": "http://proxy:3128"}`; a `Secret` where the URL has a password.
        use_environment: Whether `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY` and `REQUESTS_CA_BUNDLE`
            count where this connection says nothing. Credentials are never taken from `.netrc`.
        max_redirects: How many redirects are followed; 0 to follow none and take the redirect as the answer.
        public_only: Whether to refuse every host with an address that is not public: loopback, private
            networks, metadata services. Looked at for each connection, redirects included; proxies are not
            used.

    Example:
        >>> HttpConnection(base_url="https://api.example.com", auth=BearerAuth(token=Secret("env:API_TOKEN")))
    """

    base_url: str = ""
    headers: Mapping[str, str | Secret] = field(default_factory=lambda: Headers[str | Secret]())
    auth: Auth | None = None
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    verify: bool | str | Path = True
    certificate: str | Path | None = None
    certificate_key: str | Path | None = None
    proxies: Mapping[str, str | Secret] = field(default_factory=lambda: Headers[str | Secret]())
    use_environment: bool = True
    max_redirects: int = 10
    public_only: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "headers", checked_headers(self.headers, "HttpConnection"))
        object.__setattr__(self, "proxies", Headers(self.proxies))
        self._check_numbers()
        self._check_urls()
        if self.public_only and self.proxies:
            raise ConfigurationError(
                "HttpConnection(public_only=True) cannot use proxies: they look names up themselves"
            )

    def __repr__(self) -> str:
        shown = [
            f"{f.name}={v!r}"
            for f in fields(self)
            if (v := getattr(self, f.name)) not in (f.default, Headers())
        ]
        return f"HttpConnection({', '.join(shown)})"

    def _check_numbers(self) -> None:
        for name in ("connect_timeout", "read_timeout"):
            if getattr(self, name) is None or getattr(self, name) <= 0:
                raise ConfigurationError(
                    f"HttpConnection({name}={getattr(self, name)!r}): give seconds above 0"
                )
        if self.max_redirects < 0:
            raise ConfigurationError(f"HttpConnection(max_redirects={self.max_redirects!r}): give 0 or more")

    def _check_urls(self) -> None:
        if self.base_url and split(self.base_url).username is not None:
            raise ConfigurationError(
                f"HttpConnection(base_url={show_url(self.base_url)!r}) has a user or password in the URL; "
                'write auth=BasicAuth(user=..., password=Secret("env:NAME"))'
            )
        for scheme, proxy in self.proxies.items():
            if isinstance(proxy, str) and "@" in proxy:
                raise ConfigurationError(
                    f"HttpConnection(proxies={{{scheme!r}: {show_url(proxy)!r}}}) has a password in the URL; "
                    f'write {{{scheme!r}: Secret("env:NAME")}}'
                )

    def resolve(self, url: str | Secret) -> str:
        """Return the absolute URL for what a call was given.

        Raises:
            UrlRefused: It is no URL of http or https.
        """
        if isinstance(url, Secret):
            url = secret_url(url)
        if not self.base_url:
            split(url)
            return url
        base = self.base_url.rstrip("/")
        return base + url if url.startswith("/") else join(f"{base}/", url)

    def trusts(self, url: str, start: str) -> bool:
        """Whether credentials may go to a URL, in a call that was asked for `start`."""
        return same_place(self.base_url or start, url)


def checked_headers(headers: Mapping[str, str | Secret], owner: str) -> Headers[str | Secret]:
    """Return headers as a value.

    Raises:
        ConfigurationError: A credential stands there in plain text.
    """
    for name, value in headers.items():
        if name.lower() in ("authorization", "proxy-authorization", "cookie") and not isinstance(
            value, Secret
        ):
            raise ConfigurationError(
                f"{owner}(headers={{{name!r}: ...}}) takes a Secret, so that it shows up nowhere; "
                f'write {{{name!r}: Secret("env:NAME")}}, or auth=BearerAuth(token=Secret("env:NAME"))'
            )
    return Headers(headers)


def secret_url(secret: Secret) -> str:
    """Return a URL that is a credential itself, as those of webhooks are."""
    url = secret.get().strip()
    path = url.partition("://")[2].partition("/")[2]
    if len(path) > 3:  # libraries show it without the host
        register_secret(f"/{path}")
    return url


def secret_headers(headers: Mapping[str, str | Secret]) -> frozenset[str]:
    """Return the names, in lower case, of the headers that no other host may see."""
    return frozenset(n.lower() for n, v in headers.items() if isinstance(v, Secret) or is_sensitive(n))


def split(url: str) -> SplitResult:
    """Split a URL.

    Raises:
        UrlRefused: It is no URL of http or https.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme.lower() in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    # Parsers differ on which host a URL with a backslash names.
    if not usable or any(ord(character) < 32 or character in "\\\x7f" for character in url):
        raise UrlRefused(
            f"cannot request {show_url(url)!r}: it is no URL; give one that begins with http:// or https://"
        )
    return cast("SplitResult", parts)  # pyright: ignore[reportPossiblyUnboundVariable]


def join(base: str, url: str) -> str:
    """Return the absolute URL for one that may be relative.

    Raises:
        UrlRefused: It is no URL of http or https.
    """
    try:
        absolute = urljoin(base, url)
    except ValueError:
        raise UrlRefused(f"cannot request {show_url(url)!r}: it is no URL") from None
    split(absolute)
    return absolute


def same_place(start: str, url: str) -> bool:
    """Whether what one URL's host may see another's may: the same one, also by https instead of http."""
    first, second = origin(start), origin(url)
    upgraded = first == ("http", second[1], 80) and second == ("https", first[1], 443)
    return first == second or upgraded


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port."""
    parts = split(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or _PORTS[scheme]
