"""Incoming webhooks ("Sending messages using incoming webhooks"): words in place of JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import parse_qs

from longshore_slack.testing.answers import Answer, Json, Request, SlackSaysNo, as_text
from longshore_slack.testing.faults import WEBHOOK_STATUSES
from longshore_slack.testing.messages import build

if TYPE_CHECKING:
    from longshore_slack.testing.calls import Caller
    from longshore_slack.testing.workspaces import Workspace

_SAID_OTHERWISE: Final = {"invalid_blocks_format": "invalid_blocks", "msg_blocks_too_long": "invalid_blocks"}


def receive(workspace: Workspace, request: Request, channel: str, caller: Caller) -> tuple[Answer, Json]:
    """Post a message; return the answer, and what was sent.

    Args:
        workspace: Where it goes.
        request: With the message.
        channel: The id of the webhook's channel; empty where there is no such webhook.
        caller: Who counts it.
    """
    payload: Json = {}
    try:
        payload = _payload(request)
        _post(workspace, payload, channel, caller)
    except SlackSaysNo as error:
        word = _SAID_OTHERWISE.get(error.word, error.word)
        return as_text(word, WEBHOOK_STATUSES.get(word, 400)), payload
    return as_text("ok"), payload


def _post(workspace: Workspace, payload: Json, channel: str, caller: Caller) -> None:
    if not channel:
        raise SlackSaysNo("no_service")
    place = workspace.places.get(channel)
    if place is None:
        raise SlackSaysNo("channel_not_found")
    if place.archived:
        raise SlackSaysNo("channel_is_archived")
    caller.count_message(place.id)
    made = build(workspace, place, payload)
    made.webhook = True
    workspace.post(place, made)


def _payload(request: Request) -> Json:
    if request.verb != "POST":
        raise SlackSaysNo("invalid_payload")
    try:
        text = request.body.decode()
        if "form-urlencoded" in request.header("content-type") and text.startswith("payload="):
            text = parse_qs(text, errors="strict")["payload"][0]
        found: Any = json.loads(text)
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise SlackSaysNo("invalid_payload") from error
    if not isinstance(found, dict):
        raise SlackSaysNo("invalid_payload")
    return cast("Json", found)
