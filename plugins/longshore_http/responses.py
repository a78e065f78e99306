"""`HttpResponse`: an answer that has come whole, as a value."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from longshore_http.errors import AnswerError, HttpError, TooLarge
from longshore_http.masking import show_text

if TYPE_CHECKING:
    from longshore_http.client import Answer
    from longshore_http.headers import Headers


@dataclass(frozen=True, kw_only=True)
class HttpResponse:
    """An answer.

    Args:
        status: The status code.
        headers: By name, in any case.
        url: What answered in the end, without passwords, tokens and signatures in it.
        elapsed: Seconds from the start until the last byte, redirects included.
        body: The bytes, decompressed.
    """

    status: int
    headers: Headers[str]
    url: str
    elapsed: float
    body: bytes = field(default=b"", repr=False)

    @property
    def text(self) -> str:
        """The body in the charset that the server names, else UTF-8; U+FFFD for what cannot be decoded."""
        charset = self.headers.get("Content-Type", "").lower().partition("charset=")[2]
        try:
            return self.body.decode(charset.split(";")[0].strip(" \"'") or "utf-8-sig", "replace")
        except (LookupError, ValueError):
            return self.body.decode("utf-8-sig", "replace")

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            AnswerError: It is not JSON.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            seen = show_text(self.body, 200)
            why = str(error) if isinstance(error, ValueError) else "it is nested too deeply"
            raise AnswerError(
                f"cannot read the answer of {self.url!r} as JSON: {why}; it begins {seen!r}"
            ) from None


def read_response(answer: Answer, max_size: int) -> HttpResponse:
    """Read an answer to its end.

    Raises:
        TooLarge: It has more than `max_size` bytes.
    """
    if (answer.length or 0) > max_size and answer.request.method != "HEAD":
        raise _too_large(answer, max_size, f"{answer.length} bytes are announced")
    body = bytearray()
    for chunk in answer.chunks():
        body += chunk
        if len(body) > max_size:
            raise _too_large(answer, max_size, "more bytes came")
    return HttpResponse(
        status=answer.status,
        headers=answer.headers,
        url=answer.url,
        elapsed=time.monotonic() - answer.began,
        body=bytes(body),
    )


def read_excerpt(answer: Answer, limit: int = 64 * 1024) -> bytes:
    """Return the beginning of the body of an answer that is an error already, whatever else goes wrong."""
    body = bytearray()
    try:
        for chunk in answer.chunks():
            body += chunk
            if len(body) >= limit:
                break
    except HttpError:
        pass
    return bytes(body[:limit])


def _too_large(answer: Answer, max_size: int, seen: str) -> TooLarge:
    return TooLarge(
        f"cannot {answer.request.label}: {seen}, and max_size is {max_size}; raise it, or use HttpDownload"
    )
