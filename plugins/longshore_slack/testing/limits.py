"""What a message may hold, and how often a method may be called ("Rate limits", Slack docs)."""

from __future__ import annotations

import json
import math
import re
import time
from typing import TYPE_CHECKING, Any, Final, cast

from longshore_slack.testing.answers import Answer, Json, SlackSaysNo, as_json
from longshore_slack.testing.arguments import structure, text
from longshore_slack.testing.blocks import check_blocks, too_long
from longshore_slack.testing.objects import items_of, length

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT: Final = 40_000
"""Characters of `text`; what is beyond is cut off by chat.postMessage."""
UPDATED_TEXT: Final = 4_000
"""Characters of `text` that chat.update takes; beyond it is `msg_too_long`."""
_ATTACHMENTS: Final = 100
_METADATA: Final = 16_384
"""Bytes of metadata as JSON; Slack documents `metadata_too_large` without the figure."""
_EVENT: Final = re.compile(r"[A-Za-z0-9_.\-]{1,255}")


def contents(arguments: Json) -> tuple[list[Json] | None, list[Json] | None]:
    """Return the blocks and attachments of a call; None for those that it does not have.

    Raises:
        SlackSaysNo: Slack does not take them.
    """
    blocks = structure(arguments, "blocks", list, "invalid_blocks_format")
    attachments = structure(arguments, "attachments", list, "invalid_attachments")
    if wrong := check_blocks(blocks or []):
        raise SlackSaysNo("invalid_blocks", *wrong, errors=[_plain(one) for one in wrong])
    if too_long(blocks or []):
        raise SlackSaysNo("msg_blocks_too_long")
    if len(attachments or []) > _ATTACHMENTS:
        raise SlackSaysNo("too_many_attachments")
    for index, one in enumerate(attachments or []):
        _check_attachment(one, index)
    return blocks, attachments


def _plain(message: str) -> str:
    return message.removeprefix("[ERROR] ")


def _check_attachment(attachment: Any, index: int) -> None:
    known = cast("Json", attachment) if isinstance(attachment, dict) else {"fields": None}
    if any(not isinstance(known.get(name, []), list) for name in ("fields", "blocks")):
        raise SlackSaysNo("invalid_attachments")
    if not all(isinstance(one, dict) for one in items_of(known.get("fields"))):
        raise SlackSaysNo("invalid_attachments")
    if wrong := check_blocks(items_of(known.get("blocks")), f"/attachments/{index}/blocks"):
        raise SlackSaysNo("invalid_attachments", *wrong, errors=[_plain(one) for one in wrong])


def message_text(arguments: Json, *, has_more: bool) -> str:
    """Return the text of a new message, cut where Slack cuts it.

    Raises:
        SlackSaysNo: There is nothing to show.
    """
    found = text(arguments, "text")
    if not found.strip() and not has_more:
        raise SlackSaysNo("no_text")
    if length(found) <= TEXT:
        return found
    return found.encode("utf-16-le")[: TEXT * 2].decode("utf-16-le", "ignore")


def metadata_of(arguments: Json) -> Json | None:
    """Return the metadata of a message ("Using message metadata").

    Raises:
        SlackSaysNo: Slack does not take it.
    """
    found: Json | None = structure(arguments, "metadata", dict, "invalid_metadata_format")
    if not found:
        return None
    kind, payload = found.get("event_type"), found.get("event_payload")
    if not isinstance(kind, str) or not _EVENT.fullmatch(kind) or not isinstance(payload, dict):
        raise SlackSaysNo("invalid_metadata_format")
    if len(json.dumps(found).encode()) > _METADATA:
        raise SlackSaysNo("metadata_too_large")
    return found


class Rates:
    """Counts calls; a bucket of each kind holds what may come at once, and fills as time passes.

    Args:
        burst: Messages that a channel takes at once, before it takes one a second.
        clock: Seconds that only grow.
    """

    def __init__(self, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._clock = burst, clock
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}

    def message(self, channel: str) -> Answer | None:
        """Count a message to a channel; return the refusal beyond one a second."""
        return self._take(("message", channel), self._burst, 1.0)

    def call(self, method: str, per_minute: int) -> Answer | None:
        """Count a call of a method; return the refusal beyond its tier."""
        return self._take(("method", method), per_minute, per_minute / 60) if per_minute else None

    def _take(self, name: tuple[str, str], most: float, per_second: float) -> Answer | None:
        now = self._clock()
        left, before = self._buckets.get(name, (most, now))
        left = min(most, left + (now - before) * per_second)
        taken = left >= 1 - 1e-9
        self._buckets[name] = (left - 1 if taken else left, now)
        if taken:
            return None
        answer = as_json({"ok": False, "error": "ratelimited"}, 429)
        answer.headers["Retry-After"] = str(max(1, math.ceil((1 - left) / per_second)))
        return answer
