"""Messages: posted, changed, deleted (methods chat.*)."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from longshore_slack.testing.answers import Json, SlackSaysNo
from longshore_slack.testing.arguments import flag, required, text
from longshore_slack.testing.limits import UPDATED_TEXT, contents, message_text, metadata_of
from longshore_slack.testing.mentions import mentions
from longshore_slack.testing.objects import length
from longshore_slack.testing.workspaces import BOT_USER, Place, Posted, Workspace, shown

if TYPE_CHECKING:
    from longshore_slack.testing.calls import Caller


def target(workspace: Workspace, given: str) -> Place:
    """Return where a message goes: a channel by id or name, a user by id.

    Raises:
        SlackSaysNo: There is no such place, or the bot may not post there.
    """
    if given in workspace.users:
        return workspace.talk(given)
    named = workspace.named(given)
    place = workspace.place(named.id if named else given)
    if place.archived:
        raise SlackSaysNo("is_archived")
    return place


def build(workspace: Workspace, place: Place, arguments: Json) -> Posted:
    """Return a message that is checked and not posted yet.

    Raises:
        SlackSaysNo: Slack does not take it.
    """
    blocks, attachments = contents(arguments)
    written = message_text(arguments, has_more=bool(blocks or attachments))
    made = Posted("", place.id, BOT_USER, written, metadata=metadata_of(arguments))
    made.blocks = copy.deepcopy(blocks or [])
    made.attachments = copy.deepcopy(attachments or [])
    made.thread_ts = _thread(place, text(arguments, "thread_ts"))
    made.broadcast = bool(made.thread_ts) and flag(arguments, "reply_broadcast")
    made.name = text(arguments, "username")
    names = flag(arguments, "link_names") or arguments.get("parse") == "full"
    made.pings = mentions(made.text, made.blocks, made.attachments, names=names)
    made.ts = workspace.new_ts()
    return made


def _thread(place: Place, ts: str) -> str:
    if not ts:
        return ""
    head = place.posts.get(ts)
    if head is None:
        raise SlackSaysNo("thread_not_found")
    return head.thread_ts or head.ts


def post_message(workspace: Workspace, arguments: Json, caller: Caller) -> Json:
    """Post a message (chat.postMessage)."""
    place = target(workspace, required(arguments, "channel"))
    if not place.member and not caller.may("chat:write.public"):
        raise SlackSaysNo("not_in_channel")
    caller.count_message(place.id)
    made = workspace.post(place, build(workspace, place, arguments))
    return {"channel": place.id, "ts": made.ts, "message": shown(place, made)}


def post_ephemeral(workspace: Workspace, arguments: Json, caller: Caller) -> Json:
    """Show a message to one user (chat.postEphemeral)."""
    place = target(workspace, required(arguments, "channel"))
    user = required(arguments, "user")
    if user not in workspace.users:
        raise SlackSaysNo("user_not_in_channel")
    if not place.member:
        raise SlackSaysNo("not_in_channel")
    caller.count_message(place.id)
    made = build(workspace, place, arguments)
    made.only_for = user
    workspace.post(place, made)
    return {"message_ts": made.ts}


def update(workspace: Workspace, arguments: Json, _caller: Caller) -> Json:
    """Change a message (chat.update); blocks and attachments that are not given stay, if there is no text."""
    place = workspace.place(required(arguments, "channel"))
    ts = required(arguments, "ts")
    blocks, attachments = contents(arguments)
    written = text(arguments, "text")
    if "text" not in arguments and blocks is None and attachments is None:
        raise SlackSaysNo("no_text")
    if not written.strip() and not (blocks or attachments):
        raise SlackSaysNo("no_text")
    if length(written) > UPDATED_TEXT:
        raise SlackSaysNo("msg_too_long")
    metadata = metadata_of(arguments)
    message = _own(workspace, place, ts, "cant_update_message")
    message.text = written or message.text
    # Given a text alone, Slack drops the blocks that the message had.
    message.blocks = copy.deepcopy(blocks or []) if blocks is not None or written else message.blocks
    if attachments is not None or written:
        message.attachments = copy.deepcopy(attachments or [])
    if arguments.get("metadata") not in (None, ""):  # an empty object takes the old one away
        message.metadata = metadata
    message.edited = {"user": message.user, "ts": workspace.new_ts()}
    return {"channel": place.id, "ts": ts, "text": message.text, "message": shown(place, message)}


def delete(workspace: Workspace, arguments: Json, _caller: Caller) -> Json:
    """Delete a message (chat.delete); its thread stays."""
    place = workspace.place(required(arguments, "channel"))
    message = _own(workspace, place, required(arguments, "ts"), "cant_delete_message")
    if place.replies(message.ts):
        message.text, message.blocks, message.attachments = "This message was deleted.", [], []
    else:
        del place.posts[message.ts]
    return {"channel": place.id, "ts": message.ts}


def _own(workspace: Workspace, place: Place, ts: str, word: str) -> Posted:
    """Return a message of the bot.

    Raises:
        SlackSaysNo: It is somebody else's, or there is none.
    """
    message = workspace.find(place, ts)
    if place.archived:
        raise SlackSaysNo("is_inactive")
    if message.user != BOT_USER or message.webhook:
        raise SlackSaysNo(word)
    return message


def permalink(workspace: Workspace, arguments: Json, caller: Caller) -> Json:
    """Return the URL of a message (chat.getPermalink)."""
    place = workspace.place(required(arguments, "channel"))
    message = workspace.find(place, required(arguments, "message_ts"))
    link = f"{caller.base}/archives/{place.id}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={place.id}"
    return {"channel": place.id, "permalink": link}
