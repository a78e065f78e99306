"""Mail by SMTP, of the standard library: alerts, and mail as a task.

Which server, and who signs in, is said by `EmailConnection`, or without one by `LONGSHORE_SMTP_HOST`,
`LONGSHORE_SMTP_USERNAME`, `LONGSHORE_SMTP_PASSWORD` and their kin. Mail goes over TLS with a checked
certificate unless you say otherwise.

Example:
    >>> from longshore_email import EmailAlert, EmailSend
    >>> EmailSend()("ann@example.com", "Flights of 2013", "All of them.", attachments=["2013.csv"])
    >>> @flow(state_handlers=[EmailAlert("oncall@example.com")])
    ... def nightly(): ...
"""

from __future__ import annotations

from longshore_email.channel import EmailAlert, EmailChannel
from longshore_email.connections import EmailConnection
from longshore_email.errors import (
    ConnectionFailed,
    EmailError,
    MailInvalid,
    MailRefused,
    MailTooLarge,
    MailUncertain,
    RecipientsRefused,
    SignInFailed,
    TlsFailed,
)
from longshore_email.mails import Attachment
from longshore_email.send import EmailSend, EmailSent

__all__ = [
    "Attachment",
    "ConnectionFailed",
    "EmailAlert",
    "EmailChannel",
    "EmailConnection",
    "EmailError",
    "EmailSend",
    "EmailSent",
    "MailInvalid",
    "MailRefused",
    "MailTooLarge",
    "MailUncertain",
    "RecipientsRefused",
    "SignInFailed",
    "TlsFailed",
]
