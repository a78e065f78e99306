"""A workspace of Slack for tests, and what they look at in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from longshore_slack.testing import SlackServer
from longshore_slack.testing.workspaces import Posted


def running_slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackServer]:
    """Yield a server with the channel #data and two people; its token is that of the environment."""
    with SlackServer() as server:
        monkeypatch.setenv("SLACK_BOT_TOKEN", server.token)
        monkeypatch.delenv("SLACK_WEBHOOK_URL", raising=False)
        server.add_channel("data")
        server.add_user("ann", email="ann@example.com")
        server.add_user("bob", email="bob@example.com")
        yield server


def shown(slack: SlackServer, ts: str, channel: str = "data") -> Posted:
    """Return a message of a channel."""
    [found] = [one for one in slack.messages(channel) if one.ts == ts]
    return found


def attached(slack: SlackServer, ts: str, channel: str = "data") -> list[bytes]:
    """Return the files in the thread of a message."""
    replies = [one for one in slack.messages(channel) if one.thread_ts == ts and one.ts != ts]
    return [slack.file(str(file["id"])) for one in replies for file in one.files]
