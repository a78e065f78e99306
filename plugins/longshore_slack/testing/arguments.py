"""The arguments of a call: from the query, a form or JSON ("Using the Slack Web API")."""

from __future__ import annotations

import json
from typing import Any, Final, cast
from urllib.parse import parse_qsl

from longshore_slack.testing.answers import Json, Request, SlackSaysNo

_TRUE: Final = (True, 1, "1", "true", "True")


def read_arguments(request: Request, *, takes_json: bool) -> Json:
    """Return the arguments of a call.

    Args:
        request: The call.
        takes_json: Whether the method reads JSON; one that does not sees no arguments there.

    Raises:
        SlackSaysNo: The body cannot be read.
    """
    found: Json = dict(_form(request.query.encode()))
    kind = request.header("content-type").partition(";")[0].strip().lower()
    if request.verb == "GET" or not request.body:
        return found
    if kind == "application/json":
        given = _json(request.body)
        # The token is taken from the header alone where the body is JSON.
        return {**found, **given, "token": None} if takes_json else found
    if kind != "application/x-www-form-urlencoded":
        raise SlackSaysNo("invalid_post_type" if kind else "missing_post_type")
    return {**found, **dict(_form(request.body))}


def _form(text: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text.decode(), keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise SlackSaysNo("invalid_form_data") from error


def _json(body: bytes) -> Json:
    try:
        found: Any = json.loads(body.decode())
        json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        raise SlackSaysNo("invalid_json") from error
    if not isinstance(found, dict):
        raise SlackSaysNo("json_not_object")
    return cast("Json", found)


def required(arguments: Json, name: str) -> str:
    """Return an argument that has to be there.

    Raises:
        SlackSaysNo: It is not.
    """
    found = text(arguments, name)
    if not found:
        raise SlackSaysNo("invalid_arguments", f"[ERROR] missing required field: {name}")
    return found


def text(arguments: Json, name: str) -> str:
    """Return an argument that is text; empty if it is missing."""
    found = arguments.get(name)
    if found is None:
        return ""
    if isinstance(found, dict | list | bool):
        raise SlackSaysNo("invalid_arguments", f"[ERROR] must be a string [json-pointer:/{name}]")
    return str(found)


def flag(arguments: Json, name: str, default: bool = False) -> bool:
    """Return an argument that is yes or no."""
    found = arguments.get(name)
    return default if found in (None, "") else found in _TRUE


def number(arguments: Json, name: str, default: int, most: int) -> int:
    """Return an argument that is a number from 1.

    Raises:
        SlackSaysNo: It is none, or too large.
    """
    found = text(arguments, name)
    if not found:
        return default
    if not found.isdecimal() or not 0 < int(found) <= most:
        raise SlackSaysNo("invalid_arguments", f"[ERROR] must be between 1 and {most} [json-pointer:/{name}]")
    return int(found)


def structure(arguments: Json, name: str, kind: type, word: str) -> Any:
    """Return an argument that is a list or an object, also where it was sent as text; None if it is missing.

    Raises:
        SlackSaysNo: It is something else.
    """
    found = arguments.get(name)
    if found is None or found == "":
        return None
    if isinstance(found, str):
        try:
            found = json.loads(found)
            json.dumps(found, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise SlackSaysNo(word) from error
    if not isinstance(found, kind):
        raise SlackSaysNo(word)
    return found
