"""Alerts by mail: one conversation an incident, told once, whatever the server says."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from smtp_rig import SmtpServer

from longshore import (
    Alert,
    ConfigurationError,
    DeliveryError,
    Detail,
    Message,
    Secret,
    SQLiteStore,
    flow,
    flush_alerts,
    task,
)
from longshore.testing import raises_saying
from longshore_email import EmailAlert, EmailChannel

MESSAGE = Message(
    key="incident-1",
    title="nightly failed: load",
    text='ConnectionError: <no> answer & no "reason"',
    fields=(("Run", "0123"), ("Took", "12 s")),
    details=(Detail("Log", "line 1\nline 2"),),
    link="https://runs.example/0123?a=1&b=2",
)


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


def channel(smtp: SmtpServer, to: str = "Ann <ann@example.com>") -> EmailChannel:
    return EmailChannel(to, host="127.0.0.1", port=smtp.port, tls="none", sender="longshore@example.com")


def test_an_alert_is_one_mail_with_all_that_there_is_to_say(smtp: SmtpServer) -> None:
    receipt = channel(smtp).send(MESSAGE)
    [mail] = smtp.mails
    message = mail.message
    assert message["Subject"] == "nightly failed: load"
    assert receipt.id == message["Message-ID"]
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Priority"] is None
    assert mail.part("plain").strip() == MESSAGE.plain
    html = mail.part("html")
    assert "ConnectionError: &lt;no&gt; answer &amp; no &quot;reason&quot;" in html
    assert '<a href="https://runs.example/0123?a=1&amp;b=2">' in html
    assert "line 1\nline 2</pre>" in html


def test_what_is_critical_is_marked_so_and_only_links_to_pages_can_be_followed(smtp: SmtpServer) -> None:
    channel(smtp).send(replace(MESSAGE, severity="critical", link="javascript:alert(1)"))
    assert smtp.mails[0].message["Importance"] == "high"
    assert "href" not in smtp.mails[0].part("html")


def test_later_news_answers_the_first_mail(smtp: SmtpServer) -> None:
    mailbox = channel(smtp)
    assert mailbox.threads
    assert not mailbox.edits
    first = mailbox.send(MESSAGE)
    news = replace(
        MESSAGE, key="incident-1/2", title="nightly recovered: load", status="recovered", details=()
    )
    mailbox.reply(first, news)
    begun, answer = (mail.message for mail in smtp.mails)
    assert answer["In-Reply-To"] == answer["References"] == begun["Message-ID"]
    assert answer["Subject"] == f"Re: {begun['Subject']}"
    assert answer["Message-ID"] != begun["Message-ID"]
    assert smtp.mails[1].part("plain").startswith("✔ nightly recovered: load")


def test_a_message_that_is_sent_again_has_the_same_message_id(smtp: SmtpServer) -> None:
    assert channel(smtp).send(MESSAGE).id == channel(smtp).send(replace(MESSAGE, notes=("again",))).id


@pytest.mark.gate("N4")
@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000,
        "🚚" * 300_000,
        "\ud800 \x00 \x1b[31m \u2028 ]]> </pre><b>" * 500,
        "=\n.\n..\nFrom me\n" * 900,
    ],
)
def test_any_text_arrives_cut_with_a_note_and_attached_as_a_whole(smtp: SmtpServer, text: str) -> None:
    fields = tuple((f"name {n}", text[:5_000]) for n in range(60))
    message = Message(key="k", title=f"failed\r\nBcc: eve@example.com {text}", text=text, fields=fields,
                      details=(Detail("Log", text + "the end"),))  # fmt: skip
    channel(smtp).send(message)
    [mail] = smtp.mails
    assert mail.recipients == ["ann@example.com"]
    assert mail.message["Bcc"] is None
    assert mail.message["Subject"].startswith("failed Bcc: eve@example.com")
    assert len(mail.message["Subject"]) <= 200
    assert "the end" in mail.part("plain")
    assert "attached as alert.txt" in mail.part("plain")
    assert mail.files["alert.txt"].decode().startswith("✖ failed")
    assert "<b>" not in mail.part("html")
    assert len(mail.part("html")) < 1_000_000
    assert max(map(len, mail.content.splitlines())) <= 998


@pytest.mark.parametrize(("answer", "retryable"), [("451 4.3.0 later", True), ("554 5.7.1 spam", False)])
def test_a_refusal_says_whether_it_is_worth_another_try(
    smtp: SmtpServer, answer: str, retryable: bool
) -> None:
    smtp.answers["."] = [answer]
    with pytest.raises(DeliveryError, match=answer[:3]) as caught:
        channel(smtp).send(MESSAGE)
    assert (caught.value.retryable, caught.value.uncertain) == (retryable, False)


@pytest.mark.gate("N5")
def test_a_line_cut_after_the_mail_is_uncertain(smtp: SmtpServer) -> None:
    smtp.cut = "."
    with pytest.raises(DeliveryError) as caught:
        channel(smtp).send(MESSAGE)
    assert caught.value.uncertain
    smtp.cut = "DATA"
    with pytest.raises(DeliveryError) as caught:
        channel(smtp).send(MESSAGE)
    assert (caught.value.uncertain, caught.value.retryable) == (False, True)


def test_who_was_put_off_gets_it_later_and_nobody_else_again(
    smtp: SmtpServer, caplog: pytest.LogCaptureFixture
) -> None:
    mailbox = channel(smtp, "ann@example.com, bob@example.com, cy@example.com")
    smtp.refuses = {"bob@example.com": "450 4.2.0 greylisted", "cy@example.com": "550 5.1.1 no such user"}
    with raises_saying(DeliveryError, "1 of 3 was put off", "greylisted"):
        mailbox.send(MESSAGE)
    smtp.refuses = {}
    mailbox.send(MESSAGE)
    assert [mail.recipients for mail in smtp.mails] == [["ann@example.com"], ["bob@example.com"]]
    assert "cy@example.com was refused: 550" in caplog.text


def test_a_mailbox_that_is_always_full_does_not_hold_the_channel_for_ever(
    smtp: SmtpServer, caplog: pytest.LogCaptureFixture
) -> None:
    mailbox = channel(smtp, "ann@example.com, bob@example.com")
    smtp.refuses = {"bob@example.com": "452 4.2.2 mailbox full"}
    for _ in range(7):
        with pytest.raises(DeliveryError):
            mailbox.send(MESSAGE)
    mailbox.send(MESSAGE)
    assert len(smtp.mails) == 1
    assert "bob@example.com was refused: 452" in caplog.text


def test_a_probe_signs_in_and_sends_nothing(smtp: SmtpServer) -> None:
    channel(smtp).probe()
    assert smtp.commands == ["EHLO", "QUIT"]
    smtp.answers["EHLO"] = ["421 4.3.2 busy"]
    with pytest.raises(DeliveryError):
        channel(smtp).probe()


def test_an_address_makes_the_same_channel_again() -> None:
    made = EmailChannel(
        "Ann <ann@example.com>, bob@example.com", host="mail.example", username="u", verify=False, port=2525,
        password=Secret("env:MAIL_PASSWORD"), sender="me@example.com",
    )  # fmt: skip
    assert EmailChannel.of_address(made.address) == made
    assert EmailChannel("ann@example.com").address == "email:ann@example.com"
    for wrong in ("ann", "", "ann@example.com\r\nX: y"):
        with pytest.raises(ConfigurationError):
            EmailChannel(wrong)


@pytest.mark.parametrize("kept", [False, True], ids=["memory", "store"])
def test_a_flow_that_fails_and_recovers_is_one_conversation(
    smtp: SmtpServer, tmp_path: Path, kept: bool
) -> None:
    broken = [True]

    @task
    def load() -> None:
        if broken[0]:
            raise ValueError("no rows")

    connection = smtp.connection()

    @flow(state_handlers=[EmailAlert(["ann@example.com"], connection=connection, sender="me@example.com")])
    def nightly() -> None:
        load()

    store = SQLiteStore(tmp_path / "runs.db")
    with contextlib.closing(store):
        nightly.run(store=store if kept else None)
        flush_alerts()
        broken[0] = False
        nightly.run(store=store if kept else None)
        flush_alerts()
        subjects = [str(mail.message["Subject"]) for mail in smtp.mails]
        assert subjects == ["nightly failed", "Re: nightly failed"]
        assert smtp.mails[1].message["References"] == smtp.mails[0].message["Message-ID"]
        assert "nightly recovered" in smtp.mails[1].part("plain")


def test_an_email_alert_is_an_alert_with_its_settings() -> None:
    made = EmailAlert("ann@example.com", sender="me@example.com", on=["failed"], late_after=60)
    assert isinstance(made, Alert)
    assert made.late_after == 60
    with pytest.raises(TypeError, match="lateafter"):
        EmailAlert("ann@example.com", lateafter=60)


def test_a_channel_logs_nothing_of_its_own(smtp: SmtpServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    channel(smtp).send(MESSAGE)
    assert [record for record in caplog.records if record.name.startswith("longshore")] == []
