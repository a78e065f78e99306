"""Patterns for names: `*.csv`, `2013/**/*.csv`."""

from __future__ import annotations

import re
from typing import Final

from longshore import ConfigurationError

_TOKENS: Final = re.compile(r"\*\*/|\*\*|\*|\?|\[[!^]?\]?[^\]]*\]|.", re.DOTALL)
_SPECIAL: Final = re.compile(r"[*?\[]")


class Pattern:
    """Tells which names fit.

    Without a slash it is compared with the last part of a name alone, with one with all of it. `*` and `?`
    stand for anything but a slash, `[a-f]` for one of these, `**` for any folders. One that ends in a slash
    stands for all below such a folder.

    Args:
        text: The pattern.
    """

    def __init__(self, text: str) -> None:
        if not text or text.startswith("/"):
            raise ConfigurationError(
                f"cannot use the pattern {text!r}: write one such as '*.csv' or '2013/**/*.csv', without '/' "
                "at its beginning"
            )
        whole = f"{text}**" if text.endswith("/") else text
        self._only_name = "/" not in whole
        try:
            self._rule = re.compile("".join(map(_translated, _TOKENS.findall(whole))), re.DOTALL)
        except re.error as error:
            raise ConfigurationError(f"cannot use the pattern {text!r}: {error}") from error
        special = _SPECIAL.search(whole)
        self.beginning = "" if self._only_name else whole[: special.start() if special else None]
        """What every name that fits begins with, so that a service need not list the others."""

    def fits(self, name: str) -> bool:
        """Tell whether a name fits."""
        return self._rule.fullmatch(name.rpartition("/")[2] if self._only_name else name) is not None


def _translated(token: str) -> str:
    if token == "**/":  # noqa: S105 - no password
        return "(?:[^/]+/)*"
    if len(token) > 1 and token.startswith("["):
        inside = token[1:-1].replace("\\", r"\\")
        negated = inside[:1] in ("!", "^")
        return f"(?!/)[{'^' if negated else ''}{inside[negated:]}]"
    return {"**": ".*", "*": "[^/]*", "?": "[^/]"}.get(token) or re.escape(token)
