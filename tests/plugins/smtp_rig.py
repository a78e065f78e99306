"""A real mail server, aiosmtpd, on 127.0.0.1: STARTTLS, TLS, sign-in, and faults to order.

with SmtpServer(password="...") as server:
    server.answers["RCPT"] = ["450 4.2.0 later"]     # one answer after the other, then what is right
    server.cut = "."                                  # the connection breaks after the end of the mail
    server.mails                                      # what came
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import logging
import ssl
import threading
import warnings
from collections import defaultdict
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any, Self, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from longshore import Secret
from longshore_email import EmailConnection


@dataclass
class Mail:
    sender: str
    recipients: list[str]
    content: bytes
    user: str
    encrypted: bool

    @property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.content, policy=email.policy.default)

    def part(self, kind: str) -> str:
        body = cast("EmailMessage", self.message.get_body((kind,)))
        return str(body.get_content()).replace("\r\n", "\n")

    @property
    def files(self) -> dict[str, bytes]:
        parts = cast("Any", self.message.iter_attachments())
        return {str(part.get_filename()): part.get_payload(decode=True) for part in parts}


logging.getLogger("mail.log").disabled = True  # it shows what comes in, which is ours to look at


class Protocol(SMTP):
    """aiosmtpd, which misbehaves as it is told to at any command."""

    rig: SmtpServer

    async def _handle_client(self) -> None:
        if self.rig.greeting:
            await self.push(self.rig.greeting)
            self.transport.close()
            return
        await super()._handle_client()


def misbehaving(word: str) -> Any:
    """Return a command that answers what was ordered, cuts the line, or does what is right."""
    right = getattr(SMTP, f"smtp_{word}")

    async def command(self: Protocol, arg: str) -> None:
        if await self.rig.ordered(self, word):
            return
        await right(self, arg)

    return command


for _word in ("EHLO", "AUTH", "MAIL", "RCPT", "DATA", "STARTTLS", "QUIT"):
    setattr(Protocol, f"smtp_{_word}", misbehaving(_word))


@dataclass
class SmtpServer:
    """One server in a thread of its own."""

    password: str = ""
    tls: ssl.SSLContext | None = None
    implicit: bool = False
    smtputf8: bool = True
    size: int = 50_000_000
    offers: tuple[str, ...] = ()
    mails: list[Mail] = field(default_factory=list)
    answers: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    refuses: dict[str, str] = field(default_factory=dict)
    cut: str = ""
    stall: str = ""
    greeting: str = ""
    commands: list[str] = field(default_factory=list)
    port: int = 0

    def __enter__(self) -> Self:
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=[started], daemon=True)
        self._thread.start()
        assert started.wait(10)
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def connection(self, **changes: Any) -> EmailConnection:
        tls = "tls" if self.implicit else "starttls" if self.tls else "none"
        return EmailConnection(**{"host": "127.0.0.1", "port": self.port, "tls": tls, **changes})

    def signed_in(self, secret: Secret, **changes: Any) -> EmailConnection:
        return self.connection(username="ann", password=secret, **changes)

    async def ordered(self, protocol: Protocol, word: str) -> bool:
        """Whether a command was answered, or its line cut, as ordered."""
        self.commands.append(word)
        if self.cut == word:
            protocol.transport.abort()
            return True
        if self.stall == word:
            await self.released.wait()
        if self.answers[word]:
            await protocol.push(self.answers[word].pop(0))
            return True
        return False

    def _run(self, started: threading.Event) -> None:
        asyncio.run(self._serve(started))

    async def _serve(self, started: threading.Event) -> None:
        self._loop, self._stop, self.released = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        context = self.tls if self.implicit else None
        server = await self._loop.create_server(self._protocol, "127.0.0.1", 0, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await self._stop.wait()
        self.released.set()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0.01)

    def _protocol(self) -> Protocol:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of signing in without TLS, which is what is tested
            made = Protocol(
                self,
                hostname="mail.example",
                enable_SMTPUTF8=self.smtputf8,
                data_size_limit=self.size,
                tls_context=None if self.implicit else self.tls,
                auth_require_tls=False,
                auth_required=bool(self.password),
                authenticator=self._authenticate if self.password else None,
                auth_exclude_mechanism=[
                    m for m in ("PLAIN", "LOGIN") if self.offers and m not in self.offers
                ],
                loop=self._loop,
            )
        made.rig = self
        return made

    def _authenticate(
        self, server: Any, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        good = data.password.decode() == self.password
        return AuthResult(success=good, handled=False, auth_data=data.login.decode())

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.answers["."]:
            return self.answers["."].pop(0)
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        mail = Mail(
            sender=envelope.mail_from or "",
            recipients=list(envelope.rcpt_tos),
            content=content,
            user=str(session.auth_data or ""),
            encrypted=session.ssl is not None or self.implicit,
        )
        self.mails.append(mail)
        if self.cut == ".":
            server.transport.abort()
        if self.stall == ".":
            await self.released.wait()
        return "250 2.0.0 taken"
