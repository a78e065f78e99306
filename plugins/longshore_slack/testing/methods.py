"""The methods of the Web API that the test server has: their scopes, tiers, and what they read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from longshore_slack.testing import conversations, directories, messages, reactions, scheduled, transfers
from longshore_slack.testing.workspaces import BOT, BOT_USER, TEAM

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore_slack.testing.answers import Json
    from longshore_slack.testing.calls import Caller
    from longshore_slack.testing.workspaces import Workspace

Act: TypeAlias = "Callable[[Workspace, Json, Caller], Json]"


@dataclass(frozen=True)
class Method:
    """A method.

    Attributes:
        act: What it does.
        scope: What the token needs, one of several where they are parted by `|`; empty for nothing.
        per_minute: Calls a minute of its tier; 0 for those that count by channel.
        takes_json: Whether it reads JSON bodies.
    """

    act: Act
    scope: str = ""
    per_minute: int = 50
    takes_json: bool = False


def _auth_test(workspace: Workspace, _arguments: Json, caller: Caller) -> Json:
    return {
        "url": f"{caller.base}/",
        "team": "Longshore",
        "user": workspace.users[BOT_USER].name,
        "team_id": TEAM,
        "user_id": BOT_USER,
        "bot_id": BOT,
        "is_enterprise_install": False,
    }


_LISTS = "channels:read|groups:read|im:read|mpim:read"
_HISTORY = "channels:history|groups:history|im:history|mpim:history"
METHODS: Final = {
    "auth.test": Method(_auth_test, per_minute=600, takes_json=True),
    "chat.postMessage": Method(messages.post_message, "chat:write", 0, takes_json=True),
    "chat.postEphemeral": Method(messages.post_ephemeral, "chat:write", 100, takes_json=True),
    "chat.update": Method(messages.update, "chat:write", takes_json=True),
    "chat.delete": Method(messages.delete, "chat:write", takes_json=True),
    "chat.getPermalink": Method(messages.permalink, per_minute=600),
    "chat.scheduleMessage": Method(scheduled.schedule, "chat:write", takes_json=True),
    "chat.deleteScheduledMessage": Method(scheduled.unschedule, "chat:write", takes_json=True),
    "chat.scheduledMessages.list": Method(scheduled.listed, takes_json=True),
    "reactions.add": Method(reactions.add, "reactions:write", takes_json=True),
    "reactions.remove": Method(reactions.remove, "reactions:write", 20, takes_json=True),
    "reactions.get": Method(reactions.get, "reactions:read"),
    "files.getUploadURLExternal": Method(transfers.upload_url, "files:write", 100),
    "files.completeUploadExternal": Method(transfers.complete, "files:write", 100, takes_json=True),
    "files.info": Method(transfers.info, "files:read", 100),
    "conversations.list": Method(conversations.listed, _LISTS, 20),
    "conversations.info": Method(conversations.info, _LISTS),
    "conversations.history": Method(conversations.history, _HISTORY),
    "conversations.replies": Method(conversations.replies, _HISTORY),
    "conversations.open": Method(
        conversations.opened, "channels:manage|groups:write|im:write|mpim:write", takes_json=True
    ),
    "conversations.join": Method(conversations.join, "channels:join", takes_json=True),
    "users.list": Method(directories.listed, "users:read", 20),
    "users.info": Method(directories.info, "users:read", 100),
    "users.lookupByEmail": Method(directories.by_email, "users:read.email"),
    "usergroups.list": Method(directories.groups, "usergroups:read", 20),
}
