"""Reactions of the bot (methods reactions.*)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from longshore_slack.testing.answers import Json, SlackSaysNo
from longshore_slack.testing.arguments import required, text
from longshore_slack.testing.workspaces import BOT_USER, Place, Posted, Workspace, shown

if TYPE_CHECKING:
    from longshore_slack.testing.calls import Caller

_NAME: Final = re.compile(r"[a-z0-9_+'\-]{1,100}(::skin-tone-[2-6])?")
_MOST: Final = 23
"""Different emoji that one message takes."""


def add(workspace: Workspace, arguments: Json, _caller: Caller) -> Json:
    """React to a message (reactions.add)."""
    place, message = _message(workspace, arguments)
    name = _emoji(arguments)
    users = message.reactions.get(name, [])
    if BOT_USER in users:
        raise SlackSaysNo("already_reacted")
    if place.archived:
        raise SlackSaysNo("is_archived")
    if not users and len(message.reactions) >= _MOST:
        raise SlackSaysNo("too_many_emoji")
    message.reactions.setdefault(name, []).append(BOT_USER)
    return {}


def remove(workspace: Workspace, arguments: Json, _caller: Caller) -> Json:
    """Take a reaction back (reactions.remove)."""
    _, message = _message(workspace, arguments)
    name = _emoji(arguments)
    if BOT_USER not in message.reactions.get(name, []):
        raise SlackSaysNo("no_reaction")
    message.reactions[name].remove(BOT_USER)
    if not message.reactions[name]:
        del message.reactions[name]
    return {}


def get(workspace: Workspace, arguments: Json, _caller: Caller) -> Json:
    """Show a message with its reactions (reactions.get)."""
    place, message = _message(workspace, arguments)
    return {"type": "message", "channel": place.id, "message": shown(place, message)}


def _message(workspace: Workspace, arguments: Json) -> tuple[Place, Posted]:
    ts = text(arguments, "timestamp")
    if not text(arguments, "channel") or not ts:
        raise SlackSaysNo("no_item_specified")
    place = workspace.place(text(arguments, "channel"))
    if not place.member:
        raise SlackSaysNo("not_in_channel")
    return place, workspace.find(place, ts)


def _emoji(arguments: Json) -> str:
    name = required(arguments, "name")
    if not _NAME.fullmatch(name):
        raise SlackSaysNo("invalid_name")
    return name
