"""Connections to clusters: one that is there, or one of our own, kept for the runs that follow."""

from __future__ import annotations

import contextlib
import logging
import weakref
from typing import TYPE_CHECKING, Any

from longshore import require
from longshore_dask.errors import DaskError, DaskUnreachableError
from longshore_dask.marks import make_marks

if TYPE_CHECKING:
    from longshore_dask.courier import DaskCourier

distributed: Any = require("distributed", extra="dask")


class Connection:
    """A client, and the couriers that use it.

    Args:
        client: Of the cluster.
        owned: What is closed at the end.
    """

    def __init__(self, client: Any, *owned: Any) -> None:
        self.client = client
        self._owned = owned
        self._couriers: weakref.WeakSet[DaskCourier] = weakref.WeakSet()
        client.register_plugin(make_marks())
        client.subscribe_topic("all", self._hear)

    @property
    def usable(self) -> bool:
        """Whether the scheduler is there."""
        return bool(self.client.status == "running")

    def threads(self) -> int:
        """Return how many threads the workers that are there have."""
        counts: dict[str, int] = self.client.nthreads()
        return sum(counts.values())

    def add(self, courier: DaskCourier) -> None:
        """Tell a courier of workers that go."""
        self._couriers.add(courier)

    def _hear(self, event: Any) -> None:
        said: dict[str, Any] = event[1] if isinstance(event[1], dict) else {}
        if said.get("action") == "remove-worker":
            for courier in list(self._couriers):
                courier.worker_gone(said["worker"], said.get("processing-tasks") or ())

    def close(self) -> None:
        """Close the client, and the cluster that was started for it."""
        with contextlib.suppress(Exception):  # it has gone already
            self.client.unsubscribe_topic("all")
            self.client.get_versions()  # the answer comes when the scheduler has done the above
        for each in self._owned:
            with contextlib.suppress(Exception):  # it has gone already
                each.close()


def connect(to: Any, timeout: float) -> Connection:
    """Connect to a cluster: an address, a cluster object, or a client.

    Raises:
        DaskUnreachableError: No scheduler answers.
    """
    if isinstance(to, distributed.Client):
        return Connection(to)
    shown = to if isinstance(to, str) else getattr(to, "scheduler_address", to)
    try:
        client = distributed.Client(to, timeout=timeout, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise DaskUnreachableError(
            f"no Dask scheduler answers at {shown}: {error}; start one with 'dask scheduler', or leave the "
            "address out for a cluster on this machine"
        ) from error
    return Connection(client, client)


def start_local(workers: int | None, threads: int | None, *, processes: bool) -> Connection:
    """Start a cluster on this machine, which nobody else can reach.

    Raises:
        DaskError: It does not start.
    """
    try:
        cluster = distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=threads,
            processes=processes,
            host="127.0.0.1" if processes else None,
            protocol=None if processes else "inproc://",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.ERROR,
        )
    except (OSError, RuntimeError) as error:
        raise DaskError(
            f"cannot start a cluster on this machine: {error}; a script needs if __name__ == '__main__': "
            "around what starts one, as with multiprocessing"
        ) from error
    client = distributed.Client(cluster, set_as_default=False)
    return Connection(client, client, cluster)
