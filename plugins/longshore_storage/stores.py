"""Finds the store for a place: one for each process and connection, by the scheme that a plugin offers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from longshore import ConfigurationError, storage_schemes
from longshore_storage.protocol import Connection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longshore_storage.locations import Location
    from longshore_storage.protocol import ObjectStore

_stores: dict[tuple[int, Connection], ObjectStore] = {}


def store_for(connection: Connection) -> ObjectStore:
    """Return this process's store for a connection; a forked process makes its own."""
    key = (os.getpid(), connection)
    store = _stores.get(key)
    if store is None:
        made = connection.open()
        made.connection = connection
        store = _stores.setdefault(key, made)
    return store


def connection_for(at: Location, connections: Mapping[str, Connection] | None = None) -> Connection:
    """Return the connection for a place.

    Args:
        at: The place.
        connections: By the beginning of a URL, such as `"s3://"` or `"s3://lake/raw"`; the longest that fits
            counts. For other places the scheme's own default, which finds credentials as its SDK does.

    Raises:
        ConfigurationError: No plugin offers the scheme.
    """
    url = at.url
    fitting = [start for start in connections or {} if url.startswith(start)]
    if connections and fitting:
        return connections[max(fitting, key=len)]
    offered = storage_schemes()
    if at.scheme not in offered:
        known = ", ".join(f"{scheme}://" for scheme in sorted(offered))
        raise ConfigurationError(f"cannot use {url!r}: no plugin offers {at.scheme}://; there are: {known}")
    made: object = offered[at.scheme]()
    if not isinstance(made, Connection):
        raise ConfigurationError(
            f"cannot use {url!r}: what its plugin made is no storage Connection: {made!r}"
        )
    return made
