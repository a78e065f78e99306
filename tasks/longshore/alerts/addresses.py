"""Channels by their addresses: `slack:#data` is the channel of `SlackChannel("#data")`."""

from __future__ import annotations

import importlib.metadata
from difflib import get_close_matches
from typing import TYPE_CHECKING

from longshore.alerts.channels import Channel
from longshore.errors import ConfigurationError
from longshore.plugins import host

if TYPE_CHECKING:
    from collections.abc import Iterator


def open_channel(address: str) -> Channel:
    """Return the channel of an address, as plugins and the classes of this program offer them.

    Args:
        address: A scheme, a colon and the place: `slack:#data`, with settings after a `?`.

    Raises:
        ConfigurationError: Nothing offers the scheme, or the address is not one of its own.

    Example:
        >>> open_channel("slack:#data?token=env:SLACK_TOKEN")
        SlackChannel(target='#data', ...)
    """
    scheme, colon, _ = address.partition(":")
    if not colon or not scheme:
        # Not shown: somebody may have given a token, or the URL of a webhook without its beginning.
        raise ConfigurationError("cannot open a channel: its address has no scheme; write one as slack:#data")
    kinds = channel_schemes()
    if scheme not in kinds:
        raise ConfigurationError(
            f"cannot open a channel: nothing offers the scheme {scheme!r} ({_hint(scheme, list(kinds))})"
        )
    return kinds[scheme].of_address(address)


def channel_schemes() -> dict[str, type[Channel]]:
    """Return the classes of channels by scheme: those of plugins, and those that were imported."""
    own = {kind.scheme: kind for kind in _below(Channel) if kind.scheme}  # type: ignore[type-abstract]
    return own | host().channels()


def _below(kind: type[Channel]) -> Iterator[type[Channel]]:
    for below in kind.__subclasses__():
        yield below
        yield from _below(below)


def _hint(scheme: str, known: list[str]) -> str:
    close = get_close_matches(scheme, known, 1)
    if close:
        return f"did you mean {close[0]!r}?"
    if scheme in _extras():
        return f"run: pip install 'longshore[{scheme}]'"
    return (
        f"there are {', '.join(sorted(known)) or 'none'}; import the class that has it, or install its plugin"
    )


def _extras() -> list[str]:
    try:
        return importlib.metadata.metadata("longshore").get_all("Provides-Extra") or []
    except importlib.metadata.PackageNotFoundError:  # run from its source
        return []
