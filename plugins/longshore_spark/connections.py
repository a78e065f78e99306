"""`SparkConnection`: where Spark is, as data that can travel."""

from __future__ import annotations

import re
from collections.abc import Mapping  # noqa: TC003 - who describes a task evaluates its annotations
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path  # noqa: TC003
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

from longshore import ConfigurationError, Secret
from longshore_spark.errors import SparkInputError

ConfValue: TypeAlias = str | int | float | bool | Secret
"""What a Spark property may be set to; `true` and `false` for a bool."""
Kind: TypeAlias = Literal["local", "standalone", "yarn", "kubernetes", "connect"]

_HOST: Final = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])"
_PORT: Final = r"(?::\d{1,5})"
_MASTERS: Final[dict[Kind, str]] = {
    "local": r"local(?:\[(?:\*|\d+)(?:\s*,\s*\d+)?\]|-cluster\[\d+,\d+,\d+\])?",
    "standalone": rf"spark://{_HOST}{_PORT}?(?:,{_HOST}{_PORT}?)*",
    "yarn": r"yarn",
    "kubernetes": rf"k8s://(?:https?://)?{_HOST}{_PORT}?(?:/[\w./-]*)?",
    "connect": rf"sc://{_HOST}{_PORT}?(?:/(?:;[^\s]*)?)?",
}
"""What a master may be ("Master URLs" in Spark's documentation; `sc://` is a Spark Connect server)."""
_PROPERTY: Final = re.compile(r"spark\.[\w$./:@-]+", re.ASCII)
_HIDDEN: Final = re.compile(r"(?i)token|password|secret")


@dataclass(frozen=True)
class SparkConnection:
    """Where Spark is. Sessions and submissions are made where a task runs.

    Args:
        master: `local[4]` or `local[*]` for this machine, `spark://host:7077` for a standalone cluster
            (several masters with commas), `yarn`, `k8s://https://host:6443`, or `sc://host:15002` for a
            Spark Connect server, with its parameters (`sc://host:443/;use_ssl=true`).
        deploy_mode: Where the driver of a submitted application runs: here, or in the cluster.
        conf: Spark properties. A `Secret` is resolved where it is used, and is in no command line.
        token: What a Spark Connect server asks for; it is sent over TLS only.
        spark_home: The folder of a Spark installation; `SPARK_HOME`, or the one of the package `pyspark`,
            when None.
        java_home: The folder of a Java installation; `JAVA_HOME`, or the `java` on the path, when None.
        rest_url: The REST server of a standalone master, `http://host:6066` when None; it takes applications
            in cluster mode.
        web_url: The web pages of a standalone master, `http://host:8080` when None.
        timeout: Seconds without an answer of a master or server before a request has failed.

    Example:
        >>> SparkConnection("spark://spark.example.com:7077", conf={"spark.executor.memory": "2g"}).kind
        'standalone'
    """

    master: str = "local[*]"
    _: KW_ONLY
    deploy_mode: Literal["client", "cluster"] = "client"
    conf: Mapping[str, ConfValue] = field(default_factory=dict[str, ConfValue])
    token: Secret | None = None
    spark_home: str | Path | None = None
    java_home: str | Path | None = None
    rest_url: str | None = None
    web_url: str | None = None
    timeout: float = 10.0

    def __post_init__(self) -> None:
        kind = kind_of(self.master)
        where = f"SparkConnection({shown_master(self.master)!r})"
        if self.deploy_mode not in {"client", "cluster"}:
            raise ConfigurationError(
                f"{where}: deploy_mode is 'client' or 'cluster', not {self.deploy_mode!r}"
            )
        if self.deploy_mode == "cluster" and kind in {"local", "connect"}:
            raise ConfigurationError(f"{where}: there is no cluster to deploy to; leave out deploy_mode")
        if self.token is not None and kind != "connect":
            raise ConfigurationError(f"{where}: a token is for a Spark Connect server (sc://host:15002)")
        if (self.rest_url or self.web_url) and kind != "standalone":
            raise ConfigurationError(f"{where}: rest_url and web_url are for a standalone master")
        for name in ("rest_url", "web_url"):
            _check_url(where, name, getattr(self, name))
        if not self.timeout > 0:
            raise ConfigurationError(f"{where}: timeout={self.timeout!r}; give seconds above 0")
        check_conf(where, self.conf)

    @property
    def kind(self) -> Kind:
        """What the master is."""
        return kind_of(self.master)

    def __repr__(self) -> str:
        given = {name: value for name, value in self._settings().items() if value != _DEFAULTS[name]}
        shown = "".join(f", {name}={value!r}" for name, value in given.items())
        return f"SparkConnection({shown_master(self.master)!r}{shown})"

    def _settings(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _DEFAULTS}


_DEFAULTS: Final[dict[str, Any]] = {
    "deploy_mode": "client",
    "conf": {},
    "token": None,
    "spark_home": None,
    "java_home": None,
    "rest_url": None,
    "web_url": None,
    "timeout": 10.0,
}


def connection_of(given: SparkConnection | str) -> SparkConnection:
    """Return a connection as it is, and one for a master's URL."""
    return SparkConnection(given) if isinstance(given, str) else given


def kind_of(master: object) -> Kind:
    """Return what a master is.

    Raises:
        ConfigurationError: It is none: so nothing else can reach Spark's launcher in its place.
    """
    for kind, pattern in _MASTERS.items():
        if isinstance(master, str) and re.fullmatch(pattern, master, re.ASCII):
            if kind == "connect":
                _check_parameters(master)
            return kind
    raise ConfigurationError(
        f"cannot use {master!r} as a Spark master; give local[4], spark://host:7077, yarn, "
        "k8s://https://host:6443, or sc://host:15002"
    )


def shown_master(master: str) -> str:
    """Return a master as people may see it: without what its parameters hold."""
    return master.partition("/;")[0]


def check_conf(where: str, conf: Mapping[Any, Any]) -> None:
    """Look at the names and values of Spark properties.

    Raises:
        SparkInputError: One cannot be a property, or holds what no property can.
    """
    for name, value in conf.items():
        if not isinstance(name, str) or not _PROPERTY.fullmatch(name):
            raise SparkInputError(f"{where}: {name!r} is no Spark property; such names begin with 'spark.'")
        if not isinstance(value, str | int | float | Secret):
            raise SparkInputError(
                f"{where}: {name} is a {type(value).__name__}; give text, a number, a bool or a Secret"
            )
        if isinstance(value, str) and "\0" in value:
            raise SparkInputError(f"{where}: {name} holds a NUL, which no property can hold")


def conf_text(value: ConfValue) -> str:
    """Return a property's value as Spark reads it; a secret is resolved."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.get() if isinstance(value, Secret) else str(value)


def _check_parameters(master: str) -> None:
    """Refuse a token in the text of a URL, which is logged and pickled."""
    for name, value in parse_qsl(urlsplit(master).path.partition(";")[2], separator=";"):
        if _HIDDEN.search(unquote(name)) and value:
            raise ConfigurationError(
                f"cannot use {shown_master(master)!r} with {name} in it; give token=Secret('env:SPARK_TOKEN')"
            )


def _check_url(where: str, name: str, url: str | None) -> None:
    parts = urlsplit(url or "http://host")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
        raise ConfigurationError(f"{where}: {name} is http://HOST:PORT or https://HOST:PORT, not {url!r}")
