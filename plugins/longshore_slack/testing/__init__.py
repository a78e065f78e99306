"""A server of Slack's Web API and incoming webhooks for tests, made of the standard library alone.

It takes what Slack takes and refuses what Slack refuses, in Slack's words: tokens, scopes, arguments, the
limits of blocks, threads, files, pages of lists, rates. It fails as it is told: `SlackServer.fail`. It sends
no events, has no modals and no other methods than those in `methods.py`.

Example:
    >>> from longshore_slack.testing import SlackServer
    >>> with SlackServer() as server:
    ...     server.add_channel("data")
    ...     SlackPost("#data", connection=SlackConnection(base_url=server.base_url))("done")
    ...     server.messages("data")[0].text
    'done'
"""

from __future__ import annotations

from longshore_slack.testing.answers import Answer, Request
from longshore_slack.testing.calls import Call
from longshore_slack.testing.faults import Fault
from longshore_slack.testing.server import SlackServer
from longshore_slack.testing.workspaces import Posted

__all__ = ["Answer", "Call", "Fault", "Posted", "Request", "SlackServer"]
