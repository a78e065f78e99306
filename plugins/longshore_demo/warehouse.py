"""The warehouse into which the demo loads its flights."""

from __future__ import annotations

from longshore import Resource
from longshore_snowflake import SnowflakeConnection
from longshore_snowflake.testing import SnowflakeServer


class Warehouse(Resource[SnowflakeConnection]):
    """A Snowflake on 127.0.0.1, empty."""

    def setup(self) -> SnowflakeConnection:
        """Start it."""
        server = SnowflakeServer()
        server.start()
        _open[server.connection] = server
        return server.connection

    def cleanup(self, value: SnowflakeConnection) -> None:
        """Stop it."""
        server = _open.pop(value, None)
        if server is not None:
            server.stop()


_open: dict[SnowflakeConnection, SnowflakeServer] = {}
