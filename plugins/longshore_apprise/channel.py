"""`AppriseChannel`: alerts to any service that Apprise knows; `AppriseAlert`: the handler that tells it."""

from __future__ import annotations

import time
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ClassVar, cast, get_args

from longshore import Alert, Channel, ConfigurationError, DeliveryError, LongshoreError, Receipt, Secret
from longshore_apprise.client import Kind, Overflow, Parcel, check, notify
from longshore_apprise.errors import NotifyFailed

if TYPE_CHECKING:
    from typing import Unpack

    from longshore import AlertSettings, Message

_GOOD = ("recovered", "succeeded")


@dataclass(frozen=True)
class AppriseChannel(Channel):
    """One service that Apprise knows: PagerDuty, Teams, Discord, a hundred more.

    It can send, and no more: no edits, no threads, and nobody can ask whether a message arrived. What is new
    of an incident is another message.

    Args:
        name: What people call it.
        url: The Apprise URL, which is a secret: `Secret("env:PAGERDUTY_URL")`.
        overflow: What to do with what the service does not take: `cut` it and say so, or `split` it in
            several messages.

    Raises:
        ConfigurationError: The URL is no `Secret`.

    Example:
        >>> AppriseChannel("pagerduty", url=Secret("env:PAGERDUTY_URL"))
    """

    scheme: ClassVar[str] = "apprise"

    name: str
    _: KW_ONLY
    url: Secret
    overflow: Overflow = "cut"

    def __post_init__(self) -> None:
        if not isinstance(cast("object", self.url), Secret):
            raise ConfigurationError(
                f"AppriseChannel({self.name!r}, url=...) takes a Secret, as the URL holds credentials; "
                'write url=Secret("env:APPRISE_URL")'
            )
        if self.overflow not in get_args(Overflow):
            raise ConfigurationError(f"AppriseChannel(overflow={self.overflow!r}): give 'cut' or 'split'")

    def send(self, message: Message) -> Receipt:
        """Send a message.

        Raises:
            DeliveryError: The service did not take it, or may have.
        """
        parcel = Parcel(
            title=" ".join(f"{message.mark} {message.title}".split()),
            body=_head(message),
            tail="\n\n".join(f"{detail.title}:\n{detail.text}" for detail in message.details),
            kind=_kind(message),
            overflow=self.overflow,
        )
        try:
            notify(self.url.get(), parcel)
        except NotifyFailed as error:
            raise DeliveryError(str(error), retryable=error.retryable, uncertain=error.uncertain) from error
        except LongshoreError as error:
            raise DeliveryError(str(error), retryable=False) from error
        return Receipt(time=time.time())

    def probe(self) -> None:
        """Look whether the URL is one; Apprise can ask a service nothing.

        Raises:
            DeliveryError: There is no such service.
        """
        try:
            check(self.url.get())
        except LongshoreError as error:
            raise DeliveryError(str(error), retryable=False) from error


class AppriseAlert(Alert):
    """Have a service told: `Alert(AppriseChannel(...))` in one word.

    Args:
        name: What people call it.
        url: The Apprise URL, which is a secret.
        overflow: See `AppriseChannel`.
        settings: What else `Alert` takes: `on`, `late_after`, `quiet_hours` and more.

    Example:
        >>> @flow(state_handlers=[AppriseAlert("pagerduty", url=Secret("env:PAGERDUTY_URL"))])
        ... def nightly(): ...
    """

    def __init__(
        self, name: str, *, url: Secret, overflow: Overflow = "cut", **settings: Unpack[AlertSettings]
    ) -> None:
        super().__init__(AppriseChannel(name, url=url, overflow=overflow), **settings)


def _kind(message: Message) -> Kind:
    if message.status in _GOOD:
        return "success"
    return {"info": "info", "warning": "warning"}.get(message.severity, "failure")  # type: ignore[return-value]


def _head(message: Message) -> str:
    lines = [
        message.text,
        *(f"{name}: {value}" for name, value in message.fields),
        message.link,
        *message.notes,
    ]
    return "\n".join(filter(None, lines)) or message.title
