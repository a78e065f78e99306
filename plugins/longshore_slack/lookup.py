"""`SlackLookup`: who, or what, has a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from longshore import Delay, Task
from longshore_slack.answers import value
from longshore_slack.channel import named
from longshore_slack.client import Slack
from longshore_slack.connections import SlackConnection
from longshore_slack.directories import Directory, is_person
from longshore_slack.places import SlackEntry
from longshore_slack.post import RETRY_DELAY

if TYPE_CHECKING:
    from collections.abc import Mapping


class SlackLookup(Task[SlackEntry]):
    """Find a user by e-mail address, `@name` or id, or a channel by `#name` or id.

    An address costs one call. A name has to be looked for page by page, in a big workspace for minutes:
    where Slack asks to be left alone meanwhile, it is waited for.

    Args:
        connection: How to reach Slack.
        patience: Seconds that may be waited in all where Slack asks for it.
        timeout: Seconds for an attempt in all.

    Example:
        >>> SlackLookup()("ann@example.com").id
        'U012AB3CD'
    """

    connection: SlackConnection = SlackConnection()
    patience: float = 600.0
    retries: int = 3
    retry_delay: Delay = RETRY_DELAY
    timeout: float | None = 900.0

    def run(self, who: str) -> SlackEntry:
        """Look for it.

        Args:
            who: `ann@example.com`, `@ann`, `#data`, or an id.

        Raises:
            SlackNotFoundError: There is nobody, or nothing, of that name that the bot can see.
        """
        target = named(self.name, who)
        directory = Directory(Slack(self.connection, patience=self.patience))
        if is_person(target):
            return _user(directory.find_user(target))
        return _channel(directory.find_channel(target))


def _user(found: Mapping[str, Any]) -> SlackEntry:
    profile: Mapping[str, Any] = found.get("profile") or {}
    real_name = found.get("real_name") or profile.get("real_name") or ""
    return SlackEntry(
        value(found, "id", "find a user"),
        "user",
        str(found.get("name", "")),
        str(real_name),
        str(profile.get("email") or ""),
    )


def _channel(found: Mapping[str, Any]) -> SlackEntry:
    private = bool(found.get("is_private"))
    return SlackEntry(
        value(found, "id", "find a channel"), "channel", str(found.get("name") or ""), private=private
    )
