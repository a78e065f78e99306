"""One mail over one connection: TLS, signing in, the envelope, the content, and what the server said."""

from __future__ import annotations

import base64
import contextlib
import re
import smtplib
import socket
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, cast

from longshore_email.cutting import Line, cuttable
from longshore_email.errors import MailRefused, MailTooLarge, SignInFailed, TlsFailed
from longshore_email.faults import as_tls_failure, expect, said, translated, words
from longshore_email.letters import Letter, Refusal, recipients_refused

if TYPE_CHECKING:
    from collections.abc import Generator

    from longshore_email.connections import EmailConnection

_GOODBYE: Final = 2.0
"""Seconds for the server to answer QUIT, once the mail is its."""
_EOL: Final = re.compile(rb"\r\n|\r|\n")


class _Smtp(smtplib.SMTP):
    """A client whose socket is known while it connects, and that looks nothing up about this machine."""

    def __init__(self, connection: EmailConnection, line: Line) -> None:
        self._connection = connection
        self._line = line
        name = connection.local_hostname or socket.gethostname()
        super().__init__(
            connection.host, connection.port, name if name.isascii() else "[127.0.0.1]",
            connection.connect_timeout,
        )  # fmt: skip
        cast("socket.socket", self.sock).settimeout(connection.read_timeout)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        sock = socket.create_connection((host, port), timeout)
        self._line.watch(sock)
        return tls_context(self._connection).wrap_socket(sock, server_hostname=host) if self._is_tls else sock

    @property
    def _is_tls(self) -> bool:
        return self._connection.tls == "tls"


def tls_context(connection: EmailConnection) -> ssl.SSLContext:
    """Return what checks the server: its name and its certificate, unless told not to."""
    context = ssl.create_default_context(cafile=str(connection.ca_file) or None)
    if not connection.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def deliver(
    connection: EmailConnection, letter: Letter, *, partial: bool = False, within: float | None = None
) -> dict[str, Refusal]:
    """Send a mail; return whom the server refused: nobody unless `partial`, at most everybody.

    Args:
        connection: How; settled.
        letter: The mail.
        partial: Whether to send it to the others when some recipients are refused.
        within: Seconds until it must be done; None for no limit.

    Raises:
        MailRefused: The server said no, so nobody has got it.
        ConnectionFailed: The connection failed, so nobody has got it.
        MailUncertain: It was handed over, and no answer came.
    """
    label = letter.label(connection.label)
    with _session(connection, label, within) as (smtp, line):
        refused = _address(smtp, letter, label, partial=partial)
        if len(refused) == len(letter.recipients):
            _part(smtp)
            return refused
        expect(smtp.docmd("DATA"), label, "DATA", 354)
        smtp.send(_on_the_wire(letter.content))
        line.handed_over = True
        reply = smtp.getreply()
        if reply[0] < 200:  # no answer that means anything, so nobody knows
            raise smtplib.SMTPResponseException(*reply)
        expect(reply, label, "the mail")
        line.handed_over = False  # the server has said that it has it
        _part(smtp)
    return refused


def knock(connection: EmailConnection, within: float | None = None) -> None:
    """Connect and sign in, and send nothing.

    Raises:
        EmailError: The server cannot be used.
    """
    with _session(connection, f"reach {connection.label!r}", within) as (smtp, _):
        _part(smtp)


@contextmanager
def _session(
    connection: EmailConnection, label: str, within: float | None
) -> Generator[tuple[smtplib.SMTP, Line]]:
    """Open a connection up to where mail can be sent, and tell what goes wrong in our words."""
    with cuttable(within) as line, translated(label, line), contextlib.ExitStack() as stack:
        with as_tls_failure(label, line):
            smtp = _Smtp(connection, line)
            stack.callback(smtp.close)
        _greet(smtp, label)
        if connection.tls == "starttls":
            _encrypt(smtp, connection, label, line)
        if connection.username:
            _sign_in(smtp, connection, label)
        yield smtp, line


def _greet(smtp: smtplib.SMTP, label: str) -> None:
    reply = smtp.ehlo()
    if reply[0] // 100 == 5:  # a server of the old kind
        reply = smtp.helo()
    expect(reply, label, "EHLO")


def _encrypt(smtp: smtplib.SMTP, connection: EmailConnection, label: str, line: Line) -> None:
    if not smtp.has_extn("starttls"):
        raise TlsFailed(
            f"cannot {label}: the server offers no STARTTLS, so nothing is sent; if it encrypts from the "
            "first byte, write tls='tls'"
        )
    with as_tls_failure(label, line):
        smtp.starttls(context=tls_context(connection))
    _greet(smtp, label)


def _sign_in(smtp: smtplib.SMTP, connection: EmailConnection, label: str) -> None:
    """Sign in; smtplib's own way cannot send a password beyond ASCII, and shows it in its error."""
    assert connection.password is not None  # as `EmailConnection` has checked
    password = connection.password.get()
    offered = smtp.esmtp_features.get("auth", "").upper().split()
    user = connection.username
    if "PLAIN" in offered:
        reply = smtp.docmd("AUTH", f"PLAIN {_base64(chr(0).join(('', user, password)))}")
    elif "LOGIN" in offered:
        reply = smtp.docmd("AUTH", "LOGIN")
        for text in (user, password):
            reply = smtp.docmd(_base64(text)) if reply[0] == 334 else reply
    else:
        found = f"only {', '.join(offered)}" if offered else "none"
        raise SignInFailed(f"cannot {label}: of PLAIN and LOGIN the server offers {found}", 504)
    if reply[0] != 235:
        hint = "check the user name and the password" if reply[0] >= 500 else "it is worth another attempt"
        raise SignInFailed(f"cannot {label}: {said(reply, 'AUTH')}; {hint}", reply[0])


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _address(smtp: smtplib.SMTP, letter: Letter, label: str, *, partial: bool) -> dict[str, Refusal]:
    """Tell who sends it to whom; return who was refused."""
    content, options = letter.content, list[str]()
    limit = smtp.esmtp_features.get("size", "")
    if limit.isdecimal() and 0 < int(limit) < len(content):
        raise MailTooLarge(
            f"cannot {label}: it has {len(content):,} bytes and the server takes {int(limit):,}; "
            "put large files elsewhere and send a link"
        )
    if "size" in smtp.esmtp_features:
        options.append(f"SIZE={len(content)}")
    if letter.international:
        if not (smtp.has_extn("smtputf8") and smtp.has_extn("8bitmime")):
            raise MailRefused(
                f"cannot {label}: an address has letters beyond ASCII, and the server has no SMTPUTF8", 553
            )
        options += ["BODY=8BITMIME", "SMTPUTF8"]
    expect(smtp.mail(letter.sender, options), label, f"the sender {letter.sender!r}")
    refused: dict[str, Refusal] = {}
    for recipient in letter.recipients:
        reply = smtp.rcpt(recipient)
        if reply[0] == 421:  # it ends the connection
            raise MailRefused(f"cannot {label}: {said(reply, recipient)}", 421)
        if reply[0] not in (250, 251, 252):
            refused[recipient] = Refusal(reply[0], words(reply[1]))
    if refused and not partial:
        raise recipients_refused(label, refused)
    return refused


def _on_the_wire(content: bytes) -> bytes:
    """Return a mail with the only line ends that all servers agree on, its dots doubled, and its end."""
    lines = _EOL.sub(b"\r\n", content).removesuffix(b"\r\n")
    return re.sub(rb"(?m)^\.", b"..", lines) + b"\r\n.\r\n"


def _part(smtp: smtplib.SMTP) -> None:
    """Say goodbye; what comes of it is nobody's concern."""
    with contextlib.suppress(OSError, smtplib.SMTPException):
        cast("socket.socket", smtp.sock).settimeout(_GOODBYE)
        smtp.quit()
