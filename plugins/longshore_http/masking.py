"""URLs and header values that may be shown: without passwords, tokens and signatures."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_plus, urlsplit, urlunsplit

from longshore import redact

MASK: Final = "***"
_SENSITIVE: Final = re.compile(
    r"token|secret|passw|pwd|sign|^sig$|auth|credential|cookie|session|jwt|assertion|api.?key|access.?key|^key$|^code$",
    re.IGNORECASE,
)


def is_sensitive(name: str) -> bool:
    """Whether a header or query parameter of this name usually carries a secret."""
    return _SENSITIVE.search(name) is not None


def show_url(url: str) -> str:
    """Return a URL that may be kept and shown: no user or password, no secret query value, no fragment."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:  # no URL; what stands before its @ may be a password
        return MASK if "@" in url else redact(url)
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{MASK}@{host}" if "@" in parts.netloc else host
    return redact(urlunsplit((parts.scheme, netloc, parts.path, _mask_query(parts.query), "")))


def _mask_query(query: str) -> str:
    shown: list[str] = []
    for pair in query.split("&"):
        name, equals, _ = pair.partition("=")
        shown.append(f"{name}={MASK}" if equals and is_sensitive(unquote_plus(name)) else pair)
    return "&".join(shown)


def show_text(data: bytes, limit: int = 500) -> str:
    """Return the beginning of a body as one line of text; secrets are masked before it is cut."""
    text = redact(" ".join(data.decode("utf-8", "replace").split()))
    return text if len(text) <= limit else f"{text[:limit]}..."
