"""HTML and SVG built from elements, so that no text can become markup."""

from __future__ import annotations

import html
import re
from typing import Final

from longshore.redaction import redact

# What HTML does not allow, and what turns the direction of the text around it.
_ODD: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_VOID: Final = frozenset({"meta", "input", "br", "link"})


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


Child = str | Markup | None


def text(value: str) -> Markup:
    """Return a text as markup: without secrets, escaped, and with odd characters made visible."""
    shown = _ODD.sub(lambda found: f"\\x{ord(found[0]):02x}", redact(value))
    return Markup(html.escape(shown, quote=True))


def element(name: str, /, *children: Child, **attributes: str | float | bool | None) -> Markup:
    """Return an element.

    Args:
        name: The element's.
        children: What is in it: texts, which are escaped, and markup, which is not; None is left out.
        attributes: By name, in which `_` stands for `-`, and `class_` for `class`; None and False leave one
            out, True gives it no value.
    """
    written = "".join(
        f" {_attribute(key)}" if value is True else f' {_attribute(key)}="{text(_value(value))}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(*children)}</{name}>")


def join(*children: Child) -> Markup:
    """Return texts, which are escaped, and markup, one after the other."""
    return Markup("".join(c if isinstance(c, Markup) else text(c) for c in children if c is not None))


def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _value(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"
