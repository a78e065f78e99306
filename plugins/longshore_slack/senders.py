"""How messages of alerts are sent: with a bot's token, or by a webhook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from longshore import Receipt, current
from longshore_slack import webhooks
from longshore_slack.answers import value
from longshore_slack.blocks import Layout, block_id, lay_out
from longshore_slack.directories import Directory
from longshore_slack.errors import (
    SlackError,
    SlackNotFoundError,
    SlackRateLimitedError,
    SlackUnauthorizedError,
)
from longshore_slack.files import Source, hand_over, send_bytes
from longshore_slack.mentions import called_for, looked_up, markup_of
from longshore_slack.places import moment
from longshore_slack.texts import clean

if TYPE_CHECKING:
    from longshore import Message, Secret
    from longshore_slack.client import Slack
    from longshore_slack.connections import SlackConnection

EVENT: Final = "longshore_alert"
_SKEW: Final = 300.0
"""Seconds by which this clock and Slack's may differ."""
_LONGEST_UPLOAD: Final = 10.0
_LONGEST_SEARCH: Final = 86_400.0
_IN_THREAD: Final = "The whole text is in the thread."
_QUIET: Final = {"unfurl_links": False, "unfurl_media": False}


class TokenSender:
    """Sends with a bot's token.

    Args:
        slack: The workspace.
        target: The channel, as it was given.
        mention: Who is called.
    """

    def __init__(self, slack: Slack, target: str, mention: str) -> None:
        self._slack, self._target, self._mention = slack, target, mention
        self._directory = Directory(slack)

    def send(self, message: Message) -> Receipt:
        """Post a message; what does not fit is in its thread."""
        return self._post(message, self._directory.postable(self._target), "")

    def reply(self, receipt: Receipt, message: Message) -> Receipt:
        """Post a message in the thread of another one."""
        return self._post(message, self._place(receipt), receipt.id)

    def _post(self, message: Message, place: str, thread: str) -> Receipt:
        what = f"post to {self._target!r}"
        layout, sent = self._with_whole_text(message, "" if thread else self._mention)
        answer = self._slack.act(
            "chat_postMessage",
            what,
            channel=place,
            blocks=layout.blocks,
            text=layout.text,
            thread_ts=thread or None,
            metadata=_metadata(message),
            **_QUIET,
        )
        ts = value(answer, "ts", what)
        receipt = Receipt(id=ts, place=value(answer, "channel", what), time=moment(ts))
        if sent:
            self._attach(receipt, thread or receipt.id, sent)
        return receipt

    def _with_whole_text(self, message: Message, mention: str) -> tuple[Layout, list[dict[str, str]]]:
        """Return the layout, and the file of the whole text where something had to be cut.

        The file is sent before the message, which therefore says truly where the whole text is.
        """
        markup, notes = self._markup(message, mention)
        layout = lay_out(message, mention=markup, where=_IN_THREAD, notes=notes)
        if not layout.left_out:
            return layout, []
        try:
            whole = Source(clean(message.plain).encode(), "message.txt", "The whole text")
            what = f"attach the whole text for {self._target!r}"
            return layout, [send_bytes(self._slack, whole, what, within=_LONGEST_UPLOAD)]
        except SlackRateLimitedError:
            raise
        except SlackError as error:
            where = f"The whole text could not be attached: {error}"
            return lay_out(message, mention=markup, where=where, notes=notes), []

    def _attach(self, receipt: Receipt, thread: str, sent: list[dict[str, str]]) -> None:
        try:
            what = f"attach the whole text in {self._target!r}"
            hand_over(self._slack, what, sent, channel=receipt.place, thread=thread)
        except SlackError as error:  # the message itself has arrived
            current.log.warning("slack | %s", error)

    def _markup(self, message: Message, mention: str) -> tuple[str, tuple[str, ...]]:
        """Return the markup that calls people, and notes on those who could not be found."""
        found: list[str] = []
        notes: list[str] = []
        for name in called_for(mention, message):
            try:
                found.append(looked_up(name, self._directory))
            except (SlackNotFoundError, SlackUnauthorizedError) as error:
                notes.append(f"{name} could not be called: {error}")
        return " ".join(found), tuple(notes)

    def edit(self, receipt: Receipt, message: Message) -> None:
        """Change a message."""
        layout = lay_out(message, where="The whole text was too long.")
        self._slack.act(
            "chat_update",
            f"edit a message in {self._target!r}",
            channel=self._place(receipt),
            ts=receipt.id,
            blocks=layout.blocks,
            text=layout.text,
            metadata=_metadata(message),
        )

    def find(self, message: Message, now: float) -> Receipt | None:
        """Return where a message is, None when it is not there."""
        what = f"see whether a message has arrived in {self._target!r}"
        since = (message.time or now - _LONGEST_SEARCH) - _SKEW
        place = self._directory.place(self._target)
        history = self._slack.pages(
            "conversations_history",
            what,
            "messages",
            channel=place,
            oldest=f"{max(since, 0.0):.6f}",
            include_all_metadata=True,
            limit=200,
        )
        for found in history:
            if _is(message, found):
                return Receipt(id=str(found["ts"]), place=place, time=moment(str(found["ts"])))
        return None

    def probe(self) -> None:
        """Ask who we are."""
        self._slack.ask("auth_test", f"reach Slack for {self._target!r}")

    def _place(self, receipt: Receipt) -> str:
        return receipt.place or self._directory.place(self._target)


class WebhookSender:
    """Sends by a webhook, which knows its channel itself."""

    def __init__(self, connection: SlackConnection, webhook: Secret, target: str, mention: str) -> None:
        self._connection, self._webhook = connection, webhook
        self._target, self._mention = target, mention

    def send(self, message: Message) -> Receipt:
        """Post a message; what does not fit is lost, and the message says so."""
        names = called_for(self._mention, message)
        found = [markup_of(name) for name in names]
        notes = tuple(
            f"{name} could not be called: a webhook knows ids only, such as <@U012AB3CD>"
            for name, markup in zip(names, found, strict=True)
            if not markup
        )
        layout = lay_out(
            message,
            mention=" ".join(filter(None, found)),
            where="A webhook cannot attach the whole text; a bot's token can.",
            notes=notes,
        )
        payload = {"text": layout.text, "blocks": layout.blocks, **_QUIET}
        webhooks.post(self._connection, self._webhook, payload, f"post to {self._target!r} by its webhook")
        return Receipt()

    def probe(self) -> None:
        """Send what the webhook refuses without posting it."""
        webhooks.probe(self._connection, self._webhook, f"reach the webhook of {self._target!r}")


def _is(message: Message, found: dict[str, Any]) -> bool:
    """Whether what a channel's history shows is a message; metadata is there for some tokens only."""
    metadata: dict[str, Any] = found.get("metadata") or {}
    payload: dict[str, Any] = metadata.get("event_payload") or {}
    if metadata.get("event_type") == EVENT:
        return payload.get("key") == message.key
    blocks: list[dict[str, Any]] = found.get("blocks") or []
    return any(block.get("block_id") == block_id(message) for block in blocks)


def _metadata(message: Message) -> dict[str, Any]:
    return {"event_type": EVENT, "event_payload": {"key": message.key}}
