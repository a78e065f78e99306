"""`DaskExecutor`: steps run on a Dask cluster."""

from __future__ import annotations

import re
import threading
import uuid
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

from longshore import ConfigurationError, require

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore import Flow, State
    from longshore.couriers import News, Unit
    from longshore_dask.clusters import Connection
    from longshore_dask.courier import DaskCourier

_ADDRESS: Final = re.compile(r"inproc://.|(\w+://)?[^/\s]+:\d+/?$")
_MOST_AT_ONCE: Final = 1000
"""Attempts that the scheduler is given before others have ended."""
_A_THREAD: Final = 4
"""The same, for each thread of a worker."""


class DaskExecutor:
    """Runs steps on a Dask cluster. Large results stay on the workers and go from worker to worker.

    Args:
        cluster: The address of a scheduler (`tcp://10.0.0.1:8786`), a cluster object (`LocalCluster`,
            `KubeCluster`, `SLURMCluster`, Coiled's), or a `Client`. None for a cluster of its own on this
            machine, which stays for later runs and ends with the executor.
        workers: Workers of a cluster of its own; one for each CPU when None.
        threads: Threads of each of those; 1 when None.
        processes: Whether those workers are processes; otherwise they are threads of this one.
        adapt: How few and how many workers a cluster object is to have, as there is work for them.
        timeout: Seconds in which the scheduler must answer.
    """

    remote = True

    def __init__(
        self,
        cluster: Any = None,
        *,
        workers: int | None = None,
        threads: int | None = None,
        processes: bool = True,
        adapt: tuple[int, int] | None = None,
        timeout: float = 30.0,
    ) -> None:
        own = {"workers": workers, "threads": threads}
        for name, value in own.items():
            if value is not None and value < 1:
                raise ConfigurationError(f"DaskExecutor({name}={value!r}): give 1 or more")
            if value is not None and cluster is not None:
                raise ConfigurationError(
                    f"DaskExecutor({name}={value!r}) is for a cluster of its own; "
                    f"scale {cluster!r} itself, or give adapt="
                )
        if isinstance(cluster, str) and not _ADDRESS.match(cluster):
            raise ConfigurationError(
                f"DaskExecutor({cluster!r}): give the address of a scheduler, such as 'tcp://10.0.0.1:8786'"
            )
        if adapt is not None and not 0 <= adapt[0] <= adapt[1] > 0:
            raise ConfigurationError(
                f"DaskExecutor(adapt={adapt!r}): give the fewest and the most workers, (0, 10)"
            )
        if adapt is not None and (cluster is None or not callable(getattr(cluster, "adapt", None))):
            raise ConfigurationError(
                "DaskExecutor(adapt=...) needs a cluster object, which starts and ends workers"
            )
        self.cluster: Any = cluster
        self.workers, self.threads, self.processes = workers, threads, processes
        self.adapt = adapt
        self.timeout = timeout
        self._connection: Connection | None = None
        self._opening = threading.Lock()

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Make one from what stands behind `dask:` on the command line: an address, or nothing."""
        return cls(text or None)

    def open(self) -> DaskPool:
        """Connect, if that is not done yet.

        Raises:
            DaskUnreachableError: No scheduler answers.
        """
        require("distributed", extra="dask")
        from longshore_dask.clusters import connect, start_local

        with self._opening:
            if self._connection is None or not self._connection.usable:
                self.close()
                if self.cluster is None:
                    made = start_local(self.workers, self.threads or 1, processes=self.processes)
                else:
                    made = connect(self.cluster, self.timeout)
                    if self.adapt is not None:
                        self.cluster.adapt(minimum=self.adapt[0], maximum=self.adapt[1])
                weakref.finalize(self, made.close)
                self._connection = made
            return DaskPool(self._connection)

    def dumps(self, value: Any) -> bytes:
        """Pickle what is to travel, as it will be: to look at it before anything runs."""
        from longshore_dask.pickles import dumps

        return dumps(value, code=True)

    def close(self) -> None:
        """Close the connection, and the cluster of its own; results that are still there are lost."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __reduce__(self) -> tuple[Any, ...]:
        own: dict[str, Any] = {"workers": self.workers, "threads": self.threads, "processes": self.processes}
        return partial(type(self), **own, adapt=self.adapt, timeout=self.timeout), (self.cluster,)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"DaskExecutor({'' if self.cluster is None else repr(self.cluster)})"


class DaskPool:
    """A cluster, for one run."""

    remote = True
    spare_workers = 3

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.slots: int | None = max(_MOST_AT_ONCE, _A_THREAD * connection.threads())
        """Attempts that are under way at once: enough for the scheduler to see that there is work."""

    def courier(
        self, flow: Flow, started: Callable[[Unit, State], None], news: Callable[[Unit, News], None]
    ) -> DaskCourier:
        """Return the courier of a run."""
        from longshore_dask.courier import DaskCourier

        courier = DaskCourier(self._connection.client, flow, uuid.uuid4().hex[:12], started, news)
        self._connection.add(courier)
        return courier

    def close(self) -> None:
        """Leave the cluster as it is, for the next run."""
