"""Which context this process has: it can have one."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from longshore_spark import classic
from longshore_spark.connections import SparkConnection, conf_text
from longshore_spark.errors import SparkError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Needed(Protocol):
    def __call__(self, context: classic.Context, *, now: bool) -> bool: ...


class TheContext:
    """The context of this process, with room made for another one when it is idle.

    Args:
        needed: Tells whether somebody keeps a session of a context, or has one in use now.
    """

    def __init__(self, needed: Needed) -> None:
        self._needed = needed
        self.context: classic.Context | None = None
        self._lock = threading.RLock()

    def session(self, connection: SparkConnection, join: Callable[[classic.Context], None]) -> Any:
        """Return a new session for a connection.

        Args:
            connection: What it is for.
            join: Told the context that it is in, before anybody may stop that.

        Raises:
            SparkError: It cannot be made, or another context is in use.
        """
        settings = classic.settings_of(connection)
        with self._lock:
            context = self._at_hand()
            if context is not None:
                try:
                    session = self._fitting(context, connection, settings)
                    join(context)
                    return session
                except classic.MisfitError as misfit:
                    classic.check_reachable(connection)
                    self._make_room(context, connection, str(misfit))
            else:
                classic.check_reachable(connection)
            self.context = context = classic.start(connection, settings)
            join(context)
            return context.session(settings)

    def stop_if_idle(self) -> None:
        """Stop it when nobody keeps a session of it."""
        with self._lock:
            if self.context is not None and not self._needed(self.context, now=False):
                self._stop()

    def _at_hand(self) -> classic.Context | None:
        if self.context is not None and not self.context.alive:
            self._stop()
        if self.context is None:
            self.context = classic.there_already()
        return self.context

    def _fitting(
        self, context: classic.Context, connection: SparkConnection, settings: Mapping[str, str]
    ) -> Any:
        elsewhere = context.master != connection.master
        if elsewhere and (context.ours or replace(connection, conf={}) != SparkConnection()):
            raise classic.MisfitError(f"on {context.master!r}")
        if context.ours:
            return context.session(settings)
        return context.session({name: conf_text(value) for name, value in connection.conf.items()})

    def _make_room(self, context: classic.Context, connection: SparkConnection, misfit: str) -> None:
        if not context.ours or self._needed(context, now=True):
            why = "is in use" if context.ours else "was started by somebody else"
            raise SparkError(
                f"cannot start Spark on {connection.master!r}: this process has one {misfit} already, which "
                f"{why}, and a process can have one; run the step after "
                "the others, in a process of its own (ProcessExecutor), on a Spark Connect server, or as an "
                "application (SparkSubmit)"
            )
        self._stop()

    def _stop(self) -> None:
        context, self.context = self.context, None
        if context is not None:
            context.stop()

    def leave(self) -> None:
        """Let go of it, in a forked child."""
        self._lock = threading.RLock()
        if self.context is not None:
            self.context.leave()
            self.context = None
