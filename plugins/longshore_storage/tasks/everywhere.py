"""The tasks that take URLs of every scheme, and paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore import field
from longshore_storage.protocol import Connection
from longshore_storage.tasks.copies import CopyTask, MoveTask
from longshore_storage.tasks.deletes import DeleteTask
from longshore_storage.tasks.downloads import ReadTask, ReadTextTask
from longshore_storage.tasks.listings import ExistsTask, ListTask
from longshore_storage.tasks.syncs import SyncTask
from longshore_storage.tasks.uploads import WriteTask
from longshore_storage.tasks.waits import WaitTask

if TYPE_CHECKING:
    from collections.abc import Mapping


class Copy(CopyTask):
    """Copy one object or file to any place, on the service's side where both ends are one service.

    Args:
        connections: How to reach places, by the beginning of their URLs, such as `"s3://"` or
            `"s3://lake/raw"`; the longest that fits counts. Others are reached by the scheme's defaults.

    Example:
        >>> Copy()("s3://lake/2013.csv", "gs://archive/2013.csv").size
        52428800
    """

    connections: Mapping[str, Connection] = field(default_factory=dict[str, Connection])


class Move(MoveTask):
    """Copy one object or file to any place, checked, then delete the source if it is still the same.

    Args:
        connections: As in `Copy`.
    """

    connections: Mapping[str, Connection] = field(default_factory=dict[str, Connection])


class Sync(SyncTask):
    """Copy what is new or different below one place to below another, of any two services.

    Args:
        connections: As in `Copy`.

    Example:
        >>> Sync(delete=True)("exports", "s3://lake/exports").copied
        12
    """

    connections: Mapping[str, Connection] = field(default_factory=dict[str, Connection])


class Read(ReadTask):
    """Fetch the bytes of an object or file, checked.

    Args:
        connections: As in `Copy`.
    """

    connections: Mapping[str, Connection] = field(default_factory=dict[str, Connection])


class ReadText(ReadTextTask):
    """Fetch the text of an object or file, checked.

    Args:
        connections: As in `Copy`.
    """

    connections: Mapping[str, Connection] = field(default_factory=dict[str, Connection])


class Write(WriteTask):
    """Write bytes or text to an object or file, which is the old one or the new one as a whole.

    Args:
        connections: As in `Copy`.
    """

    connections: Mapping[str, Connection] = field(default_factory=dict[str, Connection])


class List(ListTask):
    """Tell which objects or files are below a URL.

    Args:
        connections: As in `Copy`.
    """

    connections: Mapping[str, Connection] = field(default_factory=dict[str, Connection])


class Delete(DeleteTask):
    """Delete objects or files; one that is not there is no error.

    Args:
        connections: As in `Copy`.
    """

    connections: Mapping[str, Connection] = field(default_factory=dict[str, Connection])


class Exists(ExistsTask):
    """Tell whether an object or file is there, or anything below a URL that ends in `/`.

    Args:
        connections: As in `Copy`.
    """

    connections: Mapping[str, Connection] = field(default_factory=dict[str, Connection])


class Wait(WaitTask):
    """Wait for an object or file, or for anything below a URL that ends in `/`.

    Args:
        connections: As in `Copy`.
    """

    connections: Mapping[str, Connection] = field(default_factory=dict[str, Connection])
