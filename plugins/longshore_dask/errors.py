"""The errors of running on Dask.

DaskError                                      Dask refused, or could not do it
├── DaskUnreachableError (ConnectionError)         no scheduler answers, or it has gone
├── DaskMismatchError                              driver and workers do not fit together
└── ResultLostError (LookupError)                  a result was lost with the worker that kept it
"""

from __future__ import annotations

from longshore import LongshoreError


class DaskError(LongshoreError):
    """Dask refused, or could not do what it was asked to."""


class DaskUnreachableError(DaskError, ConnectionError):
    """No scheduler answers at the address, or the one that did has gone."""


class DaskMismatchError(DaskError):
    """Driver and workers have different versions, or a worker lacks what a step needs."""


class ResultLostError(DaskError, LookupError):
    """A result was lost with the worker that kept it, and its step cannot be repeated."""
