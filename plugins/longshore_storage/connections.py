"""`Connection`: what an integration's connection is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from longshore_storage.folders import ObjectFolder
    from longshore_storage.protocol import ObjectStore


class Connection(ABC):
    """How to reach a service, and who we are: a frozen dataclass of plain values, so it can be a key and
    travel.

    Example:
        >>> S3Connection(profile="lake", region="eu-central-1")
    """

    scheme: ClassVar[str]

    @abstractmethod
    def open(self) -> ObjectStore:
        """Make the store; called once for each process and connection, by `store_for`."""

    def folder(self, url: str) -> ObjectFolder:
        """Return the objects below a URL by their names; Longshore's run store keeps large results there."""
        from longshore_storage.folders import ObjectFolder  # the engine imports this module

        return ObjectFolder(self, url)
