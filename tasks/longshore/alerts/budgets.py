"""How often a channel may be told something, and since when it cannot be reached: kept with its incidents."""

from __future__ import annotations

import json
import random
from dataclasses import asdict, dataclass, field
from typing import Final

from longshore.alerts.messages import Receipt
from longshore.stores.records import IncidentRecord

WINDOW: Final = 300.0
MOST: Final = 5
"""Messages in a window; edits are none."""
_LONGEST_BACKOFF: Final = 60.0
_LONGEST_ASKED: Final = 86_400.0
_REFUSED_BACKOFF: Final = 300.0
"""Seconds between two tries while the channel refuses: somebody has to change something."""


@dataclass(slots=True)
class Digest:
    """A message of many incidents.

    Attributes:
        key: Its key.
        opened: When the first of its incidents began.
        receipt: Where it is; None while it is not known.
        doubts: As those of `Told`.
    """

    key: str
    opened: float
    receipt: Receipt | None = None
    doubts: dict[str, int] = field(default_factory=dict[str, int])


@dataclass(slots=True)
class Budget:
    """What may be sent to a channel, and when.

    Attributes:
        posts: When the messages of the last window were sent, in seconds since 1970.
        not_before: When the next call may be made.
        failures: How many calls in a row have failed.
        why: What the last call that failed has met.
        failed_at: When that was.
        digest: The digest of this window, if there is one.
    """

    posts: list[float] = field(default_factory=list[float])
    not_before: float = 0.0
    failures: int = 0
    why: str = ""
    failed_at: float = 0.0
    digest: Digest | None = None

    def left(self, now: float) -> int:
        """Return how many messages may be sent now."""
        self.posts = [time for time in self.posts if now - WINDOW < time <= now]
        if self.digest is not None and self.digest.receipt is not None and not self.posts:
            self.digest = None
        return MOST - len(self.posts)

    def free_at(self) -> float:
        """Return when one more may be sent."""
        return min(self.posts, default=0.0) + WINDOW

    def failed(self, now: float, why: str, retry_after: float | None, *, refused: bool) -> None:
        """Take note of a call that failed, and when the next one may be made."""
        self.failures += 1
        self.why, self.failed_at = why, now
        backoff = min(_LONGEST_BACKOFF, 2.0 ** min(self.failures - 1, 10)) * (0.5 + random.random() / 2)  # noqa: S311
        if refused:
            backoff = _REFUSED_BACKOFF
        asked = backoff if retry_after is None else min(retry_after, _LONGEST_ASKED)
        self.not_before = now + max(1.0, asked)

    def succeeded(self, now: float, gap: float) -> None:
        """Take note of a call that succeeded."""
        self.failures = 0
        self.not_before = now + gap

    def to_record(self, channel: str, now: float) -> IncidentRecord:
        """Return it as a spool keeps it."""
        return IncidentRecord(
            incident=record_id(channel), channel=channel, flow="", step="", open=True, waiting=False,
            opened=now, updated=now, body=json.dumps(asdict(self)),
        )  # fmt: skip

    @classmethod
    def of_record(cls, record: IncidentRecord) -> Budget:
        """Return the budget that a spool has kept."""
        body = json.loads(record.body)
        digest = body.pop("digest")
        if digest is not None:
            receipt = digest.pop("receipt")
            digest = Digest(**digest, receipt=None if receipt is None else Receipt(**receipt))
        return cls(**body, digest=digest)


def record_id(channel: str) -> str:
    """Return what the record of a channel's budget is called among its incidents."""
    return f"budget of {channel}"
