"""What `longshore doctor` looks at: is there a credential, does Slack take it, which scopes are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from longshore import LongshoreError
from longshore_slack.channel import SlackChannel
from longshore_slack.client import Slack
from longshore_slack.connections import SlackConnection, credentials_here

if TYPE_CHECKING:
    from collections.abc import Iterator

_NEEDED: Final[tuple[tuple[str, frozenset[str]], ...]] = (
    ("posting and editing", frozenset({"chat:write"})),
    ("attaching files", frozenset({"files:write"})),
    ("seeing whether an alert has arrived", frozenset({"channels:history", "channels:read"})),
)


def check_credentials(connection: SlackConnection | None = None) -> Iterator[tuple[str, bool, str]]:
    """Look at the credential of the environment, or of a connection."""
    found = "token" if connection is not None else credentials_here()
    if not found:
        yield (
            "credential",
            True,
            "none in the environment; set SLACK_BOT_TOKEN or SLACK_WEBHOOK_URL to use Slack",
        )
        return
    if found == "webhook":
        yield _webhook()
        return
    slack = Slack(connection or SlackConnection(read_timeout=5.0, call_timeout=10.0))
    try:
        about, scopes = slack.scopes("ask Slack who we are")
    except LongshoreError as error:
        yield "token", False, str(error)
        return
    yield "token", True, f"{about.get('user', 'a bot')} in {about.get('team', 'a workspace')}"
    if scopes:
        for purpose, needed in _NEEDED:
            missing = sorted(needed - scopes)
            said = f"missing for {purpose}: {', '.join(missing)}; add under OAuth & Permissions"
            yield "scopes", not missing, said if missing else f"enough for {purpose}"


def _webhook() -> tuple[str, bool, str]:
    try:
        SlackChannel("#webhook").probe()
    except LongshoreError as error:
        return "webhook", False, str(error)
    return "webhook", True, "answers"
