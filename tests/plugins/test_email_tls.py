"""Who the server is, and who we are: bad TLS is refused, and the password goes where it should alone."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

import pytest
from certificates import make_certificate, server_context
from smtp_rig import SmtpServer

from longshore import ConfigurationError, Secret, flow
from longshore.testing import Canary, raises_saying
from longshore_email import EmailChannel, EmailConnection, EmailError, EmailSend, SignInFailed, TlsFailed


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def good(folder: Path) -> Path:
    return make_certificate(folder, "good")


def send(connection: EmailConnection) -> None:
    EmailSend(connection=connection, sender="me@example.com", retries=0).run("ann@example.com", "s")


@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "tls"])
@pytest.mark.parametrize("offers", [("PLAIN",), ("LOGIN",)])
def test_mail_goes_encrypted_and_signed_in(
    good: Path, canary: Canary, implicit: bool, offers: tuple[str, ...]
) -> None:
    with SmtpServer(
        password=canary.value, tls=server_context(good), implicit=implicit, offers=offers
    ) as smtp:
        send(smtp.signed_in(canary.secret, ca_file=good))
        assert (smtp.mails[0].user, smtp.mails[0].encrypted) == ("ann", True)


@pytest.mark.gate("S14")
@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "tls"])
@pytest.mark.parametrize("kind", ["unknown authority", "other host", "expired"])
def test_a_bad_certificate_is_refused_before_anything_is_sent(
    folder: Path, good: Path, canary: Canary, kind: str, implicit: bool
) -> None:
    certificate = good
    if kind != "unknown authority":
        expired = kind == "expired"
        host = "IP:127.0.0.1" if expired else "DNS:other.example"
        certificate = make_certificate(folder, f"{kind.split()[0]}-{implicit}", host, expired=expired)
    ca_file = "" if kind == "unknown authority" else certificate
    with SmtpServer(password=canary.value, tls=server_context(certificate), implicit=implicit) as smtp:
        with raises_saying(TlsFailed, "cannot be trusted"):
            send(smtp.signed_in(canary.secret, ca_file=ca_file))
        assert smtp.mails == []
        assert "AUTH" not in smtp.commands
        send(smtp.signed_in(canary.secret, verify=False))
        assert len(smtp.mails) == 1


@pytest.mark.gate("S14")
def test_a_server_without_starttls_gets_nothing(canary: Canary) -> None:
    """Somebody on the way may have taken the offer out."""
    with SmtpServer(password=canary.value) as smtp:
        with raises_saying(TlsFailed, "no STARTTLS"):
            send(smtp.signed_in(canary.secret, tls="starttls"))
        assert "AUTH" not in smtp.commands


def test_tls_to_a_server_that_begins_in_the_clear_says_what_to_write() -> None:
    with SmtpServer() as smtp, raises_saying(TlsFailed, "tls='starttls'"):
        send(smtp.connection(tls="tls"))


def test_a_wrong_password_is_not_tried_again(canary: Canary) -> None:
    with SmtpServer(password="another one") as smtp:
        with raises_saying(SignInFailed, "535", "check the user name"):
            send(smtp.signed_in(canary.secret))
        smtp.answers["AUTH"] = ["454 4.7.0 the directory is busy"]
        with pytest.raises(SignInFailed) as caught:
            send(smtp.signed_in(canary.secret))
        assert caught.value.retryable is True


def test_a_server_that_offers_no_way_to_sign_in_is_told_of(canary: Canary) -> None:
    with SmtpServer() as smtp:
        smtp.answers["EHLO"] = ["250-mail.example\r\n250 AUTH GSSAPI"]
        with raises_saying(SignInFailed, "offers only GSSAPI"):
            send(smtp.signed_in(canary.secret))
        assert "AUTH" not in smtp.commands


def test_a_password_beyond_ascii_signs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "pässwörd-🚚")
    with SmtpServer(password="pässwörd-🚚") as smtp:
        send(smtp.signed_in(Secret("env:MAIL_PASSWORD")))
        assert smtp.mails[0].user == "ann"


@pytest.mark.gate("S1")
def test_the_password_shows_nowhere(
    canary: Canary, caplog: pytest.LogCaptureFixture, tmp_path: Path, good: Path
) -> None:
    """Neither in errors with their causes, nor in logs, results, addresses and what is pickled."""
    import base64
    import pickle

    caplog.set_level(logging.DEBUG)
    seen: list[object] = []
    echo = base64.b64encode(f"\0ann\0{canary.value}".encode()).decode()
    for answer in (f"535 5.7.8 wrong: {canary.value}", f"451 {echo}"):
        with SmtpServer(password=canary.value) as smtp:
            smtp.answers["AUTH"] = [answer] * 4
            connection = smtp.signed_in(canary.secret)
            channel = EmailChannel(
                "ann@example.com", host="127.0.0.1", port=smtp.port, tls="none", username="ann",
                password=canary.secret, sender="me@example.com",
            )  # fmt: skip

            @flow
            def nightly(connection: EmailConnection = connection) -> None:
                EmailSend(connection=connection, sender="me@example.com", retries=0)("ann@example.com", "s")

            run = nightly.run()
            seen += [
                run.state,
                repr(run.states),
                channel.address,
                channel,
                connection,
                pickle.dumps(connection),
            ]
            with pytest.raises(EmailError) as caught:
                send(connection)
            seen += ["".join(traceback.format_exception(caught.value)), caught.value]
            with pytest.raises(Exception) as failed:
                channel.probe()
            seen += ["".join(traceback.format_exception(failed.value))]
    canary.assert_absent(*seen, caplog.text)
    assert echo not in caplog.text + "".join(map(str, seen))


def test_a_password_in_plain_text_or_in_the_clear_is_refused() -> None:
    with raises_saying(ConfigurationError, "takes a Secret"):
        EmailConnection(host="h", username="ann", password="secret")  # type: ignore[arg-type]
    with raises_saying(ConfigurationError, "unencrypted"):
        EmailConnection(host="mail.example", username="ann", password=Secret("env:X"), tls="none")
    with raises_saying(ConfigurationError, "no password"):
        EmailConnection(host="mail.example", username="ann")


def test_without_a_host_the_environment_says_it_all(
    monkeypatch: pytest.MonkeyPatch, good: Path, canary: Canary
) -> None:
    with raises_saying(ConfigurationError, "LONGSHORE_SMTP_HOST"):
        send(EmailConnection())
    with SmtpServer(password=canary.value, tls=server_context(good)) as smtp:
        said = {
            "HOST": "127.0.0.1",
            "PORT": str(smtp.port),
            "USERNAME": "ann@example.com",
            "PASSWORD": canary.value,
        }
        for name, value in said.items():
            monkeypatch.setenv(f"LONGSHORE_SMTP_{name}", value)
        EmailSend(connection=EmailConnection(ca_file=good), retries=0).run("bob@example.com", "s")
        assert (smtp.mails[0].user, smtp.mails[0].sender) == ("ann@example.com", "ann@example.com")
        monkeypatch.setenv("LONGSHORE_SMTP_SENDER", "reports@example.com")
        EmailSend(connection=EmailConnection(ca_file=good), retries=0).run("bob@example.com", "s")
        assert smtp.mails[1].sender == "reports@example.com"
        with SmtpServer() as other:  # which is not the environment's, so it gets no password
            send(other.connection())
            assert other.mails[0].user == ""
    monkeypatch.setenv("LONGSHORE_SMTP_TLS", "maybe")
    with raises_saying(ConfigurationError, "maybe"):
        send(EmailConnection())
