"""`SlackServer`: the test server, and what a test says to it."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from longshore_slack.testing.answers import Answer, Json, Request, SlackSaysNo
from longshore_slack.testing.api import call
from longshore_slack.testing.arguments import read_arguments
from longshore_slack.testing.calls import Call, Caller, RateLimited
from longshore_slack.testing.faults import WEBHOOK, Fault, Faults
from longshore_slack.testing.http import Handler, Http
from longshore_slack.testing.limits import Rates
from longshore_slack.testing.methods import METHODS
from longshore_slack.testing.people import People
from longshore_slack.testing.scheduled import post_due
from longshore_slack.testing.transfers import download, upload
from longshore_slack.testing.webhooks import receive
from longshore_slack.testing.workspaces import Workspace

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable
    from types import TracebackType

    from longshore_slack.testing.faults import Hook

TOKEN: Final = "xoxb-1-test-token"  # noqa: S105 - of no workspace
SCOPES: Final = frozenset({
    "channels:history", "channels:join", "channels:read", "chat:write", "chat:write.public", "files:read",
    "files:write", "groups:history", "groups:read", "im:history", "im:read", "im:write", "incoming-webhook",
    "metadata.message:read", "mpim:history", "mpim:read", "mpim:write", "reactions:read", "reactions:write",
    "usergroups:read", "users:read", "users:read.email",
})  # fmt: skip


class SlackServer(People):
    """A server that answers as Slack's Web API and incoming webhooks are documented, for tests.

    It runs in threads of this process, on 127.0.0.1. It can be stopped and started again: it is at the same
    address then, and has all that it had.

    Args:
        rate_limits: Whether calls are refused that come too often: more than one message a second a channel,
            and what the tiers of the methods say.
        token: The one that it takes.
        scopes: What the token may.
        burst: Messages that a channel takes at once before one a second counts.
        tls: With the server's certificate, to be reached by https.

    Example:
        >>> with SlackServer() as server:
        ...     server.add_channel("data")
        ...     SlackPost("#data", connection=SlackConnection(base_url=server.base_url))("done")
        ...     print(server.transcript("data"))
    """

    def __init__(
        self, *, rate_limits: bool = False, token: str = TOKEN, scopes: Iterable[str] = SCOPES,
        burst: int = 3, tls: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        super().__init__(Workspace())
        self.token = token
        self.scopes = set(scopes)
        self.faults = Faults()
        self._rates = Rates(burst) if rate_limits else None
        self._tls = tls
        self._calls: list[Call] = []
        self._hooks: dict[str, str] = {}
        self._stopped = threading.Event()
        self._http: Http | None = None
        self._thread: threading.Thread | None = None
        self._port = 0

    def __enter__(self) -> SlackServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to listen; at the same port as before, where it was started before."""
        if self._http is not None:
            return
        self._stopped.clear()
        handler = type("SlackHandler", (Handler,), {"slack": self})
        self._http = Http(("127.0.0.1", self._port), handler, self._tls)
        self._port = self._http.server_port
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End: connections are refused, and those that wait for an answer are closed."""
        http, thread = self._http, self._thread
        if http is None or thread is None:
            return
        self._stopped.set()
        http.shutdown()
        http.server_close()
        thread.join()
        self._http = self._thread = None

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self._port}"

    @property
    def base_url(self) -> str:
        """Where its Web API is, as `WebClient(base_url=...)` takes it."""
        return f"{self.url}/api/"

    @property
    def calls(self) -> list[Call]:
        """The calls so far."""
        with self.workspace.lock:
            return list(self._calls)

    def webhook(self, channel: str) -> str:
        """Return the URL of a new incoming webhook of a channel."""
        with self.workspace.lock:
            path = f"/services/T0TEST/B0TEST/{self.workspace.new_id('W')}"
            self._hooks[path] = self.place_of(channel).id
        return self.url + path

    def fail(
        self, method: str = "*", *, kind: str, times: int | None = 1, every: int = 1,
        retry_after: float | str | None = 1, seconds: float = 1.0, status: int = 0,
    ) -> Fault:  # fmt: skip
        """Order a fault.

        Args:
            method: Which calls: `chat.postMessage`, `chat.*`, `webhook`, `upload`, `download`, `*` for all.
            kind: `429`, `500`, `503`; `html`, a page in place of an answer; `closed`, the connection is
                closed before the request is read; `reset`, it is reset when the call is carried out and not
                answered; `half`, half of the answer comes; `type`, the answer is called something else than
                it is; `slow`, the answer comes later; `hang`, none comes until `stop`; any other word is
                Slack's own: `invalid_auth`, or `no_service` for a webhook.
            times: How many calls fail; None for all.
            every: 2 for every second call, and so on.
            retry_after: What a 429 says, in seconds or as it is; None for nothing.
            seconds: How much later a slow answer comes.
            status: Of the answer; 0 for the usual one of the kind.
        """
        told = None if retry_after is None else str(retry_after)
        return self.faults.add(Fault(method, kind, times, every, told, seconds, status))

    def hook(self, function: Hook, method: str = "*", *, times: int | None = None) -> Fault:
        """Have a function answer calls.

        Args:
            function: Takes the request; returns an answer, Slack's word for an error, or None for the usual
                answer. It runs in the thread of the connection.
            method: Which calls, as in `fail`.
            times: How many; None for all.
        """
        return self.faults.add(Fault(method, "hook", times, hook=function))

    def method_of(self, path: str) -> str:
        """Return what a path stands for; for the handler."""
        first, _, rest = path.lstrip("/").partition("/")
        return {"api": rest, "services": WEBHOOK, "upload": "upload", "files-pri": "download"}.get(
            first, path
        )

    def note(self, method: str, arguments: Json, status: int, error: str = "") -> None:
        """Remember a call; for the handler."""
        known: dict[str, Any] = {name: value for name, value in arguments.items() if name != "token"}
        with self.workspace.lock:
            self._calls.append(Call(method, time.monotonic(), known, status, error))

    def handle(self, request: Request, method: str, fault: Fault | None) -> Answer | None:
        """Answer a request; None when there is no answer. For the handler."""
        kind = fault.kind if fault is not None else ""
        if kind == "hang":
            self.note(method, self._told(request, method), 0)
            self._stopped.wait()
            return None
        answer = fault.answer(request, method) if fault is not None else None
        if answer is not None:
            told = self._told(request, method)
        else:
            with self.workspace.lock:
                post_due(self.workspace)
                answer, told = self._answer(request, method)
        if fault is not None and kind == "slow":
            self._stopped.wait(fault.seconds)
        if kind == "type":
            answer.headers["Content-Type"] = "application/octet-stream"
        self.note(method, told, 0 if kind == "reset" else answer.status, _word(answer))
        return answer

    def _told(self, request: Request, method: str) -> Json:
        known = METHODS.get(method)
        try:
            if method == WEBHOOK:
                found: Any = json.loads(request.body)
                return dict(found)
            return read_arguments(request, takes_json=True) if known is not None else {}
        except (SlackSaysNo, ValueError, TypeError):
            return {}

    def _answer(self, request: Request, method: str) -> tuple[Answer, Json]:
        caller = Caller(self.url, frozenset(self.scopes), self._rates)
        try:
            if method == WEBHOOK:
                return receive(self.workspace, request, self._hooks.get(request.path, ""), caller)
            if method == "upload":
                return upload(self.workspace, request), {"path": request.path, "size": len(request.body)}
            if method == "download":
                return download(self.workspace, request, self.token), {"path": request.path}
            return call(self.workspace, request, method, self.token, caller)
        except RateLimited as limited:
            return limited.answer, self._told(request, method)


def _word(answer: Answer) -> str:
    try:
        found: Any = json.loads(answer.body)
    except ValueError:
        text = answer.body.decode("utf-8", "replace")
        return "" if answer.status == 200 and not text.startswith("<") else text[:100]
    return str(found.get("error", "")) if isinstance(found, dict) else ""  # pyright: ignore
