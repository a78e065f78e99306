"""Sessions of a Spark Connect server."""

from __future__ import annotations

import re
import sys
from concurrent import futures
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from longshore import require
from longshore_spark.connections import SparkConnection, conf_text, shown_master
from longshore_spark.errors import SparkError, SparkUnauthorizedError, SparkUnreachableError
from longshore_spark.jvms import apart

_FIRST_WAIT: Final = 100
"""Milliseconds before a request is made again."""
_LONGEST_WAIT: Final = 2000
_DOWN_WITHIN: Final = 10.0
_FETCHED_WITHIN: Final = 2.0
_DETAILS: Final = re.compile(r'details = "([^"]*)"')


def there_already(connection: SparkConnection) -> Any:
    """Return the session that the user has made in this process, for those who name no connection; else None.

    Raises:
        SparkError: It would have to have other properties.
    """
    module = sys.modules.get("pyspark.sql.connect.session")
    found = None if module is None else module.SparkSession._default_session
    if found is None or found.is_stopped or replace(connection, conf={}) != SparkConnection():
        return None
    if connection.conf:
        raise SparkError(
            f"cannot give {', '.join(connection.conf)} to the session of Spark Connect that is there "
            "already; leave out conf, or name its server: connection='sc://host:15002'",
            retryable=False,
        )
    return found


def open_session(connection: SparkConnection) -> Any:
    """Return a new session.

    Raises:
        SparkUnreachableError: No server answers in time.
        SparkUnauthorizedError: It refuses the token.
        SparkError: It refuses something else.
    """
    require("pyspark", extra="spark")
    from pyspark.errors import PySparkException
    from pyspark.sql.connect.session import SparkSession

    conf = {name: conf_text(value) for name, value in connection.conf.items()}
    session: Any = SparkSession(connection=_channel_builder(connection))
    try:
        session.client.set_retry_policies([_policy(connection.timeout)])
        _ = session.version  # the first answer: so it is known that there is a server, and who we are
        for name, value in conf.items():
            session.conf.set(name, value)
    except PySparkException as error:
        close_session(session)
        raise _refused(connection, error) from error
    except BaseException:
        close_session(session)
        raise
    return session


def close_session(session: Any) -> None:
    """Release a session at its server, if that still answers, and close the connection."""

    def close() -> None:
        # PySpark tells of what was fetched in threads of its own; after the release that would be an error.
        told: Any = getattr(session.client, "_release_futures", ())
        futures.wait(list(told), _FETCHED_WITHIN)
        session.client.set_retry_policies([])
        with suppress(Exception):
            session.client.release_session()
        session.release_session_on_close = False
        session.stop()

    apart(close, _DOWN_WITHIN)


def _channel_builder(connection: SparkConnection) -> Any:
    from pyspark.sql.connect.client import DefaultChannelBuilder

    grpc: Any = require("grpc", extra="spark")

    class Channels(DefaultChannelBuilder):
        """Wait for a server as long as the connection says: gRPC itself would for minutes."""

        def toChannel(self) -> Any:  # noqa: N802
            channel = super().toChannel()
            try:
                grpc.channel_ready_future(channel).result(timeout=connection.timeout)
            except grpc.FutureTimeoutError:
                channel.close()
                raise _unreachable(connection) from None
            return channel

    builder = Channels(connection.master)
    if connection.token is not None:
        builder.set(Channels.PARAM_TOKEN, connection.token.get())
    return builder


def _policy(timeout: float) -> Any:
    """Return how long a request that fails is made again: as long as the connection says, not ten minutes."""
    from pyspark.sql.connect.client.retries import DefaultPolicy

    wait, waited, tries = float(_FIRST_WAIT), 0.0, 0
    while waited + wait <= timeout * 1000:
        waited, tries, wait = waited + wait, tries + 1, min(2 * wait, _LONGEST_WAIT)
    return DefaultPolicy(
        max_retries=max(1, tries),
        backoff_multiplier=2.0,
        initial_backoff=_FIRST_WAIT,
        max_backoff=_LONGEST_WAIT,
        jitter=0,
    )


def _unreachable(connection: SparkConnection) -> SparkUnreachableError:
    return SparkUnreachableError(
        f"cannot open a session on {shown_master(connection.master)!r}: no Spark Connect server answers "
        f"within {connection.timeout:g} s; look whether one runs there, and whether the port and use_ssl "
        "are right"
    )


def _refused(connection: SparkConnection, error: Exception) -> SparkError:
    text = " ".join(str(error).partition("JVM stacktrace")[0].split())
    shown = shown_master(connection.master)
    if "UNAUTHENTICATED" in text or "PERMISSION_DENIED" in text:
        said = _DETAILS.search(text)
        return SparkUnauthorizedError(
            f"cannot open a session on {shown!r}: it refuses the token ({said[1] if said else text}); "
            "give another one: token=Secret('env:SPARK_TOKEN')"
        )
    if "UNAVAILABLE" in text:
        return _unreachable(connection)
    if "[CANNOT_MODIFY" in text:
        text += "; leave it out of conf, and start the server with it"
    return SparkError(f"cannot open a session on {shown!r}: {text}", retryable=False)
