"""What every task promises, shown for mail; what importing it costs; the server that ships for tests."""

from __future__ import annotations

import smtplib
import ssl
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from certificates import make_certificate, server_context

import longshore_email
from longshore import LongshoreError, Secret
from longshore.plugins import host
from longshore.testing import TaskContract, assert_portable
from longshore_email import (
    EmailChannel,
    EmailConnection,
    EmailError,
    EmailSend,
    EmailSent,
    RecipientsRefused,
)
from longshore_email.testing import MailSink


class TestEmailSend(TaskContract):
    task = EmailSend()
    inputs: ClassVar[Mapping[str, Any]] = {"to": "ann@example.com", "subject": "s", "text": "t"}

    @pytest.fixture(autouse=True)
    def _served(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.setenv("LONGSHORE_EMAIL_PASSWORD", "canary-1b2c3d4e5f60")
        with MailSink() as sink:
            connection = EmailConnection(
                host="127.0.0.1", port=sink.port, tls="none", username="ann",
                password=Secret("env:LONGSHORE_EMAIL_PASSWORD"),
            )  # fmt: skip
            type(self).task = EmailSend(connection=connection, sender="me@example.com")
            yield

    def _check(self, result: Any) -> None:
        assert isinstance(result, EmailSent)
        assert result.accepted == ("ann@example.com",)


def test_importing_it_imports_no_mail_client() -> None:
    code = (
        "import sys, longshore_email, longshore_email.plugin\n"
        "found = {'smtplib', 'ssl'} & set(sys.modules)\n"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_plugin_offers_its_task_and_its_channel() -> None:
    assert host().tasks()["email.EmailSend"] is EmailSend
    assert host().channels()["email"] is EmailChannel


def test_every_error_travels_and_is_public() -> None:
    def kinds(base: type[LongshoreError]) -> set[type[LongshoreError]]:
        return {base}.union(*(kinds(kind) for kind in base.__subclasses__()))

    for kind in kinds(EmailError):
        assert_portable(kind("cannot send mail to 'ann@example.com': because"))
        assert kind.__name__ in longshore_email.__all__
    assert_portable(RecipientsRefused("cannot", 550, {"ann@example.com": "550 no"}))


def test_the_doctor_says_which_server_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    from longshore_email.plugin import longshore_doctor

    assert "none in the environment" in next(iter(longshore_doctor()))[2]
    with MailSink() as sink:
        monkeypatch.setenv("LONGSHORE_SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("LONGSHORE_SMTP_PORT", str(sink.port))
        monkeypatch.setenv("LONGSHORE_SMTP_TLS", "none")
        [(_, well, seen)] = longshore_doctor()
        assert (well, seen) == (True, f"127.0.0.1:{sink.port} answers")
        sink.answers["EHLO"] = ["421 4.3.2 busy"]
        [(_, well, seen)] = longshore_doctor()
        assert not well
        assert "421" in seen


def test_the_sink_takes_mail_of_any_client(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "sink")
    with MailSink(tls=server_context(certificate)) as sink, smtplib.SMTP("127.0.0.1", sink.port) as client:
        client.starttls(context=ssl.create_default_context(cafile=certificate))
        client.login("ann", "any")
        client.sendmail("a@example.com", ["b@example.com", "c@example.com"], "Subject: s\r\n\r\n.dot\r\n")
        client.noop()
        [mail] = sink.wait(1)
        assert (mail.sender, mail.recipients) == ("a@example.com", ("b@example.com", "c@example.com"))
        assert (mail.user, mail.encrypted, mail.text) == ("ann", True, ".dot\r\n")
        sink.answers["RCPT"].append("450 4.2.0 later")
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail("a@example.com", ["b@example.com"], "x")
        sink.answers["."].append("554 5.6.0 no")
        with pytest.raises(smtplib.SMTPDataError):
            client.sendmail("a@example.com", ["b@example.com"], "x")
        assert client.docmd("HELP")[0] == 500
        with pytest.raises(TimeoutError):
            sink.wait(2, seconds=0.01)
