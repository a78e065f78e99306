"""`SlackPost`: say something in a channel."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from longshore import ConfigurationError, Delay, Exponential, Task, current, field
from longshore_slack.answers import value
from longshore_slack.channel import named
from longshore_slack.client import Slack
from longshore_slack.connections import SlackConnection
from longshore_slack.contents import Blocks, Content, make_content
from longshore_slack.directories import Directory
from longshore_slack.errors import SlackError
from longshore_slack.files import hand_over, send_bytes
from longshore_slack.mentions import check_mention, looked_up
from longshore_slack.places import SlackMessage

if TYPE_CHECKING:
    from collections.abc import Mapping

RETRY_DELAY: Final = Exponential(base=1.0, cap=60.0)


class SlackPost(Task[SlackMessage]):
    """Post a message to a channel, a person or a thread; the result says where it is.

    A text has no mention and no link by itself: `&`, `<` and `>` are escaped, so a value from upstream, put
    in by `text(...)`, calls nobody. `*bold*`, `:emoji:` and the rest of Slack's formatting work. What is too
    long is cut with a note, and the whole of it is attached as a file in the thread.

    A post that Slack may have got, as no answer came, is not tried again; one that it did not get is.

    Args:
        channel: `#data`, a channel's id, `@ann`, an e-mail address, or a user's id.
        connection: How to reach Slack.
        escape: False where the text is markup of your own: `<!here>`, `<https://example.com|link>`.
        mention: Who is called before the text: `@here`, `@ann`, `@oncall`, `ann@example.com`.
        unfurl: Whether Slack shows a preview of links.
        permalink: Whether the message's URL is asked for.
        timeout: Seconds for an attempt in all.
        repeatable: Whether a post may be sent again that may have arrived.

    Example:
        >>> SlackPost("#data")(text("{n} rows loaded", n=3))
    """

    channel: str = field(kw_only=False)
    connection: SlackConnection = SlackConnection()
    escape: bool = True
    mention: str = ""
    unfurl: bool = False
    permalink: bool = False
    retries: int = 3
    retry_delay: Delay = RETRY_DELAY
    timeout: float | None = 300.0
    repeatable: bool = False

    def check(self) -> None:
        object.__setattr__(self, "channel", named(self.name, self.channel))
        check_mention(self.name, self.mention)
        if "=" in self.mention:
            raise ConfigurationError(f"{self.name}(mention={self.mention!r}): a post has no severity")

    def run(
        self,
        text: str = "",
        *,
        blocks: Blocks | None = None,
        thread: SlackMessage | str | None = None,
        broadcast: bool = False,
        ephemeral_to: str = "",
        at: datetime | float | None = None,
    ) -> SlackMessage:
        """Post.

        Args:
            text: What is said; beside blocks, what a notification shows.
            blocks: Block Kit, as dicts or as models of `slack_sdk`; posted as they are.
            thread: The message beneath which it goes.
            broadcast: Whether a reply in a thread is shown in the channel too.
            ephemeral_to: The only user who sees it, until the next reload: `@ann`, an address or an id.
            at: When it is posted: a time with its zone, or seconds since 1970; at most 120 days ahead.

        Raises:
            SlackError: It was not posted, or may not have been.
        """
        slack = Slack(self.connection)
        options = self._options(thread, broadcast, ephemeral_to, at)
        directory = Directory(slack)
        called = " ".join(looked_up(name, directory) for name in self.mention.split())
        content = make_content(text, blocks, escaped=self.escape, mention=called)
        return _Posting(self, slack, directory, options).post(content)

    def _options(
        self,
        thread: SlackMessage | str | None,
        broadcast: bool,
        ephemeral_to: str,
        at: datetime | float | None,
    ) -> dict[str, Any]:
        head = thread.thread if isinstance(thread, SlackMessage) else thread or ""
        if ephemeral_to and at is not None:
            raise ConfigurationError(
                f"{self.name}() cannot schedule a message that one user sees; leave out at"
            )
        if broadcast and (not head or ephemeral_to):
            raise ConfigurationError(
                f"{self.name}(broadcast=True) is for a reply in a thread; give thread=..."
            )
        if isinstance(at, datetime):
            if at.tzinfo is None:
                raise ConfigurationError(
                    f"{self.name}(at={at!r}) has no zone; write datetime(..., tzinfo=UTC)"
                )
            at = at.timestamp()
        return {
            "thread": head,
            "broadcast": broadcast,
            "to": ephemeral_to,
            "at": None if at is None else int(at),
        }


class _Posting:
    """One call's post."""

    def __init__(
        self, task: SlackPost, slack: Slack, directory: Directory, options: Mapping[str, Any]
    ) -> None:
        self._task, self._slack, self._directory = task, slack, directory
        self._thread: str = options["thread"]
        self._broadcast: bool = options["broadcast"]
        self._to: str = options["to"]
        self._at: int | None = options["at"]
        self._what = f"post to {task.channel!r}"

    def post(self, content: Content) -> SlackMessage:
        sent: list[dict[str, str]] = []
        if content.whole is not None and not self._to and self._at is None:
            sent = [
                send_bytes(self._slack, content.whole, f"attach the whole text for {self._task.channel!r}")
            ]
        content = content.noted("All of it is in the thread." if sent else "It could not be attached here.")
        place = self._directory.postable(self._task.channel)
        try:
            message = self._perform(content, place)
        except SlackError as error:
            raise never_twice(error, repeatable=self._task.repeatable) from None
        if sent:
            self._attach(message, sent)
        return self._with_link(message)

    def _perform(self, content: Content, place: str) -> SlackMessage:
        arguments: dict[str, Any] = {
            "channel": place,
            "text": content.text,
            "blocks": content.blocks,
            "thread_ts": self._thread or None,
        }
        if self._to:
            user = self._directory.user(self._to)
            answer = self._slack.act("chat_postEphemeral", self._what, user=user, **arguments)
            return SlackMessage(place, str(answer.get("message_ts", "")), self._thread)
        arguments |= {"unfurl_links": self._task.unfurl, "unfurl_media": self._task.unfurl}
        arguments["reply_broadcast"] = self._broadcast or None
        if self._at is not None:
            answer = self._slack.act("chat_scheduleMessage", self._what, post_at=self._at, **arguments)
            return SlackMessage(
                value(answer, "channel", self._what),
                "",
                self._thread,
                scheduled_id=value(answer, "scheduled_message_id", self._what),
            )
        answer = self._slack.act("chat_postMessage", self._what, **arguments)
        return SlackMessage(
            value(answer, "channel", self._what), value(answer, "ts", self._what), self._thread
        )

    def _attach(self, message: SlackMessage, sent: list[dict[str, str]]) -> None:
        try:
            hand_over(self._slack, self._what, sent, channel=message.channel, thread=message.thread)
        except SlackError as error:  # the message has been posted, and must not be once more
            current.log.warning("slack | the whole text is not in the thread: %s", error)

    def _with_link(self, message: SlackMessage) -> SlackMessage:
        if not self._task.permalink or not message.ts or self._to:
            return message
        try:
            answer = self._slack.ask(
                "chat_getPermalink", self._what, channel=message.channel, message_ts=message.ts
            )
        except SlackError as error:
            current.log.warning("slack | the message's URL is not known: %s", error)
            return message
        return SlackMessage(message.channel, message.ts, message.thread_ts, str(answer.get("permalink", "")))


def never_twice(error: SlackError, *, repeatable: bool) -> SlackError:
    """Return an error that is not tried again if what it is about may have been done."""
    if error.uncertain and not repeatable:
        error.retryable = False
        error.args = (f"{error}; it may have arrived all the same, so it is not sent again",)
    return error
