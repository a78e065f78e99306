"""`GCSServer`: the test server, and what a test says to it."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from longshore_gcs.connections import GCSConnection
from longshore_gcs.testing.answers import Answer, Request, answer_error
from longshore_gcs.testing.copies import Copies
from longshore_gcs.testing.handlers import Handler, Http
from longshore_gcs.testing.routes import Routes
from longshore_gcs.testing.sessions import UploadSessions
from longshore_gcs.testing.tokens import Tokens, key_file
from longshore_gcs.testing.worlds import World

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

_REMEMBERED: Final = 10_000


@dataclass
class _Refusal:
    times: int
    answer: Answer
    path: str
    method: str


@dataclass
class Seen:
    """A request that the server had.

    Args:
        method: Of HTTP.
        target: Path and query, as they were sent.
        headers: With names in lower case.
        size: Bytes of the body.
        status: Of the answer.
    """

    method: str
    target: str
    headers: dict[str, str] = field(repr=False)
    size: int = 0
    status: int = 0


class GCSServer:
    """A server that answers as Google Cloud Storage's JSON API documents, for tests.

    It runs in threads of this process, on 127.0.0.1, without TLS.

    Args:
        folder: Where the bytes of objects are kept; None for memory.
        project: The project of its buckets.
        accounts: The RSA public keys (modulus, exponent) of service accounts by e-mail address, who alone may
            come in then. While it is empty nobody is asked who they are.
        token_lifetime: Seconds that their tokens are good for.
        rewrite_step: Bytes that one rewrite request copies at most; 0 for all.
        chunk_limit: Bytes of a resumable upload's chunk that are kept, a multiple of 256 KiB; 0 for all.
        page_size: Entries of a listing's page at most.

    Example:
        >>> with GCSServer() as server:
        ...     server.create_bucket("lake")
        ...     GCSWrite(connection=server.connection)(b"rows", "gs://lake/a.csv")
    """

    def __init__(
        self, *, folder: Path | None = None, project: str = "longshore-tests",
        accounts: Mapping[str, tuple[int, int]] | None = None, token_lifetime: float = 3600.0,
        rewrite_step: int = 0, chunk_limit: int = 0, page_size: int = 1000,
    ) -> None:  # fmt: skip
        self.project = project
        self.world = World(folder, project)
        self.tokens = Tokens(accounts or {}, token_lifetime)
        self.denied: set[str] = set()
        self.seen: deque[Seen] = deque(maxlen=_REMEMBERED)
        self.uploads = UploadSessions(self.world, chunk_limit)
        copies = Copies(self.world, rewrite_step)
        self._routes = Routes(self.world, self.uploads, copies, self.tokens, page_size, self.denied)
        self._refusals: list[_Refusal] = []
        self._http: Http | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> GCSServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, port: int = 0) -> None:
        """Begin to listen; port 0 for one that is free."""
        handler = type("GCSHandler", (Handler,), {"gcs": self})
        self._http = Http(("127.0.0.1", port), handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; what was stored is gone with the object."""
        assert self._http is not None
        assert self._thread is not None
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where it is, as STORAGE_EMULATOR_HOST takes it."""
        assert self._http is not None
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def connection(self) -> GCSConnection:
        """A connection to it, without credentials."""
        return GCSConnection(endpoint=self.url, anonymous=True, project=self.project)

    def key_file(self, email: str, private_key: str) -> str:
        """Return the text of a service account's key file whose tokens come from this server.

        Args:
            email: One of `accounts`.
            private_key: Its private key in PEM.
        """
        return key_file(email, private_key, f"{self.url}/token", self.project)

    def create_bucket(self, name: str, **settings: Any) -> None:
        """Make a bucket.

        Args:
            name: Of the bucket.
            settings: Of its resource, as `versioning={"enabled": True}`.
        """
        with self.world.lock:
            self.world.make_bucket({**settings, "name": name})

    def read(self, bucket: str, key: str) -> bytes:
        """Return the stored bytes of an object."""
        with self.world.lock:
            return self.world.bucket(bucket).find(key).read()

    def keys(self, bucket: str) -> list[str]:
        """Return the names of the live objects."""
        with self.world.lock:
            return sorted(self.world.bucket(bucket).live)

    def refuse(
        self, status: int, *, times: int = 1, reason: str = "backendError", message: str = "refused",
        path: str = "", method: str = "", headers: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        """Answer the next requests with an error.

        Args:
            status: Of the answers.
            times: How many of them.
            reason: As the JSON API has them.
            message: What the answers say.
            path: Only requests with this in their target.
            method: Only requests of this method.
            headers: More headers, such as Retry-After.
        """
        answer = answer_error(status, reason, message, headers or {})
        self._refusals.append(_Refusal(times, answer, path, method))

    def expire_uploads(self) -> None:
        """Let a week go by: every upload session that is not finished is gone."""
        with self.world.lock:
            for session in self.uploads.open.values():
                session.gone = session.gone or ("" if session.done else "gone")

    def handle(self, request: Request, target: str) -> Answer:
        """Answer a request; for the handler."""
        answer = self._refused(request, target) or self._routes.handle(request, target.partition("?")[0])
        self.seen.append(Seen(request.method, target, request.headers, len(request.body), answer.status))
        return answer

    def _refused(self, request: Request, target: str) -> Answer | None:
        with self.world.lock:
            for refusal in self._refusals:
                if refusal.times and refusal.path in target and refusal.method in ("", request.method):
                    refusal.times -= 1
                    return refusal.answer
        return None
