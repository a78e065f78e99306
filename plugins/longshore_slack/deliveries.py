"""From errors of Slack to those of a channel of alerts."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from longshore import DeliveryError
from longshore_slack.errors import SlackError, SlackNotFoundError, SlackUnauthorizedError

if TYPE_CHECKING:
    from collections.abc import Generator

_GONE: Final = frozenset({"cant_update_message", "edit_window_closed", "message_not_found"})


@contextmanager
def delivered(*, editing: bool = False, looking: bool = False) -> Generator[None]:
    """Turn errors of Slack into `DeliveryError`.

    Args:
        editing: Whether a message is changed; one that cannot be changed any more is given up, while a token
            that is not accepted may be by and by.
        looking: Whether nothing is shown to anybody, so that no doubt is left.
    """
    try:
        yield
    except SlackError as error:
        failure = DeliveryError(
            str(error),
            retryable=_retryable(error, editing=editing),
            retry_after=error.retry_after,
            uncertain=error.uncertain and not looking,
        )
        failure.__cause__ = error
    else:
        return
    raise failure


def _retryable(error: SlackError, *, editing: bool) -> bool:
    if not editing:
        return error.retryable
    if isinstance(error, SlackUnauthorizedError):
        return True
    return error.error not in _GONE and (error.retryable or isinstance(error, SlackNotFoundError))
