"""The session, made of `requests` and `urllib3`; imported late, by `sessions.py` alone.

One session serves all threads of a process: nothing in it changes after it was made. Cookies are never kept,
retries never made here (the task's own are the only ones), netrc never read.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import time
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from longshore_http.cutting import active_cutter
from longshore_http.errors import AddressRefused

if TYPE_CHECKING:
    from collections.abc import Generator

    from longshore_http.connections import HttpConnection

LONGEST_IDLE: Final = 4.0
"""Seconds after which a kept connection is not used again: many servers close theirs after 5, and a POST that
meets a closing connection fails without anybody knowing whether it was carried out."""
_POOL_SIZE: Final = 100
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


class _Watched(HTTPConnection):
    """A connection that the call which uses it can cut."""

    idle_since: float | None = None

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        if cutter := active_cutter():
            cutter.watch(self, sock)
        return sock

    def send(self, data: Any) -> None:
        if self.sock is None and self.auto_open:
            self.connect()
        if (cutter := active_cutter()) and self.sock is not None:
            if not cutter.watches(self):  # kept from an earlier call
                cutter.watch(self, self.sock)
            cutter.sent = True
        super().send(data)


class _WatchedTls(_Watched, HTTPSConnection):
    """The same over TLS."""


class _Public(_Watched):
    """A connection to public addresses only.

    The name is resolved once, and the address that was looked at is the address that is connected to, so a
    name that resolves to something else a moment later gains nothing.
    """

    def _new_conn(self) -> socket.socket:
        name, addresses = self._dns_host, _public_addresses(self._dns_host, self.port)
        try:
            for self._dns_host in addresses[:-1]:
                with contextlib.suppress(NewConnectionError, ConnectTimeoutError):
                    return super()._new_conn()
            self._dns_host = addresses[-1]
            return super()._new_conn()
        finally:
            self._dns_host = name


class _PublicTls(_Public, _WatchedTls):
    """The same over TLS; the certificate is checked against the name."""


def _public_addresses(name: str, port: int | None) -> list[str]:
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        if not is_public(address):
            raise AddressRefused(
                f"cannot connect to {name!r}: it has the address {address}, which is not public, "
                "and the connection says public_only=True"
            )
    return addresses


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet, also when it hides another one inside."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not ip.is_multicast
    inner = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    if ip in _NAT64:
        inner.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    if any(v4 is not None and not is_public(str(v4)) for v4 in inner):
        return False
    return ip.ipv4_mapped is not None or (ip.is_global and not ip.is_multicast)


class _FreshPool(HTTPConnectionPool):
    """Hands out no connection that was idle for long."""

    ConnectionCls = _Watched  # pyright: ignore[reportAssignmentType] - urllib3's own is no such protocol either

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection: Any = super()._get_conn(timeout)
        if connection.idle_since is not None and time.monotonic() - connection.idle_since > LONGEST_IDLE:
            connection.close()  # connects again when used
        return connection

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.idle_since = time.monotonic()
        super()._put_conn(conn)


class _FreshTlsPool(_FreshPool, HTTPSConnectionPool):
    ConnectionCls = _WatchedTls


class _PublicPool(_FreshPool):
    ConnectionCls = _Public


class _PublicTlsPool(_FreshTlsPool):
    ConnectionCls = _PublicTls


class _Adapter(HTTPAdapter):
    def __init__(self, *, public_only: bool) -> None:
        self._pools: dict[str, type[HTTPConnectionPool]] = (
            {"http": _PublicPool, "https": _PublicTlsPool}
            if public_only
            else {"http": _FreshPool, "https": _FreshTlsPool}
        )
        super().__init__(pool_connections=20, pool_maxsize=_POOL_SIZE, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager


class _Session(requests.Session):
    """Looks at no redirect: `requests` reads the whole body of one, even when it is told not to follow it."""

    def resolve_redirects(self, *_: Any, **__: Any) -> Generator[requests.Response]:
        yield from ()


def make_session(connection: HttpConnection) -> requests.Session:
    """Make the session of one connection."""
    session = _Session()
    session.trust_env = False  # what the environment may say is looked up in client.py; netrc may say nothing
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = _Adapter(public_only=connection.public_only)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session
