"""Finds a run store by what people write: a path, or a URL whose scheme a plugin offers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longshore.errors import ConfigurationError
from longshore.stores.interface import RunStore
from longshore.stores.sqlite import SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Mapping


def open_store(where: RunStore | str | Path | None = None) -> RunStore:
    """Return the run store at a place; nothing is made or read before its first use.

    Args:
        where: A path, `sqlite:///runs.db` (from here) or `sqlite:////var/lib/runs.db`, which may end with
            `?durability=power`, `?results=s3://lake/results` or both, joined by `&`; a URL of another scheme
            that a plugin offers; or a store, which comes back as it is. By default `$LONGSHORE_STORE`, or
            `~/.local/share/longshore/runs.db`.

    Raises:
        ConfigurationError: No plugin offers the scheme, or what it made is no store.
    """
    if isinstance(where, RunStore):
        return where
    text = str(default_path() if where is None else where)
    scheme, found, rest = text.partition("://")
    if isinstance(where, Path) or not found:
        return SQLiteStore(text)
    if scheme == "sqlite":
        return _sqlite(text, rest)
    return _offered(scheme, text)


def default_path(environment: Mapping[str, str] = os.environ) -> str:
    """Return where the store is when nobody says: `$LONGSHORE_STORE`, or a file in the user's data folder."""
    chosen = environment.get("LONGSHORE_STORE", "")
    if chosen:
        return chosen
    data = Path(environment.get("XDG_DATA_HOME", ""))
    if not data.is_absolute():  # the specification says to pass over one that is not
        data = Path.home() / ".local" / "share"
    return str(data / "longshore" / "runs.db")


def _sqlite(url: str, rest: str) -> RunStore:
    path = rest.removeprefix("/")
    if not path or path == rest:
        raise ConfigurationError(
            f"cannot open run store {url!r}: write three slashes and a path, 'sqlite:///runs.db', "
            "or four for a path from the root"
        )
    path, question, query = path.partition("?")
    settings: dict[str, str] = {}
    for setting in query.split("&") if question else ():
        name, _, value = setting.partition("=")
        settings[name] = value
    durability = settings.pop("durability", "process")
    results = settings.pop("results", None)
    if settings or durability not in ("process", "power") or results == "":
        raise ConfigurationError(
            f"cannot open run store {url!r}: behind the '?' stands 'durability=process', 'durability=power', "
            "or 'results=' and a folder or URL, or both joined by '&'"
        )
    return SQLiteStore(path, durability="power" if durability == "power" else "process", results=results)


def _offered(scheme: str, url: str) -> RunStore:
    from longshore.plugins import host

    offered = host().stores()
    if scheme not in offered:
        known = ", ".join(sorted({"sqlite", *offered}))
        raise ConfigurationError(
            f"cannot open run store {url!r}: no plugin offers the scheme {scheme!r}; there are: {known}"
        )
    store: Any = offered[scheme](url)
    if not isinstance(store, RunStore):
        raise ConfigurationError(
            f"cannot open run store {url!r}: what its plugin made is no RunStore: {store!r}"
        )
    return store
