"""`SlackWait`: until somebody reacts or replies: an approval step."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from longshore import ConfigurationError, Delay, Exponential, Task, current
from longshore_slack.client import Slack
from longshore_slack.connections import SlackConnection
from longshore_slack.directories import Directory
from longshore_slack.errors import (
    SlackDeniedError,
    SlackRateLimitedError,
    SlackTlsError,
    SlackUnreachableError,
    SlackWaitError,
)
from longshore_slack.pauses import pause
from longshore_slack.places import SlackAnswer, SlackMessage, moment
from longshore_slack.react import emoji_name

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO: Final = frozenset({"deny", "denied", "no", "reject", "rejected", "stop"})
_YES: Final = frozenset({"approve", "approved", "go", "ok", "okay", "yes"})


class SlackWait(Task[SlackAnswer]):
    """Wait until somebody approves a message, by a reaction or a reply; the result says who and how.

    A denial raises, and counts more than an approval that is there at the same time. Slack is asked again and
    again, less and less often; an outage is waited out, as is `Retry-After`. What the bot itself reacts or
    replies is no answer, so it may put the emojis there for people to click. Holds a worker while it waits.

    Args:
        approve: The emojis that approve; a skin tone does not matter.
        deny: The emojis that deny.
        who: Who may answer: `ann@example.com`, `@ann`, ids; empty for everybody who can.
        replies: `words` where the first word of a reply in the thread counts, `yes`, `ok`, `approve` or `go`,
            `no`, `deny`, `reject` or `stop`; `any` where every reply approves that does not deny; `none`.
        max_wait: Seconds in all.
        interval: Seconds between two looks, an `Exponential`, or a callable from the number of looks so far.
        connection: How to reach Slack.

    Example:
        >>> posted = SlackPost("#releases")("Load 2 M rows?")
        >>> SlackWait(who=["ann@example.com"], max_wait=3600)(posted).user
        'U012AB3CD'
    """

    approve: tuple[str, ...] = ("white_check_mark", "heavy_check_mark", "+1", "thumbsup")
    deny: tuple[str, ...] = ("x", "no_entry", "no_entry_sign", "-1", "thumbsdown")
    who: tuple[str, ...] = ()
    replies: Literal["words", "any", "none"] = "words"
    max_wait: float = 86_400.0
    interval: Delay = Exponential(base=2.0, cap=60.0)
    connection: SlackConnection = SlackConnection()

    def check(self) -> None:
        for name in ("approve", "deny", "who"):
            given: Any = getattr(self, name)
            object.__setattr__(self, name, (given,) if isinstance(given, str) else tuple(given))
        for name in ("approve", "deny"):
            emojis = tuple(emoji_name(self.name, emoji) for emoji in getattr(self, name))
            object.__setattr__(self, name, emojis)
        both = set(self.approve) & set(self.deny)
        if both:
            raise ConfigurationError(f"{self.name}() would take {min(both)!r} for a yes and for a no")
        if self.replies not in ("words", "any", "none"):
            raise ConfigurationError(f"{self.name}(replies={self.replies!r}): give 'words', 'any' or 'none'")
        if not self.max_wait > 0:
            raise ConfigurationError(f"{self.name}(max_wait={self.max_wait!r}): give seconds above 0")

    def run(self, message: SlackMessage) -> SlackAnswer:
        """Wait for the answer.

        Args:
            message: Which one, as `SlackPost` returned it.

        Raises:
            SlackDeniedError: Somebody denied it.
            SlackWaitError: Nobody answered within `max_wait`.
            SlackNotFoundError: The message is not there any more.
            SlackUnauthorizedError: The bot may not see reactions or replies.
        """
        return _Waiting(self, message).answer()


@dataclass(frozen=True, slots=True)
class _Vote:
    yes: bool
    answer: SlackAnswer


class _Waiting:
    """One call's waiting."""

    def __init__(self, task: SlackWait, message: SlackMessage) -> None:
        self._task, self._message = task, message
        self._slack = Slack(task.connection)
        self._what = f"see the answers to a message in {message.channel!r}"
        self._ends = time.monotonic() + task.max_wait
        self._bot = ""
        self._who: frozenset[str] | None = None
        self._seen = "nobody answered"

    def answer(self) -> SlackAnswer:
        looks = 0
        while True:
            looks += 1
            told = 0.0
            try:
                vote = self._look()
            except SlackRateLimitedError as error:
                vote, told, self._seen = None, error.retry_after or 0.0, str(error)
            except SlackTlsError:
                raise
            except SlackUnreachableError as error:
                vote, self._seen = None, str(error)
            if vote is not None:
                return self._judged(vote)
            left = self._ends - time.monotonic()
            if left <= 0 or told > left:
                raise SlackWaitError(
                    f"cannot {self._what}: {self._seen} within {self._task.max_wait:g} s; "
                    "ask somebody, or raise max_wait"
                )
            current.progress(1 - left / self._task.max_wait, self._seen)
            pause(min(left, max(told, self._interval(looks))), self._what)

    def _interval(self, looks: int) -> float:
        interval = self._task.interval
        return max(0.05, interval(looks) if callable(interval) else interval)

    def _judged(self, vote: _Vote) -> SlackAnswer:
        if vote.yes:
            return vote.answer
        how = f":{vote.answer.emoji}:" if vote.answer.emoji else repr(vote.answer.text[:100])
        error = SlackDeniedError(
            f"the message in {self._message.channel!r} was denied by {vote.answer.user}: {how}"
        )
        error.user = vote.answer.user
        raise error

    def _look(self) -> _Vote | None:
        """Return the answer that counts, None while there is none."""
        if self._who is None:
            directory = Directory(self._slack)
            self._bot = str(self._slack.ask("auth_test", self._what).get("user_id", ""))
            self._who = frozenset(directory.user(name) for name in self._task.who)
        votes = [*self._reactions(), *(self._replies() if self._task.replies != "none" else ())]
        self._seen = "nobody who may answer did"
        return next((vote for vote in votes if not vote.yes), votes[0] if votes else None)

    def _may(self, user: str) -> bool:
        return bool(user) and user != self._bot and (not self._who or user in self._who)

    def _reactions(self) -> Iterator[_Vote]:
        answer = self._slack.ask(
            "reactions_get", self._what, channel=self._message.channel, timestamp=self._message.ts, full=True
        )
        message: dict[str, Any] = answer.get("message") or {}
        reactions: list[dict[str, Any]] = message.get("reactions") or []
        for reaction in reactions:
            emoji = str(reaction.get("name", "")).partition("::")[0]
            if emoji in (*self._task.approve, *self._task.deny):
                for user in filter(self._may, map(str, reaction.get("users") or ())):
                    yield _Vote(emoji in self._task.approve, SlackAnswer(user, emoji=emoji))

    def _replies(self) -> Iterator[_Vote]:
        replies = self._slack.pages(
            "conversations_replies",
            self._what,
            "messages",
            channel=self._message.channel,
            ts=self._message.thread,
            oldest=self._message.ts,
            limit=200,
        )
        for reply in replies:
            user, text = str(reply.get("user", "")), str(reply.get("text", ""))
            newer = moment(str(reply.get("ts", ""))) > moment(self._message.ts)
            if newer and not reply.get("bot_id") and self._may(user):
                verdict = _verdict(text, every=self._task.replies == "any")
                if verdict is not None:
                    yield _Vote(verdict, SlackAnswer(user, text=text))


def _verdict(text: str, *, every: bool) -> bool | None:
    """Return whether a reply says yes; None when it says neither."""
    first = next(iter(text.split()), "").strip(".,;:!?*_~`'\"").casefold()
    if first in _NO:
        return False
    return True if every or first in _YES else None
