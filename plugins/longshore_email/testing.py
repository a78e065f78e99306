"""A mail server for tests, made of the standard library alone: it takes mail and keeps it.

It speaks enough of SMTP for any client: EHLO, STARTTLS, AUTH PLAIN and LOGIN (whoever signs in may), several
recipients, SMTPUTF8. It delivers nothing to anybody.

Example:
    >>> from longshore_email.testing import MailSink
    >>> with MailSink() as sink:
    ...     EmailSend(connection=sink.connection, sender="me@example.com")("ann@example.com", "Hello")
    ...     sink.mails[0].message["Subject"]
    'Hello'
"""

from __future__ import annotations

import base64
import email
import email.policy
import re
import socketserver
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self, cast

from longshore_email.connections import EmailConnection

if TYPE_CHECKING:
    import ssl
    from email.message import EmailMessage

_MAILBOX: Final = re.compile(r"<([^>]*)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMail:
    """A mail that came.

    Args:
        sender: Of the envelope.
        recipients: Of the envelope.
        content: Headers and body.
        user: Who had signed in; empty for nobody.
        encrypted: Whether it came over TLS.
    """

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    user: str = ""
    encrypted: bool = False

    @property
    def message(self) -> EmailMessage:
        """The mail, taken apart."""
        return email.message_from_bytes(self.content, policy=email.policy.default)

    @property
    def text(self) -> str:
        """Its plain text."""
        body = self.message.get_body(("plain",))
        return "" if body is None else str(cast("EmailMessage", body).get_content())


class MailSink:
    """A mail server on 127.0.0.1 that keeps what it gets.

    Attributes:
        mails: What came, in order.
        answers: What it answers to a command in place of what is right, once each, in order:
            `sink.answers["RCPT"].append("450 4.2.0 later")`. `DATA` is that command, `.` its end.

    Args:
        tls: What to encrypt with after STARTTLS; None offers none.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.mails: list[ReceivedMail] = []
        self.answers: defaultdict[str, list[str]] = defaultdict(list)
        self.tls = tls
        self.changed = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), _Session)
        self._server.sink = self

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def connection(self) -> EmailConnection:
        """How to reach it."""
        return EmailConnection(host="127.0.0.1", port=self.port, tls="starttls" if self.tls else "none")

    def wait(self, count: int = 1, seconds: float = 10.0) -> list[ReceivedMail]:
        """Return the mails as soon as there are so many.

        Raises:
            TimeoutError: They did not come in time.
        """
        end = time.monotonic() + seconds
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.mails) >= count, end - time.monotonic()):
                raise TimeoutError(f"{len(self.mails)} of {count} mails came within {seconds:g} s")
            return list(self.mails)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=[0.02], daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    sink: MailSink


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.sink = cast("_Server", self.server).sink
        self.sender, self.user, self.encrypted = "", "", False
        self.recipients: list[str] = []
        self._say("220 sink.example ESMTP")
        try:
            while line := self.rfile.readline().decode("utf-8", "replace").strip():
                word = line.split(" ", 1)[0].upper()
                command = getattr(self, f"do_{word.lower()}", None)
                ordered = self.sink.answers[word]
                if ordered:
                    self._say(ordered.pop(0))
                elif command is None:
                    self._say("500 5.5.1 unknown command")
                else:
                    command(line)
                if word == "QUIT":
                    return
        except (ConnectionError, ValueError):  # the client is gone
            return

    def finish(self) -> None:
        super().finish()
        self.connection.close()  # TLS has made it another socket than the server's

    def _say(self, *lines: str) -> None:
        shown = [f"{line[:3]}{'-' if line is not lines[-1] else ' '}{line[4:]}" for line in lines]
        self.wfile.write("".join(f"{line}\r\n" for line in shown).encode())

    def do_ehlo(self, line: str) -> None:
        offers = ["250 sink.example", "250 8BITMIME", "250 SMTPUTF8", "250 AUTH PLAIN LOGIN"]
        self._say(*offers, *(["250 STARTTLS"] if self.sink.tls and not self.encrypted else []))

    def do_helo(self, line: str) -> None:
        self._say("250 sink.example")

    def do_starttls(self, line: str) -> None:
        assert self.sink.tls is not None
        self._say("220 go ahead")
        self.connection = self.sink.tls.wrap_socket(self.connection, server_side=True)
        self.encrypted = True
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)

    def do_auth(self, line: str) -> None:
        _, kind, *given = line.split(" ")
        if kind.upper() == "PLAIN":
            self.user = _decoded(given[0] if given else self._ask("")).split("\0")[1]
        else:
            self.user = _decoded(given[0] if given else self._ask("VXNlcm5hbWU6"))
            self._ask("UGFzc3dvcmQ6")
        self._say("235 2.7.0 signed in")

    def _ask(self, challenge: str) -> str:
        self._say(f"334 {challenge}")
        return self.rfile.readline().decode().strip()

    def do_mail(self, line: str) -> None:
        self.sender, self.recipients = _mailbox(line), []
        self._say("250 2.1.0 ok")

    def do_rcpt(self, line: str) -> None:
        self.recipients.append(_mailbox(line))
        self._say("250 2.1.5 ok")

    def do_data(self, line: str) -> None:
        self._say("354 end with a dot")
        lines: list[bytes] = []
        while (data := self.rfile.readline()) != b".\r\n":
            if not data:
                raise ConnectionResetError
            lines.append(data.removeprefix(b"."))
        ordered = self.sink.answers["."]
        if ordered:
            self._say(ordered.pop(0))
            return
        mail = ReceivedMail(
            sender=self.sender, recipients=tuple(self.recipients), content=b"".join(lines), user=self.user,
            encrypted=self.encrypted,
        )  # fmt: skip
        with self.sink.changed:
            self.sink.mails.append(mail)
            self.sink.changed.notify_all()
        self._say("250 2.0.0 taken")

    def do_rset(self, line: str) -> None:
        self.recipients = []
        self._say("250 2.0.0 ok")

    def do_noop(self, line: str) -> None:
        self._say("250 2.0.0 ok")

    def do_quit(self, line: str) -> None:
        self._say("221 2.0.0 bye")


def _mailbox(line: str) -> str:
    found = _MAILBOX.search(line)
    return found[1] if found else ""


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()
