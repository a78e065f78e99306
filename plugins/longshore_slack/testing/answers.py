"""Requests and answers of the test server, in the words of Slack's Web API."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """One request.

    Args:
        verb: Of HTTP: `POST`.
        path: Without the query, as it was sent.
        query: What stands behind the question mark, as it was sent.
        headers: With names in lower case.
        body: Its bytes.
        base: The server's own address, as the client knows it.
    """

    verb: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes = b""
    base: str = ""

    def header(self, name: str) -> str:
        """Return a header by its name in lower case; empty if it was not sent."""
        return self.headers.get(name, "")


@dataclass
class Answer:
    """What the server sends back."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""


class SlackSaysNo(Exception):  # noqa: N818 - not an error of the server
    """An answer of the Web API that is not ok.

    Args:
        word: Slack's word for it: `channel_not_found`.
        messages: What is said of it in `response_metadata`.
        more: More of the answer.
    """

    def __init__(self, word: str, *messages: str, **more: Any) -> None:
        super().__init__(word)
        self.word, self.messages, self.more = word, messages, more

    def answer(self) -> Answer:
        """Return it as the Web API sends it: with status 200."""
        found: Json = {"ok": False, "error": self.word, **self.more}
        if self.messages:
            found["response_metadata"] = {"messages": list(self.messages)}
        return as_json(found)


def as_json(value: Json, status: int = 200) -> Answer:
    """Return JSON."""
    headers = {"Content-Type": "application/json; charset=utf-8", "X-Slack-Req-Id": secrets.token_hex(16)}
    return Answer(status, headers, json.dumps(value).encode())


def as_text(text: str, status: int = 200) -> Answer:
    """Return a text, as webhooks do."""
    return Answer(status, {"Content-Type": "text/html"}, text.encode())
