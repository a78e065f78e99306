"""`SlackUpdate` and `SlackDelete`: change what was said, or take it back."""

from __future__ import annotations

from longshore import Delay, Task
from longshore_slack.client import Slack
from longshore_slack.connections import SlackConnection
from longshore_slack.contents import LONGEST_UPDATE, Blocks, make_content
from longshore_slack.errors import SlackNotFoundError
from longshore_slack.places import SlackMessage
from longshore_slack.post import RETRY_DELAY


class SlackUpdate(Task[SlackMessage]):
    """Change a message that the bot has posted; the result is the message.

    Doing so twice changes nothing, so it is tried again after any failure that may pass. What is too long is
    cut with a note.

    Args:
        connection: How to reach Slack.
        escape: False where the text is markup of your own.
        timeout: Seconds for an attempt in all.

    Example:
        >>> SlackUpdate()(posted, "all 3 loaded")
    """

    connection: SlackConnection = SlackConnection()
    escape: bool = True
    retries: int = 3
    retry_delay: Delay = RETRY_DELAY
    timeout: float | None = 120.0

    def run(self, message: SlackMessage, text: str = "", *, blocks: Blocks | None = None) -> SlackMessage:
        """Change the message.

        Args:
            message: Which one, as `SlackPost` returned it.
            text: What it says now.
            blocks: Block Kit, as dicts or as models of `slack_sdk`.

        Raises:
            SlackNotFoundError: It is not there any more.
            SlackRefusedError: It is not the bot's own.
        """
        content = make_content(text, blocks, escaped=self.escape, longest=LONGEST_UPDATE)
        content = content.noted("A message that is changed takes no more.")
        Slack(self.connection).act(
            "chat_update",
            f"change a message in {message.channel!r}",
            channel=message.channel,
            ts=message.ts,
            text=content.text,
            blocks=content.blocks if content.blocks is not None else [],
        )
        return message


class SlackDelete(Task[None]):
    """Remove a message that the bot has posted; one that is gone already is no error.

    Args:
        connection: How to reach Slack.
        timeout: Seconds for an attempt in all.

    Example:
        >>> SlackDelete()(posted)
    """

    connection: SlackConnection = SlackConnection()
    retries: int = 3
    retry_delay: Delay = RETRY_DELAY
    timeout: float | None = 120.0

    def run(self, message: SlackMessage) -> None:
        """Remove the message, or one that is still to come.

        Args:
            message: Which one, as `SlackPost` returned it.

        Raises:
            SlackRefusedError: It is not the bot's own.
        """
        slack, what = Slack(self.connection), f"remove a message from {message.channel!r}"
        try:
            if message.scheduled_id:
                slack.act(
                    "chat_deleteScheduledMessage",
                    what,
                    channel=message.channel,
                    scheduled_message_id=message.scheduled_id,
                )
            else:
                slack.act("chat_delete", what, channel=message.channel, ts=message.ts)
        except SlackNotFoundError as error:
            if error.error != "message_not_found":
                raise
