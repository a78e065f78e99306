"""Channels and what was said in them (methods conversations.*)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from longshore_slack.testing.answers import Json, SlackSaysNo
from longshore_slack.testing.arguments import flag, number, required, text
from longshore_slack.testing.pages import page
from longshore_slack.testing.workspaces import BOT_USER, Place, Posted, Workspace, shown

if TYPE_CHECKING:
    from longshore_slack.testing.calls import Caller

_KINDS: Final = ("public_channel", "private_channel", "im", "mpim")
_TS: Final = re.compile(r"\d+(\.\d+)?")
_SCOPES: Final = {"public_channel": "channels", "private_channel": "groups", "im": "im"}


def listed(workspace: Workspace, arguments: Json, caller: Caller) -> Json:
    """List channels (conversations.list)."""
    kinds = [kind.strip() for kind in (text(arguments, "types") or "public_channel").split(",")]
    if any(kind not in _KINDS for kind in kinds):
        raise SlackSaysNo("invalid_types")
    for kind in kinds:
        scope = f"{_SCOPES.get(kind, 'mpim')}:read"
        if not caller.may(scope):
            raise SlackSaysNo("missing_scope", needed=scope, provided=",".join(sorted(caller.scopes)))
    without = flag(arguments, "exclude_archived")
    found = [
        _shown(one)
        for one in workspace.places.values()
        if _kind(one) in kinds and (one.member or not one.private) and not (without and one.archived)
    ]
    return page(found, arguments, "channels", number(arguments, "limit", 100, 1000))


def _kind(place: Place) -> str:
    if place.user:
        return "im"
    return "private_channel" if place.private else "public_channel"


def _shown(place: Place) -> Json:
    found: Json = {
        "id": place.id,
        "created": int(place.created),
        "is_archived": place.archived,
        "is_im": bool(place.user),
    }
    if place.user:
        return found | {"user": place.user}
    return found | {
        "name": place.name,
        "name_normalized": place.name,
        "is_channel": not place.private,
        "is_group": place.private,
        "is_private": place.private,
        "is_member": place.member,
        "is_mpim": False,
        "is_general": False,
        "num_members": 1,
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
    }


def info(workspace: Workspace, arguments: Json, _caller: Caller) -> Json:
    """Say what is known of a channel (conversations.info)."""
    return {"channel": _shown(workspace.place(required(arguments, "channel")))}


def join(workspace: Workspace, arguments: Json, _caller: Caller) -> Json:
    """Have the bot join a channel (conversations.join)."""
    place = workspace.place(required(arguments, "channel"))
    if place.user or place.private:
        raise SlackSaysNo("method_not_supported_for_channel_type")
    if place.archived:
        raise SlackSaysNo("is_archived")
    place.member = True
    return {"channel": _shown(place)}


def opened(workspace: Workspace, arguments: Json, _caller: Caller) -> Json:
    """Return the direct messages with a user (conversations.open)."""
    users = [user for user in text(arguments, "users").split(",") if user]
    if text(arguments, "channel"):
        return {"channel": {"id": workspace.place(text(arguments, "channel")).id}}
    if not users:
        raise SlackSaysNo("users_list_not_supplied")
    if len(users) > 1:
        raise SlackSaysNo("method_not_supported_for_channel_type")
    if users[0] not in workspace.users:
        raise SlackSaysNo("user_not_found")
    if users[0] == BOT_USER:
        raise SlackSaysNo("cannot_dm_bot")
    place = workspace.talk(users[0])
    return {"channel": _shown(place) if flag(arguments, "return_im") else {"id": place.id}}


def history(workspace: Workspace, arguments: Json, caller: Caller) -> Json:
    """Show what was said, the newest first (conversations.history)."""
    place = _readable(workspace, arguments, caller)
    seen = [one for one in place.posts.values() if not one.is_reply or one.broadcast]
    return _page(place, _within(seen, arguments)[::-1], arguments)


def replies(workspace: Workspace, arguments: Json, caller: Caller) -> Json:
    """Show a thread, the oldest first, its head always with it (conversations.replies)."""
    place = _readable(workspace, arguments, caller)
    head = workspace.find(place, required(arguments, "ts"), "thread_not_found")
    if head.is_reply:
        return _page(place, [head], arguments)
    return _page(place, [head, *_within(place.replies(head.ts), arguments)], arguments)


def _readable(workspace: Workspace, arguments: Json, caller: Caller) -> Place:
    place = workspace.place(required(arguments, "channel"))
    scope = f"{_SCOPES[_kind(place)]}:history"
    if not caller.may(scope):
        raise SlackSaysNo("missing_scope", needed=scope, provided=",".join(sorted(caller.scopes)))
    if not place.member:
        raise SlackSaysNo("not_in_channel")
    return place


def _within(posts: list[Posted], arguments: Json) -> list[Posted]:
    oldest, latest = _time(arguments, "oldest"), _time(arguments, "latest")
    edges = flag(arguments, "inclusive")
    found = [one for one in posts if not one.only_for]
    if oldest is not None:
        found = [one for one in found if _at(one.ts) > oldest or (edges and _at(one.ts) == oldest)]
    if latest is not None:
        found = [one for one in found if _at(one.ts) < latest or (edges and _at(one.ts) == latest)]
    return sorted(found, key=lambda one: one.ts)


def _time(arguments: Json, name: str) -> int | None:
    """Return a bound in microseconds, so that no digit is lost; None for none."""
    given = text(arguments, name)
    if not given or given == "now":
        return None
    if not _TS.fullmatch(given):
        raise SlackSaysNo(f"invalid_ts_{name}")
    return _at(given)


def _at(ts: str) -> int:
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1_000_000 + int(fraction.ljust(6, "0")[:6])


def _page(place: Place, posts: list[Posted], arguments: Json) -> Json:
    metadata = flag(arguments, "include_all_metadata")
    found = [shown(place, one, metadata=metadata) for one in posts]
    answer = page(found, arguments, "messages", number(arguments, "limit", 100, 999))
    return {**answer, "has_more": bool(answer["response_metadata"]["next_cursor"])}
