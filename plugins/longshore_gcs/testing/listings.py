"""Listings.

Source: "Objects: list", JSON API reference; "List objects and prefixes using glob", Cloud Storage docs.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final

from longshore_gcs.testing.answers import Answer, ApiError, Request, as_json
from longshore_gcs.testing.conditions import shown

if TYPE_CHECKING:
    from longshore_gcs.testing.worlds import Bucket, Json, Stored

_GLOB: Final = re.compile(r"\*\*/?|\*|\?|\[!?[^\]]+\]|\{[^}]*\}|.", re.DOTALL)


def listed(request: Request, bucket: Bucket, page_size: int) -> Answer:
    """List objects in the order of their names' UTF-8 bytes, a page at a time."""
    query = request.query
    most = min(int(query.get("maxResults") or page_size), page_size)
    after = _token(query.get("pageToken", ""))
    items: list[Json] = []
    prefixes: list[str] = []
    last, more = b"", False
    for name, stored in _matching(bucket, query):
        group = _group(name, query)
        shown_as = (group or name).encode()
        if shown_as <= after or (group and group in prefixes):
            continue
        # Versions of one name are never parted by the end of a page.
        if len(items) + len(prefixes) >= most and shown_as != last:
            more = True
            break
        if group:
            prefixes.append(group)
        else:
            items.append(shown(stored, request))
        last = shown_as
    answer: Json = {"kind": "storage#objects"}
    if items:
        answer["items"] = items
    if prefixes:
        answer["prefixes"] = prefixes
    if more:
        answer["nextPageToken"] = base64.urlsafe_b64encode(last).decode()
    return as_json(answer)


def _token(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text.encode())
    except ValueError as error:
        raise ApiError("invalid", "Invalid Value") from error


def _matching(bucket: Bucket, query: dict[str, str]) -> list[tuple[str, Stored]]:
    """Return what prefix, offsets and glob leave, in order."""
    every = list(bucket.live.items())
    if query.get("versions", "").lower() == "true":
        every += [(name, one) for name, versions in bucket.old.items() for one in versions]
    start, end = query.get("startOffset", "").encode(), query.get("endOffset", "").encode()
    glob = re.compile(pattern(query["matchGlob"]), re.DOTALL) if query.get("matchGlob") else None
    left = [
        (name, stored)
        for name, stored in every
        if name.startswith(query.get("prefix", ""))
        and name.encode() >= start
        and (not end or name.encode() < end)
        and (glob is None or glob.fullmatch(name))
    ]
    return sorted(left, key=lambda pair: (pair[0].encode(), int(pair[1].generation)))


def _group(name: str, query: dict[str, str]) -> str:
    """Return the prefix that stands for a name; empty for the name itself."""
    delimiter, prefix = query.get("delimiter", ""), query.get("prefix", "")
    if not delimiter:
        return ""
    head, found, _ = name[len(prefix) :].partition(delimiter)
    return prefix + head + delimiter if found else ""


def pattern(glob: str) -> str:
    """Return the regular expression of a glob."""
    return "".join(map(_piece, _GLOB.findall(glob)))


def _piece(sign: str) -> str:
    if sign == "**/":
        return "(?:.*/)?"
    if sign == "**":
        return ".*"
    if sign in ("*", "?"):
        return "[^/]*" if sign == "*" else "[^/]"
    if sign[0] == "[" and len(sign) > 2:
        return (
            "["
            + ("^" if sign[1] == "!" else "")
            + re.escape(sign.strip("[]").lstrip("!")).replace(r"\-", "-")
            + "]"
        )
    if sign[0] == "{" and len(sign) > 1:
        return "(?:" + "|".join(pattern(choice) for choice in sign[1:-1].split(",")) + ")"
    return re.escape(sign)
