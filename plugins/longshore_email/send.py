"""`EmailSend`: one mail."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from longshore import ConfigurationError, Delay, Exponential, Task
from longshore_email.addresses import check_header, parse_addresses
from longshore_email.connections import EmailConnection
from longshore_email.errors import MailInvalid, MailTooLarge, MailUncertain
from longshore_email.identities import identified
from longshore_email.letters import recipients_refused
from longshore_email.mails import Attachment, Mail, Priority, attachments_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from longshore_email.letters import Letter


@dataclass(frozen=True, kw_only=True)
class EmailSent:
    """What became of a mail.

    Args:
        message_id: Its Message-ID.
        accepted: Whose server, or ours for them, has taken it.
        refused: Who was refused, and the server's words; empty unless `partial`.
        size: Bytes.
    """

    message_id: str
    accepted: tuple[str, ...]
    refused: dict[str, str] = field(default_factory=dict[str, str])
    size: int = 0


class EmailSend(Task[EmailSent]):
    """Send one mail, to all of its recipients or, if one of them is refused, to nobody.

    Worth another attempt are a server that cannot be reached and one that says 4xx, as it does for
    greylisting. When the mail was handed over and no answer came, nobody knows whether it arrived: then it is
    sent again only with `repeatable=True`. All attempts of a call have one Message-ID, by which mail clients
    show a mail that came twice once.

    Args:
        connection: Which server; by default that of `LONGSHORE_SMTP_HOST` and its kin.
        sender: From whom; by default `LONGSHORE_SMTP_SENDER`, or the user name if it is an address.
        partial: Whether the others get the mail when some recipients are refused; `refused` of the result
            names those.
        max_size: Bytes of the mail, attachments and all (they grow by a third).
        timeout: Seconds for an attempt.

    Example:
        >>> EmailSend()("ann@example.com", "Flights of 2013", "All of them.", attachments=["2013.csv"])
    """

    connection: EmailConnection = EmailConnection()
    sender: str = ""
    partial: bool = False
    max_size: int = 35_000_000
    retries: int = 3
    retry_delay: Delay = Exponential(base=2.0, cap=60.0)
    timeout: float | None = 300.0
    repeatable: bool = False

    def check(self) -> None:
        if self.sender:
            try:
                parse_addresses(self.sender)
            except MailInvalid as error:
                raise ConfigurationError(f"{self.name}(sender=...): {error}") from error

    def run(
        self,
        to: str | Sequence[str],
        subject: str,
        text: str = "",
        *,
        html: str = "",
        cc: str | Sequence[str] = (),
        bcc: str | Sequence[str] = (),
        attachments: Sequence[str | Path | Attachment] = (),
        reply_to: str | Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
        priority: Priority = "normal",
    ) -> EmailSent:
        """Send the mail.

        Args:
            to: One address or several: `"Ann Lee <ann@example.com>, bob@example.com"` or a list.
            subject: One line.
            text: The body as plain text.
            html: The body as HTML, for readers who prefer it.
            cc: Who gets a copy.
            bcc: Who gets it without the others' knowledge.
            attachments: Paths of files, or `Attachment(name, data)`.
            reply_to: Whom answers go to.
            headers: More headers: `{"In-Reply-To": "<...>"}`.
            priority: `low`, `normal` or `high`.

        Raises:
            MailInvalid: An address, a header or an attachment cannot be what was given.
            RecipientsRefused: Some recipients were refused, so nobody got it; `recipients` names them.
            MailRefused: The server said no.
            ConnectionFailed: The server could not be reached.
            MailUncertain: It was handed over, and no answer came.
        """
        connection = self.connection.settled()
        mail = Mail(
            message_id="",
            sender=connection.sender(self.sender),
            to=parse_addresses(to),
            cc=parse_addresses(cc),
            bcc=parse_addresses(bcc),
            reply_to=parse_addresses(reply_to),
            subject=check_header("Subject", subject.strip()),
            text=text,
            html=html,
            attachments=attachments_of(attachments),
            headers=dict(headers or {}),
            priority=priority,
        )
        if not mail.recipients:
            raise MailInvalid("cannot send mail to nobody; give an address")
        return self._send(connection, mail)

    def _send(self, connection: EmailConnection, mail: Mail) -> EmailSent:
        from longshore_email.client import deliver

        mail = identified(mail)
        letter = self._checked(mail.letter())
        try:
            refused = deliver(connection, letter, partial=self.partial)
        except MailUncertain as error:
            error.retryable = self.repeatable
            raise
        if len(refused) == len(letter.recipients):
            raise recipients_refused(letter.label(connection.label), refused)
        return EmailSent(
            message_id=mail.message_id,
            accepted=tuple(address for address in letter.recipients if address not in refused),
            refused={address: str(refusal) for address, refusal in refused.items()},
            size=len(letter.content),
        )

    def _checked(self, letter: Letter) -> Letter:
        if len(letter.content) > self.max_size:
            raise MailTooLarge(
                f"cannot send a mail of {len(letter.content):,} bytes: max_size is {self.max_size:,}; "
                "put large files elsewhere and send a link"
            )
        return letter
