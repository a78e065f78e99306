"""Incoming webhooks: a URL that posts to one channel, and can do nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from longshore import ConfigurationError, register_secret
from longshore_slack.answers import check_webhook
from longshore_slack.connections import check_url
from longshore_slack.errors import SlackNotFoundError, SlackRefusedError, SlackUnauthorizedError
from longshore_slack.texts import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longshore import Secret
    from longshore_slack.connections import SlackConnection


def post(connection: SlackConnection, webhook: Secret, payload: Mapping[str, Any], what: str) -> None:
    """Post to a webhook.

    Args:
        connection: Timeouts and the proxy.
        webhook: The URL.
        payload: `text` and `blocks`.
        what: What is being done, for messages.

    Raises:
        SlackError: It failed.
    """
    from urllib.request import Request

    from longshore_slack.transport import exchange

    request = Request(  # noqa: S310 - looked at in _url
        _url(webhook),
        data=json.dumps(clean(dict(payload))).encode(),
        headers={"Content-Type": "application/json; charset=utf-8", "User-Agent": "longshore"},
        method="POST",
    )
    answer = exchange(connection, request, what)
    check_webhook(answer, what, webhook)


def probe(connection: SlackConnection, webhook: Secret, what: str) -> None:
    """Return when a webhook answers; nothing is posted.

    An empty payload is refused with `no_text` or `invalid_payload` by a webhook that exists.

    Raises:
        SlackError: It does not, or is not there any more.
    """
    try:
        post(connection, webhook, {}, what)
    except (SlackNotFoundError, SlackUnauthorizedError):
        raise
    except SlackRefusedError as error:
        if error.error not in ("no_text", "invalid_payload", "missing_text_or_fallback_or_attachments"):
            raise


def _url(webhook: Secret) -> str:
    """Return the URL, of which from now on no part is shown."""
    url = webhook.get().strip()
    try:
        check_url(f"the webhook of {webhook}", url, shown=False)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{error}; copy the webhook's URL, https://hooks.slack.com/services/..., from the app's settings"
        ) from None
    path = url.partition("://")[2].partition("/")[2]
    if len(path) > 3:
        register_secret(url)
        register_secret(f"/{path}")
    return url
