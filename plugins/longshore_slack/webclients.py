"""The SDK's client, with a transport of our own; imported late, by `client.py` alone."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from slack_sdk import WebClient
from slack_sdk.errors import SlackClientError

from longshore_slack.answers import checked
from longshore_slack.transport import exchange

if TYPE_CHECKING:
    from collections.abc import Generator
    from urllib.request import Request

    from longshore_slack.connections import SlackConnection

__all__ = ["CheckedClient", "SlackClientError"]


def _silent() -> logging.Logger:
    """Return a logger that says nothing to anybody: the SDK logs requests, texts and URLs."""
    logger = logging.Logger("longshore_slack", logging.CRITICAL + 1)
    logger.disabled = True
    return logger


_LOGGER: Final = _silent()


class CheckedClient(WebClient):
    """A `WebClient` whose every answer says `ok`; whatever else comes is raised as a `SlackError`.

    All threads of a process share one: nothing in it changes but what each thread is doing.
    """

    def __init__(self, connection: SlackConnection, token: str) -> None:
        super().__init__(  # pyright: ignore[reportUnknownMemberType]
            token=token,
            base_url=connection.api_url,
            timeout=round(connection.read_timeout) or 1,
            logger=_LOGGER,
            retry_handlers=[],
        )
        self._connection = connection
        self._doing = threading.local()

    @contextmanager
    def doing(self, what: str) -> Generator[None]:
        """Have messages say what could not be done."""
        self._doing.what = what
        try:
            yield
        finally:
            self._doing.what = ""

    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
        what = getattr(self._doing, "what", "") or "ask Slack"
        answer = exchange(self._connection, req, what)
        checked(answer, what, self._connection.token)
        return {"status": answer.status, "headers": answer.headers, "body": answer.body.decode()}
