"""One call to a channel: what it came to, also when nobody knows."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from longshore import deadlines
from longshore.alerts.errors import DeliveryError
from longshore.alerts.messages import Receipt
from longshore.alerts.wording import AGAIN
from longshore.errors import error_text
from longshore.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore.alerts.channels import Channel
    from longshore.alerts.messages import Message

T = TypeVar("T")

LONGEST_CALL: Final = 60.0
"""Seconds after which a call that does not return is left behind."""
_MOST_DOUBTS: Final = 2
"""Calls of which nobody knows whether they did something, after which there is no other one."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call came to: a receipt, or an error.

    Attributes:
        receipt: Where the message is; None when the call failed.
        error: Why it failed.
        given_up: It may have arrived twice already, so it is not sent again.
        again: It may have arrived once before, and was marked so.
    """

    receipt: Receipt | None = None
    error: DeliveryError | None = None
    given_up: bool = False
    again: bool = False

    @property
    def uncertain(self) -> bool:
        """Whether it may have done what it was to do."""
        return self.error is not None and self.error.uncertain


def make_call(
    channel: Channel,
    message: Message,
    perform: Callable[[Message], Receipt | str | None],
    *,
    doubts: int = 0,
    can_be_found: bool = True,
) -> Outcome:
    """Call a channel, which must not do anything twice.

    Args:
        channel: The channel.
        message: What to show.
        perform: Shows it.
        doubts: How many calls were made for it of which nobody knows whether they did it.
        can_be_found: Whether `channel.find` would see it.
    """
    again = False
    try:
        if doubts:
            found = _asked(lambda: _look(channel, message)) if can_be_found and channel.finds else None
            if isinstance(found, Receipt):
                return Outcome(found)
            if found is None:  # nobody can tell
                if doubts >= _MOST_DOUBTS:
                    return Outcome(given_up=True)
                _asked(lambda: _bounded(channel.probe))
                again = True
                message = dataclasses.replace(message, notes=(*message.notes, AGAIN))
        return Outcome(_receipt(_bounded(lambda: perform(message))), again=again)
    except DeliveryError as error:
        return Outcome(error=error)
    except TimeoutError as error:  # ours, or one of a channel that did not say more
        return Outcome(error=DeliveryError(f"no answer: {redact(error_text(error))}", uncertain=True))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a channel of the user's may raise anything
        return Outcome(error=DeliveryError(redact(f"{type(error).__name__}: {error_text(error)}")))


def _look(channel: Channel, message: Message) -> Receipt | bool | None:
    """Return where a message is, False when it never arrived, None when that cannot be seen."""
    try:
        return _bounded(lambda: channel.find(message)) or False
    except DeliveryError as error:
        if error.retryable:
            raise
        return None


def _asked(question: Callable[[], T]) -> T:
    """Ask something that shows nothing to anybody, so that a failure leaves no doubt."""
    try:
        return question()
    except DeliveryError as error:
        raise DeliveryError(str(error), retryable=error.retryable, retry_after=error.retry_after) from error
    except TimeoutError as error:
        raise DeliveryError(f"no answer: {redact(error_text(error))}") from error


def _bounded(call: Callable[[], T]) -> T:
    return deadlines.call_within(call, LONGEST_CALL)


def _receipt(answer: Receipt | str | None) -> Receipt:
    if isinstance(answer, Receipt):
        return answer if answer.time else dataclasses.replace(answer, time=time.time())
    return Receipt(id=answer or "", time=time.time())
