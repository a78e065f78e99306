"""Which parts of an Apprise URL are secrets."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from longshore import register_secret

if TYPE_CHECKING:
    from collections.abc import Iterator

_BORDER: Final = re.compile(r"[/?&=@:;,#]+")
_LONG: Final = 16
"""Characters from which on a part of a path is taken for a token, whatever Apprise thinks of it."""


def keep_secret(url: str, service: Any) -> None:
    """Have every part of a URL masked that Apprise itself would not show, and what looks like a token."""
    with contextlib.suppress(Exception):  # a service that cannot show itself
        whole, shown = str(service.url(privacy=False)), str(service.url(privacy=True))
        for part in _hidden(whole, shown):
            register_secret(part)
    for part in _parts(url.partition("://")[2].partition("/")[2]):
        if len(part) >= _LONG:
            register_secret(part)


def _hidden(whole: str, shown: str) -> Iterator[str]:
    """Yield the parts that are there alone when nothing is hidden."""
    known = set(_parts(shown))
    yield from (part for part in _parts(whole) if part not in known)


def _parts(text: str) -> Iterator[str]:
    for part in _BORDER.split(text):
        yield part
        if "%" in part:
            yield unquote(part)
