"""`SlackReact`: put an emoji under a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore import ConfigurationError, Delay, Task, field
from longshore_slack.client import Slack
from longshore_slack.connections import SlackConnection
from longshore_slack.errors import SlackRefusedError
from longshore_slack.post import RETRY_DELAY

if TYPE_CHECKING:
    from longshore_slack.places import SlackMessage


class SlackReact(Task[None]):
    """Put an emoji under a message, or take it away; that it is so already is no error.

    Args:
        emoji: Its name, with or without colons: `white_check_mark`.
        remove: Whether it is taken away.
        connection: How to reach Slack.
        timeout: Seconds for an attempt in all.

    Example:
        >>> SlackReact("white_check_mark")(posted)
    """

    emoji: str = field(kw_only=False)
    remove: bool = False
    connection: SlackConnection = SlackConnection()
    retries: int = 3
    retry_delay: Delay = RETRY_DELAY
    timeout: float | None = 120.0

    def check(self) -> None:
        object.__setattr__(self, "emoji", emoji_name(self.name, self.emoji))

    def run(self, message: SlackMessage) -> None:
        """Put it there.

        Args:
            message: Which one, as `SlackPost` returned it.

        Raises:
            SlackNotFoundError: The message is not there any more.
        """
        method = "reactions_remove" if self.remove else "reactions_add"
        try:
            Slack(self.connection).act(
                method,
                f"react to a message in {message.channel!r}",
                channel=message.channel,
                timestamp=message.ts,
                name=self.emoji,
            )
        except SlackRefusedError as error:
            if error.error != ("no_reaction" if self.remove else "already_reacted"):
                raise


def emoji_name(owner: str, given: str) -> str:
    """Return an emoji's name without its colons.

    Raises:
        ConfigurationError: It is none.
    """
    name = given.strip().strip(":")
    if not name or any(character.isspace() for character in name) or not name.isascii():
        raise ConfigurationError(f"{owner} got {given!r} for an emoji; give its name, as 'white_check_mark'")
    return name
