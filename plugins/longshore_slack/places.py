"""What the tasks return: where a message is, what somebody answered, who has a name, which file it became."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


def moment(ts: str) -> float:
    """Return the time that Slack's name of a message says, in seconds since 1970; 0.0 for any other name."""
    try:
        return float(ts)
    except ValueError:
        return 0.0


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """Where a message is.

    Attributes:
        channel: The channel's id.
        ts: What Slack calls the message, a time; empty for one that is still to come.
        thread_ts: The message that it stands beneath; empty when it stands by itself.
        permalink: Its URL, where it was asked for.
        scheduled_id: What Slack calls a message that is still to come.
    """

    channel: str
    ts: str
    thread_ts: str = ""
    permalink: str = ""
    scheduled_id: str = ""

    @property
    def thread(self) -> str:
        """The message at the head of the thread that this one is in, or begins."""
        return self.thread_ts or self.ts


@dataclass(frozen=True, slots=True)
class SlackAnswer:
    """What somebody answered.

    Attributes:
        user: The id of who did.
        emoji: What the user reacted with; empty for a reply.
        text: What the user replied; empty for a reaction.
    """

    user: str
    emoji: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class SlackEntry:
    """Who, or what, has a name.

    Attributes:
        id: What Slack calls it.
        kind: Which of the two it is.
        name: Its name, without `#` or `@`.
        real_name: A user's whole name.
        email: A user's address; empty where the bot may not see it.
        private: Whether a channel is private.
    """

    id: str
    kind: Literal["user", "channel"]
    name: str
    real_name: str = ""
    email: str = ""
    private: bool = False


@dataclass(frozen=True, slots=True)
class SlackFile:
    """A file in Slack.

    Attributes:
        id: What Slack calls it.
        name: Its name.
        permalink: Its URL, for those who may see it; empty where Slack gives none.
    """

    id: str
    name: str
    permalink: str = ""
