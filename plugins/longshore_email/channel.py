"""`EmailChannel`: alerts by mail; `EmailAlert`: the handler that has it told."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Final

from longshore import Alert, Channel, ConfigurationError, DeliveryError, LongshoreError, Receipt, Secret
from longshore_email.addresses import as_line, parse_address, parse_addresses
from longshore_email.connections import EmailConnection, Tls
from longshore_email.errors import MailInvalid, MailUncertain
from longshore_email.layout import LONGEST_SUBJECT, fitted, html_of, subject_of
from longshore_email.mails import Mail, make_message_id
from longshore_email.rounds import WITHIN, Round

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from typing import Unpack

    from longshore import AlertSettings, Message


_ANSWER: Final = 20.0


@dataclass(frozen=True)
class EmailChannel(Channel):
    """Mail to one address or several.

    A message is one mail, with all its details. Mail cannot be edited: what is new of an incident is an
    answer to its first mail, with the same subject, so that it stands in the same conversation. The
    Message-ID is made of the message's key; a mail that had to be sent again has the same one, and mail
    clients show it once.

    Without `host` the environment says which server; `EmailConnection` explains that, and the other
    settings.

    Args:
        to: Addresses: `ann@example.com`, `Ann Lee <ann@example.com>, bob@example.com`.
        sender: From whom; by default `LONGSHORE_SMTP_SENDER`, or the user name if it is an address.

    Raises:
        ConfigurationError: Something cannot be what was given.

    Example:
        >>> EmailChannel("oncall@example.com", host="smtp.example.com", sender="longshore@example.com")
    """

    scheme: ClassVar[str] = "email"

    to: str
    _: KW_ONLY
    host: str = ""
    port: int = 0
    tls: Tls = "starttls"
    username: str = ""
    password: Secret | None = None
    sender: str = ""
    verify: bool = True
    ca_file: str = ""

    def __post_init__(self) -> None:
        try:
            found = parse_addresses(self.to)
            _ = self.sender and parse_address(self.sender)
        except MailInvalid as error:
            raise ConfigurationError(str(error)) from error
        if not found:
            raise ConfigurationError(
                "EmailChannel(...) has no address; write EmailChannel('ann@example.com')"
            )
        _ = self.connection

    @property
    def threads(self) -> bool:
        """Whether there are answers: there are."""
        return True

    @property
    def connection(self) -> EmailConnection:
        """How it reaches its server."""
        return EmailConnection(
            host=self.host, port=self.port, tls=self.tls, username=self.username, password=self.password,
            verify=self.verify, ca_file=self.ca_file, read_timeout=_ANSWER,
        )  # fmt: skip

    def send(self, message: Message) -> Receipt:
        """Send a mail.

        Raises:
            DeliveryError: The server did not take it, or may have.
        """
        return self._send(message, subject_of(message), "")

    def reply(self, receipt: Receipt, message: Message) -> Receipt:
        """Send a mail that answers another one.

        Raises:
            DeliveryError: The server did not take it, or may have.
        """
        first = as_line(receipt.place)[:LONGEST_SUBJECT] or subject_of(message)
        return self._send(message, f"Re: {first}", receipt.id)

    def probe(self) -> None:
        """Connect and sign in, and send nothing.

        Raises:
            DeliveryError: The server cannot be used.
        """
        from longshore_email.client import knock

        with _as_delivery():
            knock(self.connection.settled(), WITHIN)

    def _send(self, message: Message, subject: str, answers: str) -> Receipt:
        with _as_delivery():
            connection = self.connection.settled()
            mail = self._mail(connection, message, subject, answers)
            Round.of(self.address, message.key).deliver(connection, mail.letter())
        return Receipt(id=mail.message_id, place=subject.removeprefix("Re: "), time=time.time())

    def _mail(self, connection: EmailConnection, message: Message, subject: str, answers: str) -> Mail:
        short, attachments = fitted(message)
        sender = connection.sender(self.sender)
        headers = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
        if answers:
            headers |= {"In-Reply-To": as_line(answers), "References": as_line(answers)}
        return Mail(
            message_id=make_message_id(message.key, sender),
            sender=sender,
            to=parse_addresses(self.to),
            subject=subject,
            text=short.plain,
            html=html_of(short),
            attachments=attachments,
            headers=headers,
            priority="high" if message.severity == "critical" else "normal",
        )


class EmailAlert(Alert):
    """Have people told by mail: `Alert(EmailChannel(...))` in one word.

    Args:
        to: Addresses, as one text or several.
        connection: Which server; by default that of `LONGSHORE_SMTP_HOST` and its kin.
        sender: From whom; by default `LONGSHORE_SMTP_SENDER`, or the user name if it is an address.
        settings: What else `Alert` takes: `on`, `late_after`, `quiet_hours` and more.

    Example:
        >>> @flow(state_handlers=[EmailAlert("ann@example.com", late_after=3600)])
        ... def nightly(): ...
    """

    def __init__(
        self,
        to: str | Sequence[str],
        *,
        connection: EmailConnection = EmailConnection(),  # noqa: B008 - it cannot change
        sender: str = "",
        **settings: Unpack[AlertSettings],
    ) -> None:
        names = {f.name for f in fields(EmailChannel)} & {f.name for f in fields(connection)}
        given: dict[str, Any] = {name: getattr(connection, name) for name in names} | {
            "ca_file": str(connection.ca_file)
        }
        people = to if isinstance(to, str) else ", ".join(to)
        super().__init__(EmailChannel(people, sender=sender, **given), **settings)


@contextmanager
def _as_delivery() -> Generator[None]:
    try:
        yield
    except LongshoreError as error:
        uncertain = isinstance(error, MailUncertain)
        raise DeliveryError(
            str(error), retryable=uncertain or error.retryable, uncertain=uncertain
        ) from error
