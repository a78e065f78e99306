"""`SlackChannel`: where alerts go in Slack."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from longshore import Channel, ConfigurationError, DeliveryError, Receipt, Secret
from longshore_slack.client import Slack
from longshore_slack.connections import (
    TOKEN,
    WEBHOOK,
    SlackConnection,
    check_secret,
    check_url,
    credentials_here,
)
from longshore_slack.deliveries import delivered
from longshore_slack.mentions import check_mention
from longshore_slack.senders import TokenSender, WebhookSender

if TYPE_CHECKING:
    from longshore import Message


@dataclass(frozen=True)
class SlackChannel(Channel):
    """A channel of Slack, or a person, that is told of alerts.

    With a bot's token a message is edited as things go on, details go to its thread, and whether a message
    has arrived can be seen. An incoming webhook can only send, to the one channel that it was made for.
    Where neither is given, `$SLACK_BOT_TOKEN` counts, else `$SLACK_WEBHOOK_URL`.

    Args:
        channel: `#data`, a channel's id, `@ann`, an e-mail address, or a user's id; with a webhook only what
            people read here, as Slack knows the channel itself.
        token: The bot's token.
        webhook: The URL of an incoming webhook.
        mention: Who is called by a new message that is an error or critical: `@oncall`, `@here`,
            `ann@example.com`, `<@U012AB3CD>`; by severity: `"error=@ann critical=@here"`.
        base_url: Where the Web API is; by default `$SLACK_API_URL`, else Slack itself.
        proxy: The URL of a proxy, as a `Secret` where it has a password.
        ca_file: The path of a file of certificate authorities in place of the usual ones.

    Example:
        >>> Alert(SlackChannel("#data", mention="critical=@here"))
    """

    scheme: ClassVar[str] = "slack"

    channel: str
    token: Secret | None = field(default=None, kw_only=True)
    webhook: Secret | None = field(default=None, kw_only=True)
    mention: str = field(default="", kw_only=True)
    base_url: str = field(default="", kw_only=True)
    proxy: str | Secret = field(default="", kw_only=True)
    ca_file: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "channel", named("SlackChannel", self.channel))
        check_secret("SlackChannel", "token", self.token)
        check_secret("SlackChannel", "webhook", self.webhook)
        if self.token is not None and self.webhook is not None:
            raise ConfigurationError("SlackChannel() got a token and a webhook; give one, the token can more")
        if self.base_url:
            check_url("SlackChannel(base_url=...)", self.base_url)
        check_mention("SlackChannel", self.mention)

    @property
    def edits(self) -> bool:
        """Whether a message can be changed: with a token."""
        return self._mode == "token"

    @property
    def threads(self) -> bool:
        """Whether a message has a thread: with a token."""
        return self._mode == "token"

    @property
    def finds(self) -> bool:
        """Whether it can be found out that a message has arrived: with a token that may read there."""
        return self._mode == "token"

    @property
    def _mode(self) -> str:
        if self.token is not None:
            return "token"
        return "webhook" if self.webhook is not None else credentials_here()

    @property
    def _connection(self) -> SlackConnection:
        # A message takes some five calls, which together are to end within half a minute.
        return SlackConnection(
            token=self.token or TOKEN,
            base_url=self.base_url,
            read_timeout=8.0,
            call_timeout=10.0,
            proxy=self.proxy,
            ca_file=self.ca_file,
        )

    @property
    def _sender(self) -> TokenSender | WebhookSender:
        if self._mode == "token":
            return TokenSender(Slack(self._connection), self.channel, self.mention)
        if self._mode == "webhook":
            return WebhookSender(self._connection, self.webhook or WEBHOOK, self.channel, self.mention)
        raise ConfigurationError(
            f"cannot tell {self.channel!r} in Slack: there is neither a token nor a webhook; "
            "set SLACK_BOT_TOKEN or SLACK_WEBHOOK_URL, or give token=Secret(...) or webhook=Secret(...)"
        )

    @property
    def _by_token(self) -> TokenSender:
        sender = self._sender
        if isinstance(sender, WebhookSender):
            raise DeliveryError(
                f"{self.channel!r} in Slack can only be sent to: it has a webhook, and editing, threads and "
                "finding take a bot's token; give token=Secret('env:SLACK_BOT_TOKEN')",
                retryable=False,
            )
        return sender

    def send(self, message: Message) -> Receipt:
        """Show a message.

        Raises:
            DeliveryError: It did not arrive, or may not have.
        """
        with delivered():
            return self._sender.send(message)

    def edit(self, receipt: Receipt, message: Message) -> None:
        """Show a message in the place of the one that was sent before; nobody is called again."""
        with delivered(editing=True):
            self._by_token.edit(receipt, message)

    def reply(self, receipt: Receipt, message: Message) -> Receipt:
        """Show a message in the thread of the one that was sent before."""
        with delivered():
            return self._by_token.reply(receipt, message)

    def find(self, message: Message) -> Receipt | None:
        """Return where a message of this key is, None when it certainly never arrived.

        Raises:
            DeliveryError: That cannot be seen.
        """
        with delivered(looking=True):
            return self._by_token.find(message, time.time())

    def probe(self) -> None:
        """Return when Slack answers and takes the credential; nothing is shown to anybody."""
        with delivered(looking=True):
            self._sender.probe()


def named(owner: str, target: object) -> str:
    """Return a channel as Slack writes it: `data` is `#data`.

    Raises:
        ConfigurationError: It cannot be one.
    """
    if not isinstance(target, str) or not target.strip() or len(target.split()) > 1:
        raise ConfigurationError(
            f"{owner}() got {target!r} for a channel; write '#data', '@ann', 'ann@example.com' or 'C012AB3CD'"
        )
    name = target.strip()
    plain = "@" not in name and not name.startswith("#") and not name[:1].isupper()
    return f"#{name}" if plain else name
