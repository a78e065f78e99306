"""What this integration offers."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import longshore_gcs
from longshore import LongshoreError, Task, hookimpl
from longshore_gcs import GCSConnection

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@hookimpl
def longshore_tasks() -> list[type[Task[Any]]]:
    """Return the tasks."""
    every = [getattr(longshore_gcs, name) for name in longshore_gcs.__all__]
    return [one for one in every if issubclass(one, Task)]


@hookimpl
def longshore_storage() -> Mapping[str, type[GCSConnection]]:
    """Return what opens `gs://`."""
    return {"gs": GCSConnection}


@hookimpl
def longshore_doctor() -> Iterable[tuple[str, bool, str]]:
    """Look for the library and for Application Default Credentials; the service is not asked."""
    if find_spec("google") is None or find_spec("google.cloud.storage") is None:
        yield "google-cloud-storage", False, "not installed; run: pip install 'longshore[gcs]'"
        return
    yield "google-cloud-storage", True, "installed"
    from longshore_gcs.client import Identity

    try:
        identity = Identity(GCSConnection())
    except LongshoreError as error:
        yield "credentials", False, str(error)
    else:
        yield "credentials", True, f"the caller is {identity.name}"
