# ruff: noqa: N818 - failures are called what people say: MailRefused, SignInFailed
"""The errors, one class for each `except` clause someone would write.

EmailError
├── MailInvalid (ValueError)              no mail can be made of what was given
├── ConnectionFailed (ConnectionError)    no connection, or it broke before the mail was handed over
│   └── TlsFailed                         the server's certificate or its TLS cannot be trusted
├── MailRefused                           the server said no
│   ├── SignInFailed (PermissionError)    to the user name and password
│   └── RecipientsRefused                 to some of the recipients, or to all
├── MailTooLarge (ValueError)             the mail has more bytes than the server takes
└── MailUncertain                         the mail was handed over, and no answer came
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore import LongshoreError

if TYPE_CHECKING:
    from collections.abc import Mapping


class EmailError(LongshoreError):
    """The root of the errors of mail."""


class MailInvalid(EmailError, ValueError):
    """No mail can be made of an address, a header or an attachment."""

    retryable = False


class ConnectionFailed(EmailError, ConnectionError):
    """There was no connection, or it broke before the mail was handed over: nobody has got it."""


class TlsFailed(ConnectionFailed):
    """The server's certificate, or its TLS, cannot be trusted; nothing was sent."""

    retryable = False


class MailRefused(EmailError):
    """The server said no, for now (4xx, worth another attempt) or for good (5xx); nobody has got the mail.

    Attributes:
        code: The reply code of SMTP.
        retryable: Whether the same mail may be taken later.
    """

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = code < 500


class SignInFailed(MailRefused, PermissionError):
    """The server does not take the user name and the password."""


class RecipientsRefused(MailRefused):
    """The server does not take some of the recipients; the mail was sent to nobody.

    Attributes:
        recipients: What the server said to each of them, by address.
    """

    def __init__(self, message: str, code: int = 0, recipients: Mapping[str, str] | None = None) -> None:
        super().__init__(message, code)
        self.recipients = dict(recipients or {})


class MailTooLarge(EmailError, ValueError):
    """The mail has more bytes than the server takes."""

    retryable = False


class MailUncertain(EmailError):
    """The mail was handed over as a whole, and then no answer came: it may have arrived or not."""

    retryable = False
