"""`SlackAlert`: the state handler that tells Slack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore import Alert
from longshore_slack.channel import SlackChannel
from longshore_slack.mentions import joined

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal, TypeAlias, Unpack

    from longshore import AlertSettings, Secret

    Severity: TypeAlias = Literal["info", "warning", "error", "critical"]


class SlackAlert(Alert):
    """Have Slack told of failures, and when all is well again: a state handler that never harms the run.

    Args:
        channel: `#data`, a channel's id, `@ann` or an e-mail address; or a dict of these by severity.
        token: The bot's token; by default `$SLACK_BOT_TOKEN`, else the webhook of `$SLACK_WEBHOOK_URL`.
        webhook: The URL of an incoming webhook, which can send, but not edit, thread or find.
        mention: Who is called by a new message that is an error or critical: `@oncall`, `@here`,
            `ann@example.com`, `<@U012AB3CD>`; or a dict of these by severity.
        base_url: Where the Web API is; by default `$SLACK_API_URL`, else Slack itself.
        settings: What else `Alert` takes: `on`, `late_after`, `quiet_hours` and more.

    Raises:
        ConfigurationError: Something cannot be what was given.

    Example:
        >>> @flow(state_handlers=[SlackAlert("#data", mention={"critical": "@here"})])
        ... def nightly(): ...
    """

    def __init__(
        self,
        channel: str | Mapping[Severity, str],
        *,
        token: Secret | None = None,
        webhook: Secret | None = None,
        mention: str | Mapping[Severity, str] = "",
        base_url: str = "",
        **settings: Unpack[AlertSettings],
    ) -> None:
        called = joined(mention)  # type: ignore[arg-type]  # a mapping's keys are invariant

        def made(name: str) -> SlackChannel:
            return SlackChannel(name, token=token, webhook=webhook, mention=called, base_url=base_url)

        super().__init__(
            made(channel) if isinstance(channel, str) else {key: made(name) for key, name in channel.items()},
            **settings,
        )
