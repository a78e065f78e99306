"""Faults to order: what the server does in place of answering, or to its answer."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final, TypeAlias

from longshore_slack.testing.answers import Answer, Request, SlackSaysNo, as_json, as_text

if TYPE_CHECKING:
    from collections.abc import Callable

Hook: TypeAlias = "Callable[[Request], Answer | str | None]"
WEBHOOK: Final = "webhook"
WEBHOOK_STATUSES: Final = {
    "invalid_payload": 400, "no_text": 400, "invalid_blocks": 400, "invalid_attachments": 400,
    "msg_too_long": 400, "too_many_attachments": 400, "user_not_found": 400, "invalid_token": 403,
    "action_prohibited": 403, "posting_to_general_channel_denied": 403, "team_disabled": 403,
    "channel_not_found": 404, "no_service": 404, "no_active_hooks": 404, "no_service_id": 404,
    "no_team": 404, "channel_is_archived": 410, "rollup_error": 500,
}  # fmt: skip
"""What webhooks answer ("Sending messages using incoming webhooks", section "Handling errors")."""

_PAGE: Final = "<!DOCTYPE html><html><head><title>Slack</title></head><body>Server Error</body></html>"
_STATUSES: Final = {"429": 429, "500": 500, "503": 503, "html": 200}
_DONE_FIRST: Final = ("reset", "half", "type", "slow")


@dataclass
class Fault:
    """What is to go wrong, and how often.

    Attributes:
        method: Which calls: `chat.postMessage`, `chat.*`, `webhook`, `upload`, `download`, `*`.
        kind: What happens to them, as `SlackServer.fail` has it.
        left: How many are still to fail; None for all.
        used: How many have failed.
    """

    method: str
    kind: str
    left: int | None = 1
    every: int = 1
    retry_after: str | None = "1"
    seconds: float = 1.0
    status: int = 0
    hook: Hook | None = field(default=None, repr=False)
    used: int = 0
    seen: int = 0

    @property
    def accepts(self) -> bool:
        """Whether the call is carried out all the same."""
        return self.kind in _DONE_FIRST

    def answer(self, request: Request, method: str) -> Answer | None:
        """Return what is answered; None for the usual answer."""
        if self.hook is not None:
            found = self.hook(request)
            return _word(found, method) if isinstance(found, str) else found
        if self.kind not in _STATUSES:
            return None if self.accepts else _word(self.kind, method, self.status)
        status = self.status or _STATUSES[self.kind]
        if self.kind != "429":
            return as_text(_PAGE, status) if self.kind == "html" else as_text("Server Error", status)
        limited = as_json({"ok": False, "error": "ratelimited"}, status)
        if self.retry_after is not None:
            limited.headers["Retry-After"] = self.retry_after
        return limited


def _word(word: str, method: str, status: int = 0) -> Answer:
    if method == WEBHOOK:
        return as_text(word, status or WEBHOOK_STATUSES.get(word, 400))
    found = SlackSaysNo(word).answer()
    found.status = status or found.status
    return found


class Faults:
    """What was ordered; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ordered: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Order one more."""
        with self._lock:
            self._ordered.append(fault)
        return fault

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._ordered.clear()

    def take(self, method: str) -> Fault | None:
        """Return what is to happen to a call; the first that was ordered counts."""
        with self._lock:
            for fault in self._ordered:
                if fault.left != 0 and fnmatchcase(method, fault.method):
                    fault.seen += 1
                    if fault.seen % fault.every:
                        return None
                    fault.used += 1
                    fault.left = None if fault.left is None else fault.left - 1
                    return fault
        return None
