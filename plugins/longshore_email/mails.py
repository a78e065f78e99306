"""A mail, put together: headers that nobody can inject into, text, HTML, attachments."""

from __future__ import annotations

import email.policy
import hashlib
import mimetypes
import re
from dataclasses import dataclass, field
from email.generator import BytesGenerator
from email.message import EmailMessage
from email.utils import formatdate
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from longshore_email.addresses import Address, as_line, check_header
from longshore_email.errors import MailInvalid
from longshore_email.letters import Letter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Priority: TypeAlias = Literal["low", "normal", "high"]
_PRIORITIES: Final[Mapping[Priority, tuple[str, str]]] = {"low": ("5", "low"), "high": ("1", "high")}
_NAME: Final = re.compile(r"[!-9;-~]{1,76}")
_OURS: Final = re.compile(
    r"(?i)from|to|cc|bcc|sender|reply-to|subject|date|message-id|mime-version|content-.*|importance|x-priority"
)
_HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,30}")
_NO_TEXT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Attachment:
    """Bytes that are attached under a name.

    Args:
        name: The file's name, as the reader sees it.
        data: Its bytes; text is sent as UTF-8.
        media_type: `text/csv`; guessed from the name by default.
    """

    name: str
    data: bytes | str = field(repr=False)
    media_type: str = ""

    @classmethod
    def of(cls, given: Attachment | str | Path) -> Attachment:
        """Return an attachment, reading the file of a path.

        Raises:
            MailInvalid: The file cannot be read.
        """
        if isinstance(given, Attachment):
            return given
        path = Path(given)
        try:
            return cls(path.name, path.read_bytes())
        except OSError as error:
            raise MailInvalid(f"cannot attach {str(path)!r}: {error.strerror or error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What a mail says, to whom.

    Args:
        message_id: `<...@...>`; the same whenever the same mail is sent.
        sender: From whom.
        to: To whom.
        cc: To whom a copy goes.
        bcc: To whom it goes without the others' knowledge.
        reply_to: Whom answers go to.
        subject: One line.
        text: The body as plain text.
        html: The body as HTML; may be empty.
        attachments: Files.
        headers: Other headers.
        priority: How it is marked.
    """

    message_id: str
    sender: Address
    to: tuple[Address, ...]
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    subject: str = ""
    text: str = ""
    html: str = ""
    attachments: tuple[Attachment, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    priority: Priority = "normal"

    @property
    def recipients(self) -> tuple[str, ...]:
        """Everybody who gets it, each once."""
        return tuple(dict.fromkeys(address.mailbox for address in (*self.to, *self.cc, *self.bcc)))

    def letter(self) -> Letter:
        """Return it as it goes to the server.

        Raises:
            MailInvalid: No mail can be made of it.
        """
        named = (self.sender, *self.to, *self.cc, *self.reply_to)
        in_headers = any(address.international for address in named)
        policy = email.policy.SMTP.clone(cte_type="7bit", utf8=in_headers)
        message = EmailMessage(policy)
        self._set_headers(message)
        message.set_content(as_text(self.text))
        if self.html:
            message.add_alternative(as_text(self.html), subtype="html")
        for attachment in self.attachments:
            _attach(message, attachment)
        data = BytesIO()
        BytesGenerator(data, policy=policy).flatten(message)
        return Letter(
            sender=self.sender.mailbox,
            recipients=self.recipients,
            content=data.getvalue(),
            international=in_headers or any(address.international for address in self.bcc),
        )

    def _set_headers(self, message: EmailMessage) -> None:
        message["From"] = self.sender.header
        for name, addresses in (("To", self.to), ("Cc", self.cc), ("Reply-To", self.reply_to)):
            if addresses:
                message[name] = [address.header for address in addresses]
        if not self.to and not self.cc:
            message["To"] = "undisclosed-recipients:;"
        message["Subject"] = check_header("Subject", self.subject)
        message["Date"] = formatdate(localtime=False, usegmt=False)
        message["Message-ID"] = self.message_id
        if self.priority in _PRIORITIES:
            message["X-Priority"], message["Importance"] = _PRIORITIES[self.priority]
        for name, value in self.headers.items():
            if not _NAME.fullmatch(name) or _OURS.fullmatch(name):
                raise MailInvalid(
                    f"cannot send the header {name!r}: it is set by a field of its own, or no name"
                )
            message[name] = check_header(name, value)


def make_message_id(key: str, sender: Address) -> str:
    """Return the name of the mail of a key.

    It is short, as Python breaks a longer one in two where it is quoted in other headers.
    """
    host = sender.domain if _HOST.fullmatch(sender.domain) else "longshore.invalid"
    return f"<{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:26]}@{host}>"


def as_text(text: str) -> str:
    """Return a text that any reader can show: no halves of characters, no control characters."""
    whole = text.encode("utf-8", "replace").decode()
    return _NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", whole)


def _attach(message: EmailMessage, attachment: Attachment) -> None:
    name = as_line(attachment.name).replace("/", "_").replace("\\", "_") or "attachment"
    media_type = attachment.media_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
    main, slash, sub = media_type.partition("/")
    if not slash or not _NAME.fullmatch(main) or not _NAME.fullmatch(sub):
        raise MailInvalid(f"cannot attach {name!r}: {media_type!r} is no media type; write 'text/csv'")
    data = attachment.data.encode("utf-8", "replace") if isinstance(attachment.data, str) else attachment.data
    if main in ("message", "multipart"):  # these have rules of their own
        main, sub = "application", "octet-stream"
    message.add_attachment(data, maintype=main, subtype=sub, filename=name)


def attachments_of(given: Iterable[Attachment | str | Path]) -> tuple[Attachment, ...]:
    """Return attachments, with the bytes of those that were given as paths."""
    return tuple(Attachment.of(one) for one in given)
