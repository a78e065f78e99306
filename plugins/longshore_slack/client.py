"""`Slack`: what tasks and channels ask of a workspace. Here and in `webclients.py` the SDK's client is met.

There is one client for each process and connection. Nothing is repeated here: a task's own retries, and the
alerts' own deliveries, are the only ones.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any, Final, cast

from longshore import redact, register_secret, require
from longshore_slack.errors import (
    SlackError,
    SlackRateLimitedError,
    SlackRefusedError,
    SlackUnauthorizedError,
)
from longshore_slack.texts import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from longshore_slack.connections import SlackConnection
    from longshore_slack.webclients import CheckedClient

_MOST_CLIENTS: Final = 32
_MOST_PAGES: Final = 1_000
_clients: dict[tuple[int, SlackConnection], tuple[tuple[str, str], CheckedClient]] = {}


class Slack:
    """A workspace.

    Args:
        connection: How to reach it.
        patience: Seconds that a list in pages may wait in all where Slack asks to be left alone.
    """

    def __init__(self, connection: SlackConnection, *, patience: float = 0.0) -> None:
        self.connection = connection
        self._patience = patience

    def ask(self, method: str, what: str, **arguments: Any) -> dict[str, Any]:
        """Call a method of the Web API that changes nothing people see, and return its answer.

        It can be called again, so its errors are never `uncertain`. See `act` for the rest.
        """
        return self._surely(method, what, arguments)[0]

    def act(self, method: str, what: str, **arguments: Any) -> dict[str, Any]:
        """Call a method of the Web API and return its answer.

        Args:
            method: As the SDK calls it: `chat_postMessage`.
            what: What is being done, for messages: `post to '#data'`.
            arguments: The method's own; those that are None are left out.

        Raises:
            SlackError: It failed.
        """
        return self._ask(method, what, arguments)[0]

    def scopes(self, what: str) -> tuple[dict[str, Any], frozenset[str]]:
        """Return what `auth.test` says of the token, and its scopes."""
        answer, headers = self._surely("auth_test", what, {})
        lower = {name.lower(): value for name, value in headers.items()}
        names = (name.strip() for name in lower.get("x-oauth-scopes", "").split(","))
        return answer, frozenset(filter(None, names))

    def pages(self, method: str, what: str, key: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        """Yield the items of a list that comes in pages.

        Args:
            method: As the SDK calls it.
            what: What is being done, for messages.
            key: Where the items stand in an answer.
            arguments: The method's own.
        """
        ends, cursor, seen = time.monotonic() + self._patience, "", set[str]()
        while True:
            answer = self._patiently(method, what, {**arguments, "cursor": cursor or None}, ends)
            yield from cast("list[dict[str, Any]]", answer.get(key) or [])
            metadata: Mapping[str, Any] = answer.get("response_metadata") or {}
            cursor = str(metadata.get("next_cursor") or "")
            if not cursor:
                return
            if cursor in seen or len(seen) >= _MOST_PAGES:
                raise SlackRefusedError(f"cannot {what}: the pages of the list do not end")
            seen.add(cursor)

    def _patiently(self, method: str, what: str, arguments: dict[str, Any], ends: float) -> dict[str, Any]:
        from longshore_slack.pauses import pause

        while True:
            try:
                return self._surely(method, what, arguments)[0]
            except SlackRateLimitedError as error:
                wait = error.retry_after or 1.0
                if time.monotonic() + wait > ends:
                    raise
            pause(wait, what)

    def _surely(
        self, method: str, what: str, arguments: Mapping[str, Any]
    ) -> tuple[dict[str, Any], Mapping[str, str]]:
        try:
            return self._ask(method, what, arguments)
        except SlackError as error:
            error.uncertain = False
            raise

    def _ask(
        self, method: str, what: str, arguments: Mapping[str, Any]
    ) -> tuple[dict[str, Any], Mapping[str, str]]:
        client = client_for(self.connection, what)
        from longshore_slack.webclients import SlackClientError

        given = {name: clean(value) for name, value in arguments.items() if value is not None}
        failure: SlackError
        try:
            with client.doing(what):
                response = getattr(client, method)(**given)
                return response.data, response.headers
        except SlackError as error:
            failure = error
        except SlackClientError as error:  # a block that the SDK's own models refuse, say
            failure = SlackRefusedError(f"cannot {what}: {redact(str(error))[:500]}")
        # Without its traceback, whose frames hold the request with its token.
        raise failure.with_traceback(None)


def client_for(connection: SlackConnection, what: str) -> CheckedClient:
    """Return this process's client for a connection; a forked process makes its own.

    Raises:
        SlackUnauthorizedError: The token cannot be one.
        MissingExtraError: The SDK is not installed.
    """
    token, url = _token(connection, what), connection.api_url
    key = (os.getpid(), connection)
    known = _clients.get(key)
    if known is None or known[0] != (token, url):  # a token that was changed is followed
        require("slack_sdk", extra="slack")
        from longshore_slack.webclients import CheckedClient

        with _lock:
            known = _clients[key] = (token, url), CheckedClient(connection, token)
            for oldest in list(_clients)[:-_MOST_CLIENTS]:
                _clients.pop(oldest, None)
    return known[1]


_lock = threading.Lock()
os.register_at_fork(after_in_child=lambda: globals().update(_lock=threading.Lock()))


def _token(connection: SlackConnection, what: str) -> str:
    token = connection.token.get().strip()
    register_secret(token)
    if token.isascii() and token.isprintable() and " " not in token:
        return token
    del token  # tracebacks may show the values of names
    raise SlackUnauthorizedError(
        f"cannot {what}: what {connection.token} holds cannot be a token; "
        "copy the Bot User OAuth Token, xoxb-..., from the app's settings"
    )
