"""What this integration offers."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import longshore_s3
from longshore import Task, hookimpl
from longshore_s3 import S3Connection

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@hookimpl
def longshore_tasks() -> list[type[Task[Any]]]:
    """Return the tasks."""
    every = [getattr(longshore_s3, name) for name in longshore_s3.__all__]
    return [one for one in every if issubclass(one, Task)]


@hookimpl
def longshore_storage() -> Mapping[str, type[S3Connection]]:
    """Return what opens `s3://`."""
    return {"s3": S3Connection}


@hookimpl
def longshore_doctor() -> Iterable[tuple[str, bool, str]]:
    """Look for the libraries, and for credentials as boto3 finds them; S3 is not asked."""
    for library in ("boto3", "awscrt", "obstore"):
        found = find_spec(library) is not None
        yield library, found, "installed" if found else "not installed; run: pip install 'longshore[s3]'"
    if find_spec("boto3") is None:
        return
    from longshore_s3.callers import where_credentials_are

    yield "credentials", *where_credentials_are(S3Connection())
