"""Copies on the server's side, of any size: rewrites, in as many requests as the service wants.

Source: "Objects: rewrite", JSON API reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from longshore_gcs.faults import Aim
from longshore_gcs.options import described, queried
from longshore_gcs.resources import object_path, preconditions
from longshore_storage import locations
from longshore_storage.errors import ServiceError, StorageError

if TYPE_CHECKING:
    from longshore_gcs.sessions import Session
    from longshore_storage.locations import Location
    from longshore_storage.objects import Condition, ObjectInfo, WriteOptions


class Copies:
    """The rewrites of one session; one that broke off goes on where it was, by its token."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._tokens: dict[tuple[str, str, str, Condition], str] = {}

    def copy(
        self, info: ObjectInfo, at: Location, options: WriteOptions | None, condition: Condition
    ) -> dict[str, Any]:
        """Copy exactly this version, and return the new object."""
        key = (info.url, info.generation, at.url, condition)
        while True:
            answer = self._round(info, at, options, condition, self._tokens.get(key, ""))
            if answer.get("done"):
                self._tokens.pop(key, None)
                return dict(answer["resource"])
            self._tokens[key] = str(answer["rewriteToken"])

    def _round(
        self, info: ObjectInfo, at: Location, options: WriteOptions | None, condition: Condition, token: str
    ) -> dict[str, Any]:
        aim = Aim(f"copy {info.url!r} to", at.url, condition, pinned=True)
        query = {"sourceGeneration": info.generation} if info.generation else {}
        query |= preconditions(condition)
        if options is not None:
            query |= queried(options, "destination")
        if token:
            query["rewriteToken"] = token
        try:
            return self._session.json(
                aim, "POST", f"{object_path(locations.parse(info.url))}/rewriteTo{_target(at)}",
                query=query, headers=self._keys(), body=_given(options, at),
            )  # fmt: skip
        except StorageError as error:
            if token and not error.retryable:  # a token that is not taken any more would never be
                self._tokens.pop((info.url, info.generation, at.url, condition), None)
            if type(error) is ServiceError and "token" in str(error).lower():
                error.retryable = True
            raise

    def _keys(self) -> dict[str, str]:
        """Return the headers of a customer's key for the new object and for the source."""
        keys = self._session.encryption
        source = {name.replace("x-goog-", "x-goog-copy-source-"): value for name, value in keys.items()}
        return {**keys, **source}


def _target(at: Location) -> str:
    return object_path(at).removeprefix("/storage/v1")


def _given(options: WriteOptions | None, at: Location) -> dict[str, Any]:
    """Return the new object's resource; nothing keeps what the source has."""
    return {} if options is None else described(options, at.key)
