"""`DockerConnection`: where the engine is, as data that can travel; and what Docker's own settings say."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit

from longshore import ConfigurationError

DEFAULT_SOCKET: Final = "unix:///var/run/docker.sock"
_PLAIN: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, kw_only=True)
class DockerConnection:
    """Where the engine is. Clients are made where a task runs, one for each thread.

    Without `base_url` it is what the command `docker` would use there: `DOCKER_HOST` with
    `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH`, else the context that `DOCKER_CONTEXT` or
    `~/.docker/config.json` names, else the socket `/var/run/docker.sock`. Credentials of registries are
    always those of `~/.docker/config.json`, with its credential helpers.

    Args:
        base_url: `unix:///path/of/docker.sock`, or `tcp://host:2376`. Other hosts than this one are reached
            by TLS.
        ca: The path of a file of certificate authorities; the usual ones when None.
        certificate: The path of our own certificate, where the engine asks for one.
        certificate_key: The path of its key.
        tls: None for TLS to every host but this one; False to do without, which lets everybody on the way
            become root on that host.
        read_timeout: Seconds without an answer, or without a byte of one, before a request has failed.

    Example:
        >>> DockerConnection(base_url="tcp://build.example.com:2376", ca="ca.pem")
        DockerConnection(base_url='tcp://build.example.com:2376', ca='ca.pem', certificate=None, ...)
    """

    base_url: str | None = None
    ca: str | Path | None = None
    certificate: str | Path | None = None
    certificate_key: str | Path | None = None
    tls: bool | None = None
    read_timeout: float = 60.0

    def __post_init__(self) -> None:
        if not self.read_timeout > 0:
            raise ConfigurationError(
                f"DockerConnection(read_timeout={self.read_timeout!r}): give seconds above 0"
            )
        if (self.certificate is None) != (self.certificate_key is None):
            raise ConfigurationError("DockerConnection: give certificate and certificate_key, or neither")
        given = self.ca is not None or self.certificate is not None
        if given and (self.tls is False or self.base_url is None):
            raise ConfigurationError("DockerConnection: certificates are for a base_url reached by TLS")
        if self.base_url is not None:
            check_url(self.base_url, "DockerConnection(base_url=...)")


@dataclass(frozen=True)
class Endpoint:
    """Where an engine is, once it is known.

    Args:
        url: As the SDK takes it.
        source: Where that was read, for messages.
        tls: Whether by TLS; then the server's certificate is always checked.
        ca: The file of certificate authorities; empty for the usual ones.
        certificate: Our own certificate; empty for none.
        key: Its key.
        read_timeout: Seconds.
    """

    url: str
    source: str
    tls: bool = False
    ca: str = ""
    certificate: str = ""
    key: str = ""
    read_timeout: float = 60.0

    @property
    def local(self) -> bool:
        """Whether the engine sees the files that we see."""
        return self.url.startswith("unix://")


def resolve(connection: DockerConnection) -> Endpoint:
    """Return where the engine of a connection is, here and now.

    Raises:
        ConfigurationError: Docker's own settings cannot be followed.
    """
    if connection.base_url is not None:
        return _from_fields(connection, connection.base_url)
    host = os.environ.get("DOCKER_HOST", "")
    if host:
        return _from_environment(host, connection.read_timeout)
    return _from_context(connection.read_timeout)


def check_url(url: str, where: str) -> None:
    """Refuse a URL that is none of an engine.

    Raises:
        ConfigurationError: It says what to write.
    """
    try:
        parts = urlsplit(url)
        scheme, usable = parts.scheme.lower(), parts.username is None and parts.port != 0
    except ValueError:
        scheme, usable = "", False
    if scheme == "ssh":
        raise ConfigurationError(
            f"{where} is {url!r}: an engine behind SSH is reached by a socket of your own; run: ssh -nNT -L "
            f"./docker.sock:/var/run/docker.sock {parts.hostname or 'HOST'}, and use unix://$PWD/docker.sock"  # pyright: ignore[reportPossiblyUnboundVariable]
        )
    if scheme not in ("unix", "tcp", "http", "https", "npipe") or not usable or "\0" in url:
        raise ConfigurationError(
            f"{where} is {url!r}, which names no engine; write unix:///path/of/docker.sock or tcp://host:2376"
        )


def _from_fields(connection: DockerConnection, url: str) -> Endpoint:
    scheme, host = url.partition("://")[0].lower(), urlsplit(url).hostname
    by_default = scheme == "https" or bool(connection.ca or connection.certificate) or host not in _PLAIN
    tls = scheme not in ("unix", "npipe") and (by_default if connection.tls is None else connection.tls)
    if scheme == "http" and tls:
        raise ConfigurationError(
            f"DockerConnection(base_url={url!r}) is not encrypted; write https://, or tls=False to do without"
        )
    return Endpoint(
        url,
        "DockerConnection(base_url=...)",
        tls,
        _file(connection.ca, "ca"),
        _file(connection.certificate, "certificate"),
        _file(connection.certificate_key, "certificate_key"),
        connection.read_timeout,
    )


def _from_environment(host: str, read_timeout: float) -> Endpoint:
    check_url(host, "DOCKER_HOST")
    folder = os.environ.get("DOCKER_CERT_PATH", "")
    verify = os.environ.get("DOCKER_TLS_VERIFY", "")
    if host.startswith(("unix:", "npipe:")) or not (verify or folder or host.startswith("https:")):
        return Endpoint(host, "DOCKER_HOST", read_timeout=read_timeout)
    return _with_certificates(host, "DOCKER_HOST", Path(folder) if folder else _settings(), read_timeout)


def _from_context(read_timeout: float) -> Endpoint:
    """Read the context as Docker lays it down ("Docker contexts", docs.docker.com), without its defaults.

    The SDK takes a missing word on verification for "do not verify", and a missing key for "no TLS".
    """
    name = os.environ.get("DOCKER_CONTEXT", "") or _current_context()
    if name in ("", "default"):
        return Endpoint(DEFAULT_SOCKET, "the default", read_timeout=read_timeout)
    folder = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    source = f"the Docker context {name!r}"
    try:
        meta = json.loads((_settings() / "contexts" / "meta" / folder / "meta.json").read_text())
        host = str(meta["Endpoints"]["docker"]["Host"])
    except FileNotFoundError:
        raise ConfigurationError(
            f"cannot use {source}: there is none of that name; run: docker context ls"
        ) from None
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ConfigurationError(f"cannot read {source}: {error!r}; run: docker context inspect") from error
    check_url(host, source)
    certificates = _settings() / "contexts" / "tls" / folder / "docker"
    if host.startswith(("unix:", "npipe:")) or not (certificates.is_dir() or host.startswith("https:")):
        return Endpoint(host, source, read_timeout=read_timeout)
    return _with_certificates(host, source, certificates, read_timeout)


def _with_certificates(host: str, source: str, folder: Path, read_timeout: float) -> Endpoint:
    """Use the certificates of a folder; those that are not there are not used, and TLS is."""
    files = [folder / name for name in ("ca.pem", "cert.pem", "key.pem")]
    ca, certificate, key = (str(path) if path.is_file() else "" for path in files)
    own = bool(certificate and key)
    return Endpoint(host, source, True, ca, certificate if own else "", key if own else "", read_timeout)


def _settings() -> Path:
    return Path(os.environ.get("DOCKER_CONFIG", "") or Path.home() / ".docker")


def _current_context() -> str:
    path = _settings() / "config.json"
    try:
        found: Any = json.loads(path.read_text())
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"cannot read Docker's settings in {str(path)!r}: {error}") from error
    return str(cast("dict[str, Any]", found).get("currentContext", "")) if isinstance(found, dict) else ""


def _file(path: str | Path | None, field: str) -> str:
    if path is None:
        return ""
    if not Path(path).is_file():
        raise ConfigurationError(f"DockerConnection({field}={str(path)!r}): there is no such file here")
    return str(path)
