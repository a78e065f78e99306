"""`longshore.serve(...)`: flows are served from a store, until somebody ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from longshore.errors import ConfigurationError, FlowError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from longshore.flows import Flow

WORKERS: Final = 4
"""Runs at once in one serving process, when nobody says how many."""


def serve(*flows: Flow, store: str | Path | None = None, workers: int = WORKERS) -> None:
    """Run flows when their schedules say so, and when somebody submits them, until Ctrl-C or SIGTERM.

    The next ten runs of each flow stand in the store as Scheduled. Each run is a process of its own, so that
    one that dies takes no other with it; it is resumed. Any number of processes may serve the same flows from
    one store: each run is taken by one of them.

    Args:
        flows: What is served; each is loaded from its file again, for each run.
        store: The place of the run store; by default the one that the command line uses.
        workers: Runs at once in this process.

    Raises:
        FlowError: A flow is not a name in a file, so that other processes cannot find it.
        KeyboardInterrupt: After Ctrl-C or SIGTERM, when the runs have ended.

    Example:
        >>> if __name__ == "__main__":
        ...     serve(nightly, hourly, store="runs.db")
    """
    if not flows:
        raise ConfigurationError("serve() has nothing to serve; give it flows: serve(nightly)")
    for flow in flows:
        if not flow.target:
            raise FlowError(
                f"cannot serve flow {flow.name!r}: other processes cannot find it; "
                "make it with @flow, in a file and outside of any function"
            )
    serve_targets([(flow, flow.target) for flow in flows], store, workers)


def serve_targets(
    flows: Sequence[tuple[Flow, str]],
    store: str | Path | None,
    workers: int,
    alerts: Sequence[str] = (),
) -> None:
    """Serve flows, each with where other processes find it; see `serve`.

    Args:
        flows: The flows, and where they are.
        store: The place of the run store.
        workers: Runs at once.
        alerts: Addresses of channels that each run tells of its failures.
    """
    from longshore.serving.servers import Server

    if workers < 1:
        raise ConfigurationError(f"serve(workers={workers!r}): give at least 1")
    Server(flows, store, workers, alerts).run()
