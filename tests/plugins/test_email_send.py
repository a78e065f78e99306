"""Mail arrives as it was meant, at a real server; what cannot be sent says why, and is sent to nobody."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from smtp_rig import SmtpServer

from longshore import Exponential, Failed, flow
from longshore.testing import raises_saying
from longshore_email import (
    Attachment,
    ConnectionFailed,
    EmailConnection,
    EmailSend,
    MailInvalid,
    MailRefused,
    MailTooLarge,
    MailUncertain,
    RecipientsRefused,
)

ONCE: dict[str, Any] = {"sender": "Reports <reports@example.com>", "retries": 0}
AGAIN: dict[str, Any] = {**ONCE, "retries": 2, "retry_delay": Exponential(base=0.01, cap=0.02)}


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


def test_a_mail_arrives_with_text_html_and_attachments(smtp: SmtpServer, tmp_path: Path) -> None:
    path = tmp_path / "flüge.csv"
    path.write_bytes(b"day,delay\n\xff\x00")
    sent = EmailSend(connection=smtp.connection(), **ONCE)(
        ["Ann Lee <ann@example.com>", '"Bob, the \\"B\\"" <bob@example.com>'],
        "Flüge of 2013 — alle",
        "All of them.\n.\n.dot\nfrom here\n" + "x" * 5_000,
        html="<p>All of <b>them</b>.</p>",
        cc="cora@example.com",
        bcc="zoe@example.com",
        reply_to="desk@example.com",
        attachments=[path, Attachment("notes.txt", "grüße"), Attachment("a/b\\c.json", b"{}")],
        headers={"X-Flow": "nightly"},
        priority="high",
    )
    [mail] = smtp.mails
    message = mail.message
    assert mail.recipients == ["ann@example.com", "bob@example.com", "cora@example.com", "zoe@example.com"]
    assert sent.accepted == tuple(mail.recipients)
    assert sent.message_id == message["Message-ID"]
    assert message["Subject"] == "Flüge of 2013 — alle"
    assert message["From"] == "Reports <reports@example.com>"
    assert [one.display_name for one in message["To"].addresses] == ["Ann Lee", 'Bob, the "B"']
    assert "zoe" not in mail.content.decode()
    assert message["Reply-To"] == "desk@example.com"
    assert (message["X-Flow"], message["X-Priority"], message["Importance"]) == ("nightly", "1", "high")
    assert mail.part("plain") == "All of them.\n.\n.dot\nfrom here\n" + "x" * 5_000 + "\n"
    assert mail.part("html") == "<p>All of <b>them</b>.</p>\n"
    assert mail.files["flüge.csv"] == b"day,delay\n\xff\x00"
    assert mail.files["notes.txt"] == "grüße".encode()
    assert mail.files["a_b_c.json"] == b"{}"
    assert max(map(len, mail.content.splitlines())) <= 998


@pytest.mark.parametrize(
    "subject",
    [
        "ü" * 500,
        "Ünïcødé " * 40,
        "🚚" * 100,
        "a" * 900,
        "x,y;z: <a@b>",
        "日本語の件名" * 20,
    ],
)
def test_any_subject_arrives_as_it_is(smtp: SmtpServer, subject: str) -> None:
    EmailSend(connection=smtp.connection(), **ONCE)("ann@example.com", subject)
    assert smtp.mails[0].message["Subject"] == subject.strip()


@pytest.mark.parametrize(
    "broken", ["x\r\nBcc: eve@example.com", "x\nX: y", "x\ry", "x\x00y", "x\x85y", "x\u2028y", "x\x0by"]
)
def test_no_header_can_be_injected(smtp: SmtpServer, broken: str) -> None:
    send = EmailSend(connection=smtp.connection(), **ONCE)
    for call in (
        lambda: send.run("ann@example.com", broken),
        lambda: send.run(f"ann@example.com{broken}", "s"),
        lambda: send.run(f"{broken} <ann@example.com>", "s"),
        lambda: send.run("ann@example.com", "s", headers={"X-A": broken}),
        lambda: send.run("ann@example.com", "s", headers={f"X-{broken}": "a"}),
        lambda: send.run("ann@example.com", "s", reply_to=f"<{broken}@example.com>"),
    ):
        with pytest.raises(MailInvalid):
            call()
    send.run("ann@example.com", "s", attachments=[Attachment(f"a{broken}.txt", b"x")])
    assert len(smtp.mails) == 1
    assert smtp.mails[0].recipients == ["ann@example.com"]
    assert smtp.mails[0].message["Bcc"] is None


NO_ADDRESSES = "ann,@example.com,ann@,a b@example.com,ann@ex ample.com,<ann@x,ann@@example.com,ann@-x.com"
NO_ADDRESSES += ",ann@straße.de,a..b@example.com,ann@example.com>x,"


@pytest.mark.parametrize("address", NO_ADDRESSES.split(","))
def test_what_is_no_address_is_refused_before_anything_is_sent(smtp: SmtpServer, address: str) -> None:
    with pytest.raises(MailInvalid):
        EmailSend(connection=smtp.connection(), **ONCE).run(address, "s")
    assert smtp.commands == []


def test_letters_beyond_ascii_need_smtputf8_only_before_the_at(smtp: SmtpServer) -> None:
    send = EmailSend(connection=smtp.connection(), **ONCE)
    send("jörg@example.com, ann@bücher.example", "s")
    assert smtp.mails[0].recipients == ["jörg@example.com", "ann@xn--bcher-kva.example"]
    assert str(smtp.mails[0].message["To"]).startswith("jörg@example.com")
    with SmtpServer(smtputf8=False) as old:
        send = EmailSend(connection=old.connection(), **ONCE)
        send("ann@bücher.example", "s")
        with raises_saying(MailRefused, "no SMTPUTF8"):
            send.run("jörg@example.com", "s")
        assert len(old.mails) == 1


@pytest.mark.parametrize(
    ("word", "code"),
    [("EHLO", 451), ("MAIL", 450), ("RCPT", 450), ("DATA", 452), (".", 451), ("MAIL", 421), ("RCPT", 421)],
)
def test_a_server_that_says_later_is_asked_again(smtp: SmtpServer, word: str, code: int) -> None:
    """Greylisting, and every other 4xx, at any command; one mail comes."""
    smtp.answers[word] = [f"{code} 4.2.0 come back later"]
    sent = EmailSend(connection=smtp.connection(), **AGAIN)("ann@example.com", "s")
    assert [mail.message["Message-ID"] for mail in smtp.mails] == [sent.message_id]


@pytest.mark.parametrize("word", ["MAIL", "RCPT", "DATA", "."])
def test_a_server_that_says_no_is_asked_once(smtp: SmtpServer, word: str) -> None:
    smtp.answers[word] = ["554 5.7.1 not from you"]
    with raises_saying(MailRefused, "554", "not from you"):
        EmailSend(connection=smtp.connection(), retries=0, sender="me@example.com").run(
            "ann@example.com", "s"
        )
    assert smtp.mails == []
    assert smtp.commands.count("MAIL") == 1


@pytest.mark.parametrize(("greeting", "retryable"), [("554 5.3.2 go away", False), ("421 4.3.2 busy", True)])
def test_a_server_that_greets_with_no_is_believed(greeting: str, retryable: bool) -> None:
    with SmtpServer(greeting=greeting) as smtp, pytest.raises(MailRefused, match=greeting[:3]) as caught:
        EmailSend(connection=smtp.connection(), **ONCE).run("ann@example.com", "s")
    assert caught.value.retryable is retryable


def test_one_refused_recipient_keeps_the_mail_from_all_and_is_named(smtp: SmtpServer) -> None:
    smtp.refuses = {"bob@example.com": "550 5.1.1 no such user", "cy@example.com": "450 4.2.1 later"}
    with pytest.raises(RecipientsRefused, match=r"bob@example.com: 550.*cy@example.com: 450") as caught:
        people = "ann@example.com, bob@example.com, cy@example.com"
        EmailSend(connection=smtp.connection(), **ONCE).run(people, "s")
    assert set(caught.value.recipients) == {"bob@example.com", "cy@example.com"}
    assert caught.value.retryable is False
    assert smtp.mails == []


def test_with_partial_the_others_get_it_and_the_result_names_who_did_not(smtp: SmtpServer) -> None:
    smtp.refuses = {"bob@example.com": "550 5.1.1 no such user"}
    send = EmailSend(connection=smtp.connection(), partial=True, **ONCE)
    sent = send("ann@example.com, bob@example.com", "s")
    assert sent.accepted == ("ann@example.com",)
    assert sent.refused == {"bob@example.com": "550 5.1.1 no such user"}
    assert smtp.mails[0].recipients == ["ann@example.com"]
    with pytest.raises(RecipientsRefused):
        send.run("bob@example.com", "s")


@pytest.mark.parametrize("word", ["EHLO", "MAIL", "RCPT", "DATA"])
def test_a_line_cut_before_the_mail_was_handed_over_is_tried_again(smtp: SmtpServer, word: str) -> None:
    smtp.cut = word
    with raises_saying(ConnectionFailed, "nobody has got it"):
        EmailSend(connection=smtp.connection(), **AGAIN).run("ann@example.com", "s")
    assert smtp.mails == []


def test_a_line_cut_after_the_mail_leaves_a_doubt_and_is_not_tried_again(smtp: SmtpServer) -> None:
    smtp.cut = "."
    with raises_saying(MailUncertain, "handed over"):
        EmailSend(connection=smtp.connection(), **ONCE).run("ann@example.com", "s")

    @flow
    def nightly() -> None:
        EmailSend(connection=smtp.connection(), **AGAIN)("bob@example.com", "s")

    assert isinstance(nightly.run().state, Failed)
    assert [mail.recipients for mail in smtp.mails] == [["ann@example.com"], ["bob@example.com"]]


def test_a_repeatable_mail_that_came_twice_has_one_message_id(smtp: SmtpServer) -> None:
    smtp.cut = "."

    @flow
    def nightly() -> None:
        EmailSend(connection=smtp.connection(), repeatable=True, **AGAIN)("ann@example.com", "s")
        EmailSend(connection=smtp.connection(), repeatable=True, **AGAIN)("ann@example.com", "s")

    nightly.run()
    assert len(smtp.mails) == 6
    assert len({mail.message["Message-ID"] for mail in smtp.mails}) == 2


def test_a_server_that_never_answers_is_left_after_the_read_timeout(smtp: SmtpServer) -> None:
    smtp.stall = "MAIL"
    began = time.monotonic()
    with raises_saying(ConnectionFailed, "timed out"):
        EmailSend(connection=smtp.connection(read_timeout=0.2), **ONCE).run("ann@example.com", "s")
    assert time.monotonic() - began < 5
    smtp.stall = "."
    with pytest.raises(MailUncertain):
        EmailSend(connection=smtp.connection(read_timeout=0.2), **ONCE).run("ann@example.com", "s")


def test_the_attempts_timeout_cuts_the_line(smtp: SmtpServer) -> None:
    smtp.stall = "RCPT"
    began = time.monotonic()

    @flow
    def nightly() -> None:
        EmailSend(connection=smtp.connection(), timeout=0.3, **ONCE)("ann@example.com", "s")

    assert isinstance(nightly.run().state, Failed)
    assert time.monotonic() - began < 10
    assert smtp.mails == []


def test_nobody_there_is_worth_another_attempt() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        connection = EmailConnection(host="127.0.0.1", port=taken.getsockname()[1], tls="none")
        with raises_saying(ConnectionFailed, "refused"):
            EmailSend(connection=connection, **ONCE).run("ann@example.com", "s")


def test_a_mail_that_is_too_large_is_not_begun() -> None:
    with SmtpServer(size=10_000) as smtp:
        send = EmailSend(connection=smtp.connection(), **ONCE)
        with raises_saying(MailTooLarge, "takes 10,000"):
            send.run("ann@example.com", "s", attachments=[Attachment("big", bytes(20_000))])
        with raises_saying(MailTooLarge, "max_size"):
            send.replace(max_size=100).run("ann@example.com", "s")
        assert "MAIL" not in smtp.commands


def test_a_missing_file_is_named(smtp: SmtpServer) -> None:
    with raises_saying(MailInvalid, "no-such.csv", "No such file"):
        EmailSend(connection=smtp.connection(), **ONCE).run(
            "ann@example.com", "s", attachments=["no-such.csv"]
        )
