"""What a type checker sees of Slack. Checked by mypy and pyright, never run."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import assert_type

from longshore import Alert, Channel, Secret, flow, text
from longshore_slack import (
    SlackAlert,
    SlackAnswer,
    SlackChannel,
    SlackConnection,
    SlackDelete,
    SlackEntry,
    SlackFile,
    SlackLookup,
    SlackMessage,
    SlackPost,
    SlackReact,
    SlackUpdate,
    SlackUpload,
    SlackWait,
)

connection = SlackConnection(token=Secret("file:/run/secrets/slack"), read_timeout=5)
posted = SlackPost("#data", connection=connection, retries=5)("hello", thread="1.2", broadcast=True)
assert_type(posted, SlackMessage)
assert_type(posted.ts, str)
assert_type(SlackPost(channel="#data")(blocks=[{"type": "divider"}], at=datetime.now(UTC)), SlackMessage)
assert_type(SlackPost("#data").map(["one", "two"]), list[SlackMessage])
assert_type(SlackUpload("#data")(Path("report.pdf"), thread=posted), tuple[SlackFile, ...])
assert_type(SlackUpload("#data")(["a.csv", b"rows"]), tuple[SlackFile, ...])
assert_type(SlackUpdate()(posted, "changed"), SlackMessage)
assert_type(SlackLookup()("ann@example.com"), SlackEntry)
assert_type(SlackWait(who=("ann@example.com",), max_wait=60)(posted), SlackAnswer)
SlackReact("eyes")(posted)
SlackDelete()(posted)

channel: Channel = SlackChannel("#data", token=Secret("env:SLACK_BOT_TOKEN"), mention="critical=@here")
alert: Alert = SlackAlert(
    {"critical": "#oncall", "error": "#data"}, mention={"critical": "@here"}, on=["failed"]
)

SlackPost()("hello")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
SlackPost("#data")("hello", thred="1.2")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
SlackAlert("#data", token="xoxb-1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@flow(state_handlers=[SlackAlert("#data", late_after=3600.0, quiet_hours="22:00-07:00")])
def nightly(rows: int) -> SlackAnswer:
    message = SlackPost("#data")(text("{n} rows", n=rows))
    return SlackWait()(message)
