"""From the names that people use to the ids that Slack takes."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING, Any, Final

from longshore_slack.answers import value
from longshore_slack.errors import SlackNotFoundError, SlackUnauthorizedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from longshore_slack.client import Slack

_CHANNEL: Final = re.compile(r"[CGD][A-Z0-9]{7,}")
_USER: Final = re.compile(r"@?([UW][A-Z0-9]{7,})")
_KEPT: Final = 600.0
"""Seconds that an id is remembered; a channel that is renamed is found again after that."""
_MOST_KEPT: Final = 4_096
_PAGE: Final = 200
_known: dict[tuple[object, ...], tuple[float, str]] = {}


class Directory:
    """The names of a workspace."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack

    def place(self, target: str) -> str:
        """Return the id of a channel, by its name or its id, or of the conversation with a user.

        Raises:
            SlackNotFoundError: There is none, or the bot cannot see it.
        """
        if _CHANNEL.fullmatch(target):
            return target
        if is_person(target):
            return self._remember("dm", target, lambda: self._open(target))
        return self._remember("channel", target, lambda: _id_of(self.find_channel(target), target))

    def postable(self, target: str) -> str:
        """Return what a message can be posted to: Slack finds a channel by its name by itself."""
        return self.place(target) if is_person(target) else target

    def user(self, name: str) -> str:
        """Return the id of a user, by `@name`, e-mail address or id.

        Raises:
            SlackNotFoundError: There is none.
        """
        if known := _USER.fullmatch(name):
            return known[1]
        return self._remember("user", name, lambda: _id_of(self.find_user(name), name))

    def find_user(self, name: str) -> dict[str, Any]:
        """Return what Slack has of a user, by `@name`, e-mail address or id.

        Raises:
            SlackNotFoundError: There is none.
        """
        what = f"find the user {name!r}"
        if known := _USER.fullmatch(name):
            return _dict(self._slack.ask("users_info", what, user=known[1]), "user")
        if "@" in name[1:]:
            return _dict(self._slack.ask("users_lookupByEmail", what, email=name), "user")
        short = name.removeprefix("@").casefold()
        for user in self._slack.pages("users_list", what, "members", limit=_PAGE):
            names = (user.get("name"), _dict(user, "profile").get("display_name"))
            if not user.get("deleted") and short in {str(n or "").casefold() for n in names}:
                return user
        raise SlackNotFoundError(f"cannot {what}: nobody has that name; give an e-mail address or an id")

    def find_channel(self, name: str) -> dict[str, Any]:
        """Return what Slack has of a channel, by `#name` or id.

        Raises:
            SlackNotFoundError: There is none, or the bot cannot see it.
        """
        what = f"find the channel {name!r}"
        if _CHANNEL.fullmatch(name):
            return _dict(self._slack.ask("conversations_info", what, channel=name), "channel")
        short = name.removeprefix("#").casefold()
        for channel in self._channels(what):
            if str(channel.get("name") or "").casefold() == short:
                return channel
        raise SlackNotFoundError(
            f"cannot {what}: the bot sees no channel of that name; check it; a private channel has to invite "
            "the bot, write in it: /invite @bot"
        )

    def _channels(self, what: str) -> Iterator[dict[str, Any]]:
        options = {"exclude_archived": True, "limit": _PAGE}
        try:
            both = {**options, "types": "public_channel,private_channel"}
            yield from self._slack.pages("conversations_list", what, "channels", **both)
        except SlackUnauthorizedError as error:
            if error.error != "missing_scope" or not error.needed.startswith("groups:"):
                raise
            public = {**options, "types": "public_channel"}
            yield from self._slack.pages("conversations_list", what, "channels", **public)

    def group(self, handle: str) -> str:
        """Return the id of a user group; empty when there is none of that handle."""
        return self._remember("group", handle, lambda: self._find_group(handle))

    def _find_group(self, handle: str) -> str:
        answer = self._slack.ask("usergroups_list", f"find the user group '@{handle}'")
        groups: list[dict[str, Any]] = answer.get("usergroups") or []
        return next((str(g["id"]) for g in groups if g.get("handle") == handle), "")

    def _open(self, target: str) -> str:
        user = self.user(target)
        answer = self._slack.ask("conversations_open", f"open a conversation with {target!r}", users=[user])
        return _id_of(_dict(answer, "channel"), target)

    def _remember(self, kind: str, name: str, find: Callable[[], str]) -> str:
        key = (os.getpid(), self._slack.connection, kind, name)
        known = _known.get(key)
        if known is None or time.monotonic() - known[0] > _KEPT:
            known = _known[key] = time.monotonic(), find()
            for oldest in list(_known)[:-_MOST_KEPT]:
                _known.pop(oldest, None)
        return known[1]


def is_person(target: str) -> bool:
    """Whether a target is a user: `@ann`, an e-mail address, or a user's id."""
    return "@" in target or _USER.fullmatch(target) is not None


def _id_of(found: dict[str, Any], name: str) -> str:
    return value(found, "id", f"find {name!r}")


def _dict(answer: dict[str, Any], key: str) -> dict[str, Any]:
    found: dict[str, Any] = answer.get(key) or {}
    return found
