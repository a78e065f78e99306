"""How a server cuts a list into pages, and how to find the next one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from longshore_http.answers import MISSING, find
from longshore_http.connections import join

_LINK: Final = re.compile(r"<([^>]*)>((?:\s*;\s*[^\s=;,]+\s*=\s*(?:\"[^\"]*\"|[^\s;,\"]+))*)")
_REL: Final = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.IGNORECASE)

Params: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page as it came.

    Args:
        url: What was asked, without `params`.
        answered: What answered, which relative links are relative to.
        params: The query that was added.
        link: The answer's Link header; empty if there is none.
        value: The answer's JSON.
        count: The items on it.
        number: Which page it is, from 0.
    """

    url: str
    answered: str
    params: Params
    link: str
    value: Any
    count: int
    number: int


@dataclass(frozen=True, kw_only=True)
class LinkHeader:
    """The next page is the Link header's `rel="next"`, as RFC 8288 says and GitHub does."""

    rel: str = "next"

    def first(self, params: Params) -> Params:
        """Return the query of the first page."""
        return params

    def following(self, page: Page) -> tuple[str, Params] | None:
        """Return URL and query of the next page; None after the last."""
        for target, attributes in _LINK.findall(page.link):
            rel = _REL.search(attributes)
            if rel and self.rel.lower() in (rel[1] or rel[2]).lower().split():
                return join(page.answered, target), ()
        return None


@dataclass(frozen=True, kw_only=True)
class NextUrl:
    """The next page's URL stands in the answer.

    Args:
        path: Where: `next`, `links.next`.
    """

    path: str = "next"

    def first(self, params: Params) -> Params:
        """Return the query of the first page."""
        return params

    def following(self, page: Page) -> tuple[str, Params] | None:
        """Return URL and query of the next page; None after the last."""
        target = find(page.value, self.path)
        return (join(page.answered, target), ()) if isinstance(target, str) and target else None


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """The answer has a word that asks for the next page.

    Args:
        path: Where the word stands: `next_cursor`, `meta.next`.
        parameter: The query's name for it.
    """

    path: str = "next_cursor"
    parameter: str = "cursor"

    def first(self, params: Params) -> Params:
        """Return the query of the first page."""
        return params

    def following(self, page: Page) -> tuple[str, Params] | None:
        """Return URL and query of the next page; None after the last."""
        cursor = find(page.value, self.path)
        if cursor is MISSING or cursor is None or isinstance(cursor, bool) or cursor == "":
            return None
        return page.url, _with(page.params, self.parameter, cursor)


@dataclass(frozen=True, kw_only=True)
class PageNumber:
    """Pages have numbers; one without items is after the last.

    Args:
        parameter: The query's name for the number.
        start: The first page's number.
    """

    parameter: str = "page"
    start: int = 1

    def first(self, params: Params) -> Params:
        """Return the query of the first page."""
        return _with(params, self.parameter, self.start)

    def following(self, page: Page) -> tuple[str, Params] | None:
        """Return URL and query of the next page; None after the last."""
        number = self.start + page.number + 1
        return (page.url, _with(page.params, self.parameter, number)) if page.count else None


@dataclass(frozen=True, kw_only=True)
class Offset:
    """Pages begin at an item's number; one without items is after the last.

    A page with fewer items than asked for is not taken for the last: servers have limits of their own.

    Args:
        parameter: The query's name for the offset.
        limit_parameter: Its name for the size; empty to send none.
        size: Items asked for in one page.
    """

    parameter: str = "offset"
    limit_parameter: str = "limit"
    size: int = 100

    def first(self, params: Params) -> Params:
        """Return the query of the first page."""
        with_size = _with(params, self.limit_parameter, self.size) if self.limit_parameter else params
        return _with(with_size, self.parameter, 0)

    def following(self, page: Page) -> tuple[str, Params] | None:
        """Return URL and query of the next page; None after the last."""
        offset = int(dict(page.params).get(self.parameter, "0")) + page.count
        return (page.url, _with(page.params, self.parameter, offset)) if page.count else None


Paging: TypeAlias = LinkHeader | NextUrl | Cursor | PageNumber | Offset


def _with(params: Params, name: str, value: Any) -> Params:
    return (*(pair for pair in params if pair[0] != name), (name, str(value)))
