"""Users and their groups (methods users.* and usergroups.*)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore_slack.testing.answers import Json, SlackSaysNo
from longshore_slack.testing.arguments import number, required
from longshore_slack.testing.pages import page
from longshore_slack.testing.workspaces import TEAM

if TYPE_CHECKING:
    from longshore_slack.testing.calls import Caller
    from longshore_slack.testing.workspaces import User, Workspace


def listed(workspace: Workspace, arguments: Json, caller: Caller) -> Json:
    """List users (users.list)."""
    members = [_shown(one, caller) for one in workspace.users.values()]
    return page(members, arguments, "members", number(arguments, "limit", 1000, 1000))


def info(workspace: Workspace, arguments: Json, caller: Caller) -> Json:
    """Say what is known of a user (users.info)."""
    found = workspace.users.get(required(arguments, "user"))
    if found is None:
        raise SlackSaysNo("user_not_found")
    return {"user": _shown(found, caller)}


def by_email(workspace: Workspace, arguments: Json, caller: Caller) -> Json:
    """Find a user by e-mail address (users.lookupByEmail)."""
    wanted = required(arguments, "email").lower()
    for user in workspace.users.values():
        if user.email and user.email.lower() == wanted:
            return {"user": _shown(user, caller)}
    raise SlackSaysNo("users_not_found")


def _shown(user: User, caller: Caller) -> Json:
    profile: Json = {"real_name": user.real_name, "display_name": user.name}
    if user.email and caller.may("users:read.email"):
        profile["email"] = user.email
    return {
        "id": user.id,
        "team_id": TEAM,
        "name": user.name,
        "real_name": user.real_name,
        "deleted": False,
        "is_bot": user.bot,
        "is_app_user": False,
        "profile": profile,
    }


def groups(workspace: Workspace, _arguments: Json, _caller: Caller) -> Json:
    """List groups of users (usergroups.list)."""
    found = [
        {"id": key, "team_id": TEAM, "is_usergroup": True, "name": handle, "handle": handle, "date_delete": 0}
        for key, handle in workspace.groups.items()
    ]
    return {"usergroups": found}
