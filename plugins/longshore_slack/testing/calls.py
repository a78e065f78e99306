"""Who calls, and what the server remembers of calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from longshore_slack.testing.answers import Answer
    from longshore_slack.testing.limits import Rates


@dataclass(frozen=True)
class Call:
    """A call that the server had.

    Attributes:
        method: `chat.postMessage`, `webhook`, `upload`, `download`.
        time: When it was answered, on the clock of `time.monotonic`.
        arguments: What was asked, without the token.
        status: Of the answer; 0 where the connection was closed instead.
        error: The answer's word; empty where it was ok.
    """

    method: str
    time: float
    arguments: dict[str, Any] = field(repr=False)
    status: int
    error: str = ""


class RateLimited(Exception):  # noqa: N818 - not an error of the server
    """A call too many.

    Args:
        answer: What is answered.
    """

    def __init__(self, answer: Answer) -> None:
        super().__init__("ratelimited")
        self.answer = answer


@dataclass(frozen=True)
class Caller:
    """Who calls: what the token may, and how often.

    Attributes:
        base: The server's address, as the caller knows it.
        scopes: Of the token.
        rates: What counts the calls; None where they are not counted.
    """

    base: str
    scopes: frozenset[str]
    rates: Rates | None = None

    def may(self, scope: str) -> bool:
        """Whether the token has a scope."""
        return scope in self.scopes

    def count_message(self, channel: str) -> None:
        """Count a message to a channel.

        Raises:
            RateLimited: It is one too many.
        """
        refused = self.rates.message(channel) if self.rates else None
        if refused:
            raise RateLimited(refused)

    def count(self, method: str, per_minute: int) -> None:
        """Count a call of a method.

        Raises:
            RateLimited: It is one too many.
        """
        refused = self.rates.call(method, per_minute) if self.rates else None
        if refused:
            raise RateLimited(refused)
