"""What a type checker sees of mail. Checked by mypy and pyright, never run."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

from longshore import Alert, Channel, Secret, flow
from longshore_email import Attachment, EmailAlert, EmailChannel, EmailConnection, EmailSend, EmailSent
from longshore_email.testing import MailSink, ReceivedMail

connection = EmailConnection(host="smtp.example.com", tls="tls", username="u", password=Secret("env:P"))
send = EmailSend(connection=connection, sender="me@example.com", retries=5)
assert_type(send("ann@example.com", "s"), EmailSent)
assert_type(
    send(["ann@example.com"], "s", "t", attachments=[Path("a"), "b", Attachment("c", b"")]), EmailSent
)
assert_type(send("ann@example.com", "s", priority="high").refused, dict[str, str])
assert_type(EmailSend().map(["ann@example.com"], ["s"]), list[EmailSent])
assert_type(MailSink().mails, list[ReceivedMail])

EmailSend()("ann@example.com")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
EmailConnection(tls="ssl")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

channel: Channel = EmailChannel("ann@example.com", host="smtp.example.com")
alert: Alert = EmailAlert(["ann@example.com", "bob@example.com"], connection=connection, late_after=60)
EmailAlert("ann@example.com", late_atfer=60)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
EmailAlert("ann@example.com", quiet_hours=22)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@flow(state_handlers=[EmailAlert("ann@example.com")])
def nightly() -> EmailSent:
    return EmailSend()("ann@example.com", "done")
