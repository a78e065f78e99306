"""One request to S3: with what the connection adds to each, and its errors translated."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from longshore import ConfigurationError
from longshore_s3 import callers, keys, sdkerrors
from longshore_s3.client import frozen_credentials, make_client, make_session
from longshore_s3.errors import S3Error
from longshore_s3.routes import Route, route_of
from longshore_storage.errors import StorageError, UnreachableError

if TYPE_CHECKING:
    from longshore_s3.connections import S3Connection
    from longshore_storage.locations import Location

_UNKNOWN_CHECKSUM: Final = {"NotImplemented", "InvalidRequest", "InvalidArgument", "BadRequest"}

_NEEDED: Final = {
    "put_object": "ETag",
    "upload_part": "ETag",
    "create_multipart_upload": "UploadId",
    "complete_multipart_upload": "ETag",
    "copy_object": "CopyObjectResult",
    "upload_part_copy": "CopyPartResult",
}
"""Without these an answer is none: something on the way made it up, or cut it off."""


class _Made(NamedTuple):
    pid: int
    session: Any
    client: Any


class Api:
    """The SDK's client, made when it is first needed, again after a fork, and again with new credentials.

    Attributes:
        checksums: Whether the service compares CRC-64/NVME and tells it; None until it has answered a write.
        routes: Where the SDK found each bucket that has answered.
        known_buckets: Those that are there.
    """

    def __init__(self, connection: S3Connection) -> None:
        self.connection = connection
        self.checksums: bool | None = None
        self.routes: dict[str, Route] = {}
        self.known_buckets: set[str] = set()
        self._made: _Made | None = None
        self._lock = threading.Lock()
        self._members: dict[str, frozenset[str]] = {}
        self._now = threading.local()
        self._caller = ""
        self.renewals = 0

    @property
    def session(self) -> Any:
        return self._current().session

    @property
    def client(self) -> Any:
        return self._current().client

    def call(self, verb: str, operation: str, at: Location, **parameters: Any) -> dict[str, Any]:
        """Make one request.

        Args:
            verb: For messages: "cannot `verb` 's3://...'".
            operation: A method of the client, such as `"head_object"`.
            at: The object; its bucket, and its key where the operation has one, are parameters.
            parameters: The operation's others; those that are empty are left out.

        Raises:
            StorageError: It failed.
        """
        given = {name: value for name, value in parameters.items() if value not in ("", None)}
        self._now.bucket, self._now.route = at.bucket, None
        try:
            client = self.client
            answer: dict[str, Any] = getattr(client, operation)(
                **self._places(client, operation, at), **self._added(client, operation), **given
            )
        except Exception as error:
            # What is refused to HEAD is asked for once more, and then we are told who we are.
            who = (lambda: "unknown") if operation.startswith("head_") else self.who
            translated = sdkerrors.translated(error, verb, at, who)
            if translated is None:
                raise
            raise translated from error
        if not answer.get(_NEEDED.get(operation, "ResponseMetadata")):
            raise UnreachableError(f"cannot {verb} {at.url!r}: S3 answered 200 and said nothing")
        if self._now.route is not None:
            self.routes.setdefault(at.bucket, self._now.route)
        return answer

    def call_checked(
        self, verb: str, operation: str, at: Location, checked: dict[str, Any], **parameters: Any
    ) -> dict[str, Any]:
        """Make one request with checksums; and without them if the service does not know such.

        Args:
            verb: As in `call`.
            operation: As in `call`.
            at: The object.
            checked: The parameters that speak of checksums.
            parameters: The others.
        """
        if self.checksums is not False:
            try:
                return self.call(verb, operation, at, **checked, **parameters)
            except S3Error as error:
                unknown = error.code in _UNKNOWN_CHECKSUM and "checksum" in str(error).lower()
                if self.checksums or not (unknown or error.status == 501):
                    raise
            answer = self.call(verb, operation, at, **parameters)
            self.checksums = False
            return answer
        return self.call(verb, operation, at, **parameters)

    def refresh(self) -> bool:
        """Look for credentials anew; return whether others were found."""
        with self._lock, suppress(StorageError, ConfigurationError):
            made = self._made
            old = self._keys(made.session) if made else None
            session = make_session(self.connection)
            new = self._keys(session)
            if new is None or new == old:
                return False
            self._made = _Made(os.getpid(), session, self._new_client(session))
            self._caller = ""
            self.renewals += 1
            return True
        return False

    def who(self) -> str:
        """Say who the caller is, as far as that can be learnt within seconds."""
        if not self._caller:
            self._caller = callers.caller(self.connection, self.session, self.client.meta.endpoint_url)
        return self._caller

    def is_amazons(self) -> bool:
        """Tell whether the service is Amazon's own, and not of another make."""
        host = str(self.client.meta.endpoint_url).partition("://")[2].partition("/")[0].partition(":")[0]
        return any(host.endswith(end) for end in (".amazonaws.com", ".amazonaws.com.cn", ".api.aws"))

    def takes(self, operation: str, member: str) -> bool:
        """Tell whether an operation has a parameter."""
        return member in self._members_of(self.client, operation)

    def _keys(self, session: Any) -> tuple[str, str, str] | None:
        with suppress(Exception):
            return frozen_credentials(session)
        return None

    def _current(self) -> _Made:
        made = self._made
        if made is None or made.pid != os.getpid():
            with self._lock:
                if self._made is None or self._made.pid != os.getpid():
                    session = make_session(self.connection)
                    self._made = _Made(os.getpid(), session, self._new_client(session))
                made = self._made
        return made

    def _new_client(self, session: Any) -> Any:
        client = make_client(self.connection, session)
        client.meta.events.register("before-send.s3", self._note_route)
        return client

    def _note_route(self, request: Any, **_: Any) -> None:
        bucket = getattr(self._now, "bucket", "")
        if bucket and bucket not in self.routes:
            self._now.route = route_of(bucket, request.url, request.headers)  # the last one, after redirects

    def _members_of(self, client: Any, operation: str) -> frozenset[str]:
        members = self._members.get(operation)
        if members is None:
            name = client.meta.method_to_api_mapping[operation]
            shape = client.meta.service_model.operation_model(name).input_shape
            members = self._members[operation] = frozenset(shape.members)
        return members

    def _places(self, client: Any, operation: str, at: Location) -> dict[str, str]:
        place = {"Bucket": at.bucket}
        if "Key" in self._members_of(client, operation):
            place["Key"] = keys.checked(at)
        return place

    def _added(self, client: Any, operation: str) -> dict[str, Any]:
        """Return what the connection adds to a request."""
        members = self._members_of(client, operation)
        return {name: value for name, value in self._always().items() if name in members}

    def _always(self) -> dict[str, Any]:
        connection = self.connection
        added: dict[str, Any] = {}
        if connection.requester_pays:
            added["RequestPayer"] = "requester"
        if connection.expected_bucket_owner:
            added["ExpectedBucketOwner"] = connection.expected_bucket_owner
            added["ExpectedSourceBucketOwner"] = connection.expected_bucket_owner
        key = connection.customer_key_bytes()
        if key is not None:
            for prefix in ("SSECustomer", "CopySourceSSECustomer"):
                added |= {f"{prefix}Algorithm": "AES256", f"{prefix}Key": key}
        return added


def crc64(checksum: str) -> str:
    """Return the base64 of a CRC-64/NVME as requests have it; empty if it is another checksum."""
    algorithm, _, encoded = checksum.partition(":")
    return encoded if algorithm == "crc64nvme" else ""
