"""`SlackAlert`: the state handler that tells Slack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from longshore import Alert, State
from longshore_slack.channel import SlackChannel
from longshore_slack.mentions import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from typing import Literal, TypeAlias

    from longshore import Message, Secret, Subject

    Severity: TypeAlias = Literal["info", "warning", "error", "critical"]
    States: TypeAlias = type[State] | tuple[type[State], ...]


class SlackAlert(Alert):
    """Have Slack told of failures, and when all is well again: a state handler that never harms the run.

    See `Alert` for the options that are not explained here.

    Args:
        channel: `#data`, a channel's id, `@ann` or an e-mail address; or a dict of these by severity.
        token: The bot's token; by default `$SLACK_BOT_TOKEN`, else the webhook of `$SLACK_WEBHOOK_URL`.
        webhook: The URL of an incoming webhook, which can send, but not edit, thread or find.
        mention: Who is called by a new message that is an error or critical: `@oncall`, `@here`,
            `ann@example.com`, `<@U012AB3CD>`; or a dict of these by severity.
        base_url: Where the Web API is; by default `$SLACK_API_URL`, else Slack itself.
        on: What to tell of.
        only: Of those states, only these kinds.
        ignore: Of those states, not these kinds.
        when: Called as a state handler; only what it returns true for is told.
        severity: Of what is told, or a callable that returns it.
        late_after: Seconds after which what goes on is told to be late.
        silent_after: Seconds without a success of the flow, after which its silence is told.
        quiet_hours: `22:00-07:00 Europe/Berlin`.
        group_within: Seconds within which failures of the same step are one message.
        template: Called with the message and the incident; returns the message to send.
        link: Where to look, with `{run_id}`, `{flow}` and `{step}` in it.

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
        on: Collection[str] = ("failed", "late", "recovered"),
        only: States = State,
        ignore: States | None = None,
        when: Callable[[Subject, State, State], bool] | None = None,
        severity: Severity | Callable[[Subject, State], Severity] | None = None,
        late_after: float | None = None,
        silent_after: float | None = None,
        quiet_hours: str = "",
        group_within: float = 3_600.0,
        template: Callable[[Message, Any], Message] | None = None,
        link: str = "",
    ) -> None:
        called = joined(mention)  # type: ignore[arg-type]  # a mapping's keys are invariant

        def made(name: str) -> SlackChannel:
            return SlackChannel(name, token=token, webhook=webhook, mention=called, base_url=base_url)

        super().__init__(
            made(channel) if isinstance(channel, str) else {key: made(name) for key, name in channel.items()},
            on=on,
            only=only,
            ignore=ignore,
            when=when,
            severity=severity,
            late_after=late_after,
            silent_after=silent_after,
            quiet_hours=quiet_hours,
            group_within=group_within,
            template=template,
            link=link,
        )
