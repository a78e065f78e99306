"""Who is called: `@ann`, `@oncall`, `@here`, an e-mail address, as Slack's own markup."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from longshore import ConfigurationError
from longshore_slack.errors import SlackNotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longshore import Message
    from longshore_slack.directories import Directory

SEVERITIES: Final = ("info", "warning", "error", "critical")
_LOUD: Final = ("error", "critical")
"""Severities for which a mention counts that is given for none."""
_EVERYBODY: Final = ("here", "channel", "everyone")
_MARKUP: Final = re.compile(r"<(?:![a-z]+|@[UW][A-Z0-9]+|!subteam\^S[A-Z0-9]+)>")
_USER: Final = re.compile(r"@?([UW][A-Z0-9]{7,})")
_GROUP: Final = re.compile(r"@?(S[A-Z0-9]{7,})")
_NAME: Final = re.compile(r"@[\w.\-]+|[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")


def check_mention(owner: str, given: str) -> None:
    """Look whether a setting names whom to call.

    Raises:
        ConfigurationError: It does not.
    """
    for word in given.split():
        severity, separator, rest = word.partition("=")
        if separator and severity not in SEVERITIES:
            raise ConfigurationError(
                f"{owner}(mention=...) does not know {severity!r} (known: {', '.join(SEVERITIES)})"
            )
        name = rest if separator else word
        if not markup_of(name) and not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"{owner}(mention=...) cannot call {name!r}; write '@here', '@ann', '@oncall', "
                "'ann@example.com' or '<@U012AB3CD>'"
            )


def joined(given: str | Mapping[str, str]) -> str:
    """Return what to call for each severity as one text: `error=@ann critical=@here`."""
    if isinstance(given, str):
        return given
    return " ".join(f"{severity}={name}" for severity, names in given.items() for name in names.split())


def called_for(setting: str, message: Message) -> list[str]:
    """Return who is to be called for a message."""
    found: list[str] = []
    for word in setting.split():
        severity, separator, rest = word.partition("=")
        if message.severity in ((severity,) if separator else _LOUD):
            found.append(rest if separator else word)
    return found


def markup_of(name: str) -> str:
    """Return Slack's markup for a name that says all; empty when it has to be looked up."""
    if _MARKUP.fullmatch(name):
        return name
    if name.removeprefix("@") in _EVERYBODY:
        return f"<!{name.removeprefix('@')}>"
    if user := _USER.fullmatch(name):
        return f"<@{user[1]}>"
    if group := _GROUP.fullmatch(name):
        return f"<!subteam^{group[1]}>"
    return ""


def looked_up(name: str, directory: Directory) -> str:
    """Return Slack's markup for a name, which may have to be looked up.

    Raises:
        SlackError: It cannot be found out.
    """
    known = markup_of(name)
    if known:
        return known
    if "@" not in name[1:]:
        group = directory.group(name.removeprefix("@"))
        if group:
            return f"<!subteam^{group}>"
    try:
        return f"<@{directory.user(name)}>"
    except SlackNotFoundError as error:
        raise SlackNotFoundError(f"cannot call {name!r}: {error}") from None
