"""Messages that are still to come (chat.scheduleMessage and its like)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from longshore_slack.testing.answers import Json, SlackSaysNo
from longshore_slack.testing.arguments import number, required, text
from longshore_slack.testing.messages import build, target
from longshore_slack.testing.pages import page
from longshore_slack.testing.workspaces import BOT_USER, Scheduled, Workspace

if TYPE_CHECKING:
    from longshore_slack.testing.calls import Caller

_FURTHEST: Final = 120 * 86_400
"""Seconds; a message can be scheduled up to 120 days ahead."""


def schedule(workspace: Workspace, arguments: Json, _caller: Caller) -> Json:
    """Keep a message for later (chat.scheduleMessage)."""
    place = target(workspace, required(arguments, "channel"))
    given = required(arguments, "post_at")
    if not given.isdecimal():
        raise SlackSaysNo("invalid_time")
    ahead = int(given) - workspace.clock()
    if ahead <= 0:
        raise SlackSaysNo("time_in_past")
    if ahead > _FURTHEST:
        raise SlackSaysNo("time_too_far")
    if arguments.get("metadata"):
        raise SlackSaysNo("invalid_arguments", "[ERROR] metadata cannot be scheduled")
    message = build(workspace, place, arguments)  # refused now, if ever
    made = Scheduled(workspace.new_id("Q"), place.id, int(given), dict(arguments))
    workspace.scheduled[made.id] = made
    shown: Json = {"text": message.text, "type": "delayed_message", "user": BOT_USER}
    return {
        "channel": place.id,
        "scheduled_message_id": made.id,
        "post_at": made.post_at,
        "message": shown,
    }


def unschedule(workspace: Workspace, arguments: Json, _caller: Caller) -> Json:
    """Drop a message that is still to come (chat.deleteScheduledMessage)."""
    place = workspace.place(required(arguments, "channel"))
    found = workspace.scheduled.get(required(arguments, "scheduled_message_id"))
    if found is None or found.channel != place.id:
        raise SlackSaysNo("invalid_scheduled_message_id")
    del workspace.scheduled[found.id]
    return {}


def listed(workspace: Workspace, arguments: Json, _caller: Caller) -> Json:
    """List what is still to come (chat.scheduledMessages.list)."""
    channel = text(arguments, "channel")
    if channel:
        workspace.place(channel)
    known = [
        {
            "id": one.id,
            "channel_id": one.channel,
            "post_at": one.post_at,
            "date_created": int(workspace.clock()),
            "text": text(one.arguments, "text"),
        }
        for one in sorted(workspace.scheduled.values(), key=lambda one: one.post_at)
        if channel in ("", one.channel)
    ]
    return page(known, arguments, "scheduled_messages", number(arguments, "limit", 100, 999))


def post_due(workspace: Workspace) -> None:
    """Post what is due by the workspace's clock."""
    due = [one for one in workspace.scheduled.values() if one.post_at <= workspace.clock()]
    for one in sorted(due, key=lambda one: one.post_at):
        del workspace.scheduled[one.id]
        place = workspace.places[one.channel]
        workspace.post(place, build(workspace, place, one.arguments))
