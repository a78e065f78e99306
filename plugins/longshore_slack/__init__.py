"""Slack: alerts, messages, files and approvals, on `slack-sdk`.

The token is a bot's, `Secret("env:SLACK_BOT_TOKEN")` unless a connection says otherwise; alerts also take an
incoming webhook. Neither is ever shown.

Example:
    >>> from longshore_slack import SlackAlert, SlackPost
    >>> @flow(state_handlers=[SlackAlert("#data")])
    ... def nightly():
    ...     SlackPost("#data")(text("{n} rows loaded", n=load()))
"""

from __future__ import annotations

from longshore_slack.alerts import SlackAlert
from longshore_slack.changes import SlackDelete, SlackUpdate
from longshore_slack.channel import SlackChannel
from longshore_slack.connections import SlackConnection
from longshore_slack.errors import (
    SlackDeniedError,
    SlackError,
    SlackNotFoundError,
    SlackRateLimitedError,
    SlackRefusedError,
    SlackTlsError,
    SlackUnauthorizedError,
    SlackUnreachableError,
    SlackWaitError,
)
from longshore_slack.lookup import SlackLookup
from longshore_slack.places import SlackAnswer, SlackEntry, SlackFile, SlackMessage
from longshore_slack.post import SlackPost
from longshore_slack.react import SlackReact
from longshore_slack.upload import SlackUpload
from longshore_slack.wait import SlackWait

__all__ = [
    "SlackAlert",
    "SlackAnswer",
    "SlackChannel",
    "SlackConnection",
    "SlackDelete",
    "SlackDeniedError",
    "SlackEntry",
    "SlackError",
    "SlackFile",
    "SlackLookup",
    "SlackMessage",
    "SlackNotFoundError",
    "SlackPost",
    "SlackRateLimitedError",
    "SlackReact",
    "SlackRefusedError",
    "SlackTlsError",
    "SlackUnauthorizedError",
    "SlackUnreachableError",
    "SlackUpdate",
    "SlackUpload",
    "SlackWait",
    "SlackWaitError",
]
