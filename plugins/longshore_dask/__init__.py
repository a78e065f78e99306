"""Dask: the steps of a flow run on a cluster, unchanged, on `distributed`.

Example:
    >>> from longshore_dask import DaskExecutor
    >>> nightly.run(day="2013-01-01", executor=DaskExecutor("tcp://10.0.0.1:8786"))
"""

from __future__ import annotations

from longshore_dask.errors import DaskError, DaskMismatchError, DaskUnreachableError, ResultLostError
from longshore_dask.executor import DaskExecutor

__all__ = ["DaskError", "DaskExecutor", "DaskMismatchError", "DaskUnreachableError", "ResultLostError"]
