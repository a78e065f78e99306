"""Files: a place for the bytes, the bytes, and the end of it (methods files.*, "Working with files")."""

from __future__ import annotations

import copy
import email.policy
from email.parser import BytesParser
from typing import TYPE_CHECKING, Any, cast

from longshore_slack.testing.answers import Answer, Json, Request, SlackSaysNo, as_text
from longshore_slack.testing.arguments import number, required, structure, text
from longshore_slack.testing.messages import target
from longshore_slack.testing.workspaces import BOT_USER, Place, Posted, Workspace

if TYPE_CHECKING:
    from longshore_slack.testing.calls import Caller

_LARGEST = 1 << 30


def upload_url(workspace: Workspace, arguments: Json, caller: Caller) -> Json:
    """Give a place for the bytes of a file (files.getUploadURLExternal)."""
    name, size = required(arguments, "filename"), number(arguments, "length", 0, _LARGEST)
    if not size:
        raise SlackSaysNo("invalid_arguments", "[ERROR] missing required field: length")
    made = workspace.new_id("F")
    workspace.files[made] = {
        "id": made, "name": name, "title": name, "size": size, "user": BOT_USER, "mode": "hosted",
        "created": int(workspace.clock()), "filetype": name.rpartition(".")[2], "channels": [],
        "alt_txt": text(arguments, "alt_txt"), "permalink": f"{caller.base}/files/{BOT_USER}/{made}/{name}",
        "url_private": f"{caller.base}/files-pri/{made}/{name}",
        "url_private_download": f"{caller.base}/files-pri/{made}/download/{name}",
    }  # fmt: skip
    return {"upload_url": f"{caller.base}/upload/v1/{made}", "file_id": made}


def upload(workspace: Workspace, request: Request) -> Answer:
    """Take the bytes of a file: as they are, or as a form's file."""
    found = workspace.files.get(request.path.rpartition("/")[2])
    if found is None or found["id"] in workspace.contents or request.verb != "POST":
        return as_text("not found", 404)
    content = _form_file(request) if "multipart/" in request.header("content-type") else request.body
    if len(content) != found["size"]:
        return as_text(f"length mismatch: {len(content)} bytes, and {found['size']} were announced", 400)
    workspace.contents[found["id"]] = content
    return as_text(f"OK - {len(content)}")


def _form_file(request: Request) -> bytes:
    head = f"Content-Type: {request.header('content-type')}\r\n\r\n".encode()
    parsed: Any = BytesParser(policy=email.policy.HTTP).parsebytes(head + request.body)
    parts = [part for part in parsed.iter_parts() if part.get_filename()]
    return cast("bytes", parts[0].get_payload(decode=True)) if parts else b""


def complete(workspace: Workspace, arguments: Json, caller: Caller) -> Json:
    """Show files, in a channel or in none (files.completeUploadExternal)."""
    given: list[Any] = structure(arguments, "files", list, "invalid_arguments") or []
    if not given:
        raise SlackSaysNo("invalid_arguments", "[ERROR] missing required field: files")
    files = [_sent(workspace, one) for one in given]
    places = _places(workspace, arguments)
    workspace.handed_over.update(one["id"] for one in files)
    for place in places:
        _share(workspace, place, files, arguments, caller)
    return {"files": copy.deepcopy(files)}


def _sent(workspace: Workspace, given: Any) -> Json:
    wanted = cast("Json", given) if isinstance(given, dict) else {}
    found = workspace.files.get(str(wanted.get("id")))
    if found is None or found["id"] not in workspace.contents:
        raise SlackSaysNo("file_not_found")
    if found["id"] in workspace.handed_over:
        raise SlackSaysNo("file_update_failed")
    found["title"] = wanted.get("title") or found["name"]
    return found


def _places(workspace: Workspace, arguments: Json) -> list[Place]:
    names = [text(arguments, "channel_id"), *text(arguments, "channels").split(",")]
    found: list[Place] = []
    for name in filter(None, names):
        if name not in workspace.places:  # takes ids alone
            raise SlackSaysNo("channel_not_found")
        place = target(workspace, name)
        if not place.member:
            raise SlackSaysNo("not_in_channel")
        found.append(place)
    return found


def _share(workspace: Workspace, place: Place, files: list[Json], arguments: Json, caller: Caller) -> None:
    thread = text(arguments, "thread_ts")
    if thread and thread not in place.posts:
        raise SlackSaysNo("thread_not_found")
    caller.count_message(place.id)
    for file in files:
        file["channels"].append(place.id)
    message = Posted(workspace.new_ts(), place.id, BOT_USER, text(arguments, "initial_comment"), thread)
    message.files = copy.deepcopy(files)
    workspace.post(place, message)


def info(workspace: Workspace, arguments: Json, _caller: Caller) -> Json:
    """Say what is known of a file (files.info)."""
    found = workspace.files.get(required(arguments, "file"))
    if found is None or found["id"] not in workspace.contents:
        raise SlackSaysNo("file_not_found")
    shares: dict[str, Json] = {"public": {}, "private": {}}
    for place in map(workspace.places.__getitem__, found["channels"]):
        holding = [{"ts": one.ts} for one in place.posts.values() if _holds(one, found["id"])]
        shares["private" if place.private or place.user else "public"][place.id] = holding
    return {"file": {**copy.deepcopy(found), "shares": shares}, "comments": []}


def _holds(message: Posted, file_id: str) -> bool:
    return any(file["id"] == file_id for file in message.files)


def download(workspace: Workspace, request: Request, token: str) -> Answer:
    """Return the bytes of a file; without the token, as Slack does, a page to sign in."""
    found = workspace.files.get(request.path.split("/")[2])
    if found is None or found["id"] not in workspace.contents:
        return as_text("not found", 404)
    if request.header("authorization") != f"Bearer {token}":
        return as_text("<!DOCTYPE html><html><body>Sign in to Slack</body></html>")
    return Answer(200, {"Content-Type": "application/octet-stream"}, workspace.contents[found["id"]])
