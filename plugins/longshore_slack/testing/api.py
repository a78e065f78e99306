"""One call of the Web API: who calls, what is asked, what is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore_slack.testing.answers import Answer, Json, Request, SlackSaysNo, as_json
from longshore_slack.testing.arguments import read_arguments
from longshore_slack.testing.methods import METHODS, Method

if TYPE_CHECKING:
    from longshore_slack.testing.calls import Caller
    from longshore_slack.testing.workspaces import Workspace


def call(
    workspace: Workspace, request: Request, name: str, token: str, caller: Caller
) -> tuple[Answer, Json]:
    """Carry out a call; return the answer, and the arguments.

    Args:
        workspace: What it is about.
        request: With the arguments.
        name: Of the method.
        token: The one that is taken.
        caller: What the token may.
    """
    arguments: Json = {}
    try:
        method = METHODS.get(name)
        if method is None:
            raise SlackSaysNo("unknown_method", req_method=name)
        arguments = read_arguments(request, takes_json=method.takes_json)
        _admit(request, arguments, method, token, caller)
        caller.count(name, method.per_minute)
        answer = as_json({"ok": True, **method.act(workspace, arguments, caller)})
    except SlackSaysNo as error:
        answer = error.answer()
    answer.headers["x-oauth-scopes"] = ",".join(sorted(caller.scopes))
    return answer, arguments


def _admit(request: Request, arguments: Json, method: Method, token: str, caller: Caller) -> None:
    """Look at the token and its scopes.

    Raises:
        SlackSaysNo: The token is missing, wrong, or may not do this.
    """
    scheme, _, given = request.header("authorization").partition(" ")
    found = given if scheme == "Bearer" else str(arguments.get("token") or "")
    if not found:
        raise SlackSaysNo("not_authed")
    if found != token:
        raise SlackSaysNo("invalid_auth")
    if method.scope and not any(map(caller.may, method.scope.split("|"))):
        needed = method.scope.replace("|", ",")
        raise SlackSaysNo("missing_scope", needed=needed, provided=",".join(sorted(caller.scopes)))
