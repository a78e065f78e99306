"""The forms in which a secret's text may show up: quoted, encoded, escaped, in parts.

Everything is bytes, UTF-8 for text, because that is what redaction searches. A form is exact: what somebody
else encodes twice, compresses, encrypts, spells in UTF-16 or splits by a rule of their own is not recognised.
"""

from __future__ import annotations

import itertools
import string
from binascii import b2a_base64
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORTEST: Final = 4
"""Characters; a shorter secret would mask half of every text."""
LONGEST_FORM: Final = 256
"""Bytes; a longer form is searched in pieces, so a stream never waits for more than this to decide."""
_SHORTEST_FIELD: Final = 8
"""Characters of a string in a JSON document that count as a secret of their own."""
_WRAPPED: Final = 76, 64
"""Columns at which `base64`, MIME and PEM start a new line."""
_FOR_URLS: Final = bytes.maketrans(b"+/", b"-_")

_UNRESERVED: Final = frozenset(f"{string.ascii_letters}{string.digits}_.-~")
_LEFT_BY_QUOTING: Final = (
    "",  # urllib.parse.quote(safe=""), quote_plus
    "/",  # urllib.parse.quote
    "!'()*",  # JavaScript's encodeURIComponent
    "!#$%&'()*+,/:;=?@[]~",  # what requests leaves in a URL
)
_PERCENT_TABLES: Final = tuple(
    [chr(byte) if chr(byte) in _UNRESERVED.union(left) else code.format(byte) for byte in range(256)]
    for left in _LEFT_BY_QUOTING
    for code in ("%{:02X}", "%{:02x}")
)
_JSON_IN_HTML: Final = {ord(mark): f"\\u{ord(mark):04x}" for mark in "<>&"}
"""As Go and many templates write JSON."""
_QUOTES: Final = ('"', "&quot;", "&#34;", "&#x22;")
_APOSTROPHES: Final = ("'", "&apos;", "&#39;", "&#x27;")


def parts(value: str) -> set[str]:
    """Return the texts to mask for one secret: the whole, its lines, a document's strings, a URL's password.

    White space around a text is left out. A text of fewer than four characters is not masked.
    """
    core = value.strip()
    found = {core if len(core) >= SHORTEST else value} if core else set[str]()
    lines = [line.strip() for line in core.splitlines()]
    found.update(lines, *map(_passwords, lines))
    for text in _document_strings(core):
        found |= parts(text)
    return {part for part in found if len(part) >= SHORTEST}


def forms(part: str) -> set[bytes]:
    """Return every spelling of one text that redaction searches, none longer than `LONGEST_FORM`."""
    data = _raw(part)
    found = {data, data.hex().encode(), data.hex().upper().encode(), *_base64(data)}
    if not _UNRESERVED.issuperset(part):
        for text in {part, *_percent(data), *_json(part), *_reprs(part, data), *_markup(part), *_shell(part)}:
            found.add(_raw(text))
            if not text.isascii():
                found.add(text.encode("utf-8", "surrogatepass"))
    long = {form for form in found if len(form) > LONGEST_FORM}
    return (found - long).union(*map(_pieces, long)) if long else found


def _raw(text: str) -> bytes:
    """Encode text; a byte that was no UTF-8 (see PEP 383) becomes itself again."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _pieces(form: bytes) -> list[bytes]:
    starts = range(0, len(form) - LONGEST_FORM, LONGEST_FORM)
    return [*(form[start : start + LONGEST_FORM] for start in starts), form[-LONGEST_FORM:]]


def _passwords(text: str) -> set[str]:
    """Return the password of a URL, as it is written and decoded."""
    user, colon, password = text.partition("://")[2].partition(":")
    if not colon or any(mark in user for mark in "/?#"):
        return set()
    for end in "/?#":
        password = password.partition(end)[0]
    password, at, _ = password.rpartition("@")
    if not at:
        return set()
    from urllib.parse import unquote

    return {password, unquote(password)}


def _document_strings(value: str) -> Iterator[str]:
    """Yield the long strings of a secret that is a JSON document, such as a cloud's service account key."""
    if not value.startswith(("{", "[")):
        return
    import json

    try:
        waiting: list[Any] = [json.loads(value)]
    except (ValueError, RecursionError):
        return
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
        elif isinstance(item, str) and len(item) >= _SHORTEST_FIELD:
            yield item


def _base64(data: bytes) -> set[bytes]:
    """Return the encodings alone, at each of the three places inside a longer text, and in wrapped lines."""
    alone = b2a_base64(data, newline=False)
    # Only characters that the secret alone decides: the neighbours share the others.
    inside = [
        b2a_base64(bytes(shift) + data + bytes(2), newline=False)[first : (shift + len(data)) * 4 // 3]
        for shift, first in enumerate((0, 2, 3))
    ]
    found = {alone, alone.rstrip(b"="), *inside}
    if len(alone) > min(_WRAPPED):
        found |= {line for whole in (alone, inside[0]) for line in _wrapped(whole)}
    return found | {form.translate(_FOR_URLS) for form in found}


def _wrapped(encoded: bytes) -> Iterator[bytes]:
    for width in _WRAPPED:
        for start in range(0, len(encoded), width):
            line = encoded[start : start + width]
            if len(line) >= _SHORTEST_FIELD:
                yield line


def _percent(data: bytes) -> set[str]:
    found = {"".join([table[byte] for byte in data]) for table in _PERCENT_TABLES}
    return found | {text.replace("%20", "+") for text in found}


def _json(part: str) -> set[str]:
    import json

    found = {json.dumps(part, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    found |= {text.replace("/", "\\/") for text in found}
    return found | {text.translate(_JSON_IN_HTML) for text in found}


def _reprs(part: str, data: bytes) -> set[str]:
    """Return what `repr` and `ascii` show; the text around decides whether they escape apostrophes."""
    shown = [[spell('"' + piece)[2:-1] for piece in part.split("'")] for spell in (repr, ascii)]
    shown.append([repr(b'"' + piece)[3:-1] for piece in data.split(b"'")])
    return {mark.join(pieces) for pieces in shown for mark in ("'", "\\'")}


def _markup(part: str) -> set[str]:
    """Return the text as XML and HTML writers escape it."""
    base = part.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    spellings = itertools.product(
        _QUOTES if '"' in part else _QUOTES[:1], _APOSTROPHES if "'" in part else _APOSTROPHES[:1]
    )
    found = {base.replace('"', quote).replace("'", apostrophe) for quote, apostrophe in spellings}
    return found | {text.encode("ascii", "xmlcharrefreplace").decode() for text in found}


def _shell(part: str) -> set[str]:
    """Return how an apostrophe inside a quoted word looks from `shlex.quote` and from `bash -x`."""
    return {part.replace("'", spelling) for spelling in ("'\"'\"'", "'\\''")}
