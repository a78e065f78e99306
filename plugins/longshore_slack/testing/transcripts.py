"""A channel as text: who said what and when, as Slack would show it."""

from __future__ import annotations

import textwrap
import time
from typing import TYPE_CHECKING, Final

from longshore_slack.testing.layouts import laid_out
from longshore_slack.testing.markup import Markup, columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longshore_slack.testing.workspaces import Place, Posted, Workspace

_INDENT: Final = "  "


def transcript(workspace: Workspace, place: Place, width: int) -> str:
    """Return a channel, its threads indented.

    Args:
        workspace: Where the names are.
        place: The channel.
        width: Columns.
    """
    markup = Markup(workspace)
    name = f"#{place.name}" if place.name else f"@{workspace.users[place.user].name}"
    lines = [name, "─" * min(width, max(24, columns(name)))]
    for ts in sorted(place.posts):
        message = place.posts[ts]
        if not message.is_reply or message.broadcast:
            lines += ["", *_message(workspace, message, markup, width)]
            lines += _replies(workspace, place, message, markup, width)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _replies(
    workspace: Workspace, place: Place, message: Posted, markup: Markup, width: int
) -> Iterator[str]:
    replies = [] if message.is_reply else place.replies(message.ts)
    if replies:
        yield f"{_INDENT}{len(replies)} {'reply' if len(replies) == 1 else 'replies'}"
    for reply in sorted(replies, key=lambda one: one.ts):
        for line in _message(workspace, reply, markup, width - 4):
            yield f"{_INDENT}│ {line}"


def _message(workspace: Workspace, message: Posted, markup: Markup, width: int) -> Iterator[str]:
    yield _sender(workspace, message)
    room = width - len(_INDENT)
    for line in laid_out(message, markup, room):
        yield _INDENT + line
    for file in message.files:
        yield f"{_INDENT}[file: {file['title']}, {_size(file['size'])}]"
    if message.edited:
        yield f"{_INDENT}(edited)"
    if message.reactions:
        shown = "  ".join(f":{name}: {len(users)}" for name, users in message.reactions.items())
        yield from textwrap.wrap(shown, width, initial_indent=_INDENT, subsequent_indent=_INDENT)


def _sender(workspace: Workspace, message: Posted) -> str:
    user = workspace.users[message.user]
    app = "  APP" if user.bot else ""
    alone = f"  only {workspace.users[message.only_for].name} sees it" if message.only_for else ""
    when = time.strftime("%H:%M", time.localtime(float(message.ts)))
    return f"{message.name or user.real_name or user.name}{app}  {when}{alone}"


def _size(count: int) -> str:
    for unit in ("bytes", "KB", "MB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count //= 1024
    return f"{count} GB"
