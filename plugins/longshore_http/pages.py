"""`HttpPages`: a list that comes in pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from longshore import ConfigurationError, Delay, Exponential, Secret, Task, current, field
from longshore_http.answers import MISSING, find
from longshore_http.bodies import Fields, pairs
from longshore_http.client import Request
from longshore_http.connections import HttpConnection, checked_headers
from longshore_http.errors import AnswerError, HttpError, TooLarge
from longshore_http.masking import show_text, show_url
from longshore_http.paging import LinkHeader, Page, Paging
from longshore_http.pauses import Pauses
from longshore_http.request import NO_HEADERS, MiB, fetch_from
from longshore_http.statuses import SUCCESSFUL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from longshore_http.responses import HttpResponse


class HttpPages(Task[list[Any]]):
    """Get a list that comes in pages, one page after the other; the result is the list of all items.

    No page is asked for after `max_items` have come. A page that fails is asked for again by itself, so that
    a long list need not begin anew; what is worth another attempt is as in `HttpCall`. If the pages lead to
    another host, the credentials stay behind.

    Args:
        paging: `LinkHeader()`, `NextUrl(path=...)`, `Cursor(path=..., parameter=...)`, `PageNumber()` or
            `Offset()`.
        items: Where the items stand in a page's JSON: `data.items`; empty if the page is a list itself.
        max_items: Return the first so many only; None for all.
        max_pages: More pages than this are an error: the list has no end, or is larger than anybody thought.
        page_retries: Times that one page is asked for again.
        page_delay: Seconds before that, an `Exponential`, or a callable from the failed attempt's number to
            seconds.
        connection: How to reach the server, and who we are.
        headers: Sent over the connection's; values may be a `Secret`.
        max_size: Bytes that one page may have.

    Example:
        >>> HttpPages(items="data", paging=Cursor(path="next", parameter="after"))("https://api.example.com/orders")
        [{'item': 7}, {'item': 8}]
    """

    paging: Paging = field(default=LinkHeader(), kw_only=False)
    items: str = ""
    max_items: int | None = None
    max_pages: int = 1000
    page_retries: int = 3
    page_delay: Delay = Exponential(base=0.5, cap=30.0)
    connection: HttpConnection = HttpConnection()
    headers: Mapping[str, str | Secret] = NO_HEADERS
    max_size: int = 16 * MiB

    def check(self) -> None:
        object.__setattr__(self, "headers", checked_headers(self.headers, self.name))
        for name, least in (("max_pages", 1), ("page_retries", 0), ("max_items", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ConfigurationError(f"{self.name}({name}={value!r}): give {least} or more")

    def run(self, url: str | Secret, *, params: Fields | None = None) -> list[Any]:
        """Get the list.

        Args:
            url: Of the first page; absolute, or relative to the connection's `base_url`; a `Secret` where it
                is a credential.
            params: Added to its query.

        Raises:
            TooLarge: There are more than `max_pages` pages.
            AnswerError: A page has no list where `items` says, or leads back to a page before it.
            HttpError: A page could not be had.
        """
        found: list[Any] = []
        if self.max_items == 0:
            return found
        for page in self._pages(self.connection.resolve(url), params or {}):
            found += page
            current.progress(done=len(found), unit="items")
            if self.max_items is not None and len(found) >= self.max_items:
                return found[: self.max_items]
        return found

    def _pages(self, url: str, params: Fields) -> Iterator[list[Any]]:
        """Yield the items of each page; the next is asked for only when it is wanted."""
        start, seen = url, set[object]()
        following: tuple[str, tuple[tuple[str, str], ...]] | None = (
            url,
            self.paging.first(tuple(pairs(params))),
        )
        with Pauses(f"GET the pages of {show_url(url)!r}") as pauses:
            while following is not None:
                request = Request(
                    connection=self.connection,
                    url=following[0],
                    params=following[1],
                    headers=self.headers,
                    start=start,
                )
                if following in seen:
                    raise AnswerError(
                        f"cannot {request.label}: the page before leads back to it, so there is no end"
                    )
                if len(seen) >= self.max_pages:
                    raise TooLarge(
                        f"cannot {request.label}: there are more than {self.max_pages} pages; "
                        "raise max_pages, or give max_items"
                    )
                response, answered = self._fetch(request, pauses)
                value, items = self._read(request, response)
                page = Page(
                    url=request.url,
                    answered=answered,
                    params=request.params,
                    link=response.headers.get("Link", ""),
                    value=value,
                    count=len(items),
                    number=len(seen),
                )
                seen.add(following)
                yield items
                following = self.paging.following(page)

    def _fetch(self, request: Request, pauses: Pauses) -> tuple[HttpResponse, str]:
        attempt = 0
        while True:
            attempt += 1
            try:
                return fetch_from(request, SUCCESSFUL, self.max_size)
            except HttpError as error:
                if not error.retryable or attempt > self.page_retries:
                    raise
                current.log.warning("%s; attempt %d of %d", error, attempt, self.page_retries + 1)
                delay = self.page_delay(attempt) if callable(self.page_delay) else self.page_delay
                wait = max(delay, error.retry_after or 0.0)
            pauses.wait(wait)

    def _read(self, request: Request, response: HttpResponse) -> tuple[Any, list[Any]]:
        value = response.json()
        items = find(value, self.items)
        if not isinstance(items, list):
            where = f"at {self.items!r}" if self.items else "as its JSON; say where with items=..."
            kind = "nothing" if items is MISSING else f"a {type(items).__name__}"
            raise AnswerError(
                f"cannot {request.label}: the page has {kind} and no list {where}; "
                f"it begins {show_text(response.body, 200)!r}"
            )
        return value, cast("list[Any]", items)
