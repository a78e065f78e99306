"""What can go wrong with a run store.

LongshoreError
└── StoreError                          the store cannot be read or written
    ├── StoreVersionError               a newer Longshore wrote it
    ├── StoreCorruptError               its file is damaged
    ├── RunNotFoundError (LookupError)  it has no such run
    ├── RunExistsError                  it has a run of that id already
    ├── RunTakenError                   another process drives the run
    ├── LeaseLostError                  another process took the run over from this one
    ├── FlowChangedError                the flow is no longer the one that was recorded
    └── ResultError                     a result that cannot be stored, or cannot be read back
"""

from __future__ import annotations

from longshore.errors import LongshoreError


class StoreError(LongshoreError):
    """The run store cannot be opened, read or written."""

    retryable = False


class StoreVersionError(StoreError):
    """The store was written by a newer Longshore."""


class StoreCorruptError(StoreError):
    """The store's file is damaged."""


class RunNotFoundError(StoreError, LookupError):
    """The store has no such run, or a prefix of an id fits several."""


class RunExistsError(StoreError):
    """The store has a run of that id already."""


class RunTakenError(StoreError):
    """Another process drives the run, and lives."""


class LeaseLostError(StoreError):
    """Another process took the run over: nothing that this one writes counts any more."""


class FlowChangedError(StoreError):
    """The flow is no longer the one that was recorded, and results of changed steps would be used."""


class ResultError(StoreError):
    """A result that cannot be stored, or one that cannot be read back."""
