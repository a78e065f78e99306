"""Slack as a channel of alerts: sent, edited, found; never a ping that nobody meant; never lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("slack_sdk", reason="needs longshore[slack]")

from slack_rig import attached, running_slack, shown

from longshore import (
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
from longshore_slack import SlackAlert, SlackChannel
from longshore_slack.checkups import check_credentials
from longshore_slack.connections import SlackConnection
from longshore_slack.testing import SlackServer

FAMILY = "👨‍👩‍👧‍👦"
NAUGHTY = [
    "<!channel>",
    "<!everyone|x>", "<@U012AB3CD>", "<!subteam^S012AB3CD>", "@here @channel", "&lt;!here&gt;",
    "<https://evil.example|click>", "```<!here>```", "*_~`", "\x00\x07\ufffe", "\ud800 half",
    "\u202e\u2066rtl",
    "Z̴̡̛" * 50, FAMILY * 100, "💩" * 4_000, "ﷺ" * 4_000, "' OR 1=1 --", "${jndi:ldap://x}", "{{7*7}}", "%s%n%d",
    "\r\n.\r\n", " ", "", "\n" * 5_000, "a" * 100_000, "&" * 10_000, "<" * 3_001,
]  # fmt: skip


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackServer]:
    yield from running_slack(monkeypatch)


@pytest.fixture
def channel(slack: SlackServer) -> SlackChannel:
    return SlackChannel("#data", base_url=slack.base_url)


def message(**changes: Any) -> Message:
    import time

    return replace(
        Message(key="k1", title="nightly failed: load", text="no answer", time=time.time()), **changes
    )


def test_a_message_is_sent_edited_answered_and_found(slack: SlackServer, channel: SlackChannel) -> None:
    assert (channel.edits, channel.threads, channel.finds) == (True, True, True)
    channel.probe()
    first = message()
    assert channel.find(first) is None
    receipt = channel.send(first)
    channel.send(message(key="k2"))
    assert channel.find(first) == receipt
    channel.edit(receipt, message(title="nightly recovered: load", status="recovered", severity="info"))
    assert channel.find(first) == receipt
    reply = channel.reply(receipt, message(key="k1/details", details=(Detail("Log", "one\ntwo"),)))
    seen = shown(slack, receipt.id)
    assert seen.text.startswith("✔ nightly recovered")
    assert shown(slack, reply.id).thread_ts == receipt.id
    assert seen.metadata == {"event_type": "longshore_alert", "event_payload": {"key": "k1"}}


def test_a_message_is_found_where_metadata_cannot_be_read(slack: SlackServer, channel: SlackChannel) -> None:
    slack.scopes.discard("metadata.message:read")
    receipt = channel.send(message())
    assert channel.find(message()) == receipt


@pytest.mark.parametrize("scope", ["channels:history", "channels:read"])
def test_without_a_scope_it_says_that_it_cannot_be_seen(
    scope: str, slack: SlackServer, channel: SlackChannel
) -> None:
    slack.scopes -= {scope, scope.replace("channels", "groups"), scope.replace("channels", "im")}
    slack.scopes -= {scope.replace("channels", "mpim")}
    with pytest.raises(DeliveryError, match=f"{scope}") as caught:
        channel.find(message())
    assert not caught.value.retryable
    assert not caught.value.uncertain


@pytest.mark.parametrize(
    ("kind", "retryable", "uncertain"),
    [
        ("429", True, False), ("500", True, False), ("503", True, False), ("html", True, True),
        ("closed", True, True), ("reset", True, True), ("half", True, True), ("invalid_auth", False, False),
        ("not_in_channel", False, False), ("fatal_error", True, False),
    ],
)  # fmt: skip
def test_every_failure_is_told_as_a_delivery_that_failed(
    kind: str, retryable: bool, uncertain: bool, slack: SlackServer, channel: SlackChannel
) -> None:
    slack.fail("chat.postMessage", kind=kind, retry_after=7)
    with pytest.raises(DeliveryError) as caught:
        channel.send(message())
    error = caught.value
    assert (error.retryable, error.uncertain) == (retryable, uncertain)
    assert error.retry_after == (7.0 if kind == "429" else None)
    assert slack.token not in f"{error!r}{vars(error)}{error.__cause__!r}"
    assert (channel.find(message()) is not None) is (kind in ("reset", "half"))


def test_a_message_that_was_removed_is_given_up_and_a_token_is_not(
    slack: SlackServer, channel: SlackChannel
) -> None:
    receipt = channel.send(message())
    for kind, retryable in (("message_not_found", False), ("invalid_auth", True), ("500", True)):
        slack.fail("chat.update", kind=kind)
        with pytest.raises(DeliveryError) as caught:
            channel.edit(receipt, message())
        assert caught.value.retryable is retryable


def test_without_any_credential_both_are_named(
    monkeypatch: pytest.MonkeyPatch, slack: SlackServer, channel: SlackChannel
) -> None:
    monkeypatch.delenv("SLACK_BOT_TOKEN")
    with pytest.raises(ConfigurationError, match="SLACK_BOT_TOKEN or SLACK_WEBHOOK_URL"):
        channel.send(message())
    monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.webhook("data"))
    channel.send(message())
    channel.probe()
    assert not channel.edits
    assert len(slack.messages("data")) == 1


def test_who_is_to_be_called_is_called_once_and_only_then(slack: SlackServer) -> None:
    channel = SlackChannel("#data", base_url=slack.base_url, mention="error=ann@example.com critical=@here")
    receipt = channel.send(message())
    ann = slack.user_of("ann")
    assert shown(slack, receipt.id).pings == (f"<@{ann}>",)
    assert shown(slack, channel.send(message(severity="critical")).id).pings == ("<!here>",)
    assert shown(slack, channel.send(message(severity="info")).id).pings == ()


def test_somebody_who_cannot_be_found_does_not_keep_the_message_back(slack: SlackServer) -> None:
    channel = SlackChannel("#data", base_url=slack.base_url, mention="nobody@example.com")
    receipt = channel.send(message())
    text = json.dumps(shown(slack, receipt.id).blocks)
    assert "nobody@example.com could not be called" in text


def test_a_group_is_called_by_its_handle_and_missed_in_words(slack: SlackServer) -> None:
    group = slack.add_group("oncall")
    channel = SlackChannel("#data", base_url=slack.base_url, mention="@oncall")
    assert shown(slack, channel.send(message()).id).pings == (f"<!subteam^{group}>",)
    slack.scopes.discard("usergroups:read")
    other = SlackChannel("#data", base_url=slack.base_url, mention="@others")
    seen = shown(slack, other.send(message()).id)
    assert seen.pings == ()
    assert "usergroups:read" in json.dumps(seen.blocks)


def test_a_person_is_told_and_found(slack: SlackServer) -> None:
    for target in ("ann@example.com", "@bob"):
        channel = SlackChannel(target, base_url=slack.base_url)
        receipt = channel.send(message())
        assert receipt.place.startswith("D")
        assert channel.find(message()) == receipt
        channel.edit(receipt, message(status="recovered"))


def test_what_is_found_out_first_leaves_no_doubt_when_it_fails(slack: SlackServer) -> None:
    slack.fail("users.lookupByEmail", kind="reset")
    with pytest.raises(DeliveryError) as caught:
        SlackChannel("ann@example.com", base_url=slack.base_url).send(message())
    assert (caught.value.retryable, caught.value.uncertain) == (True, False)


# --- N4


def texts_with(naughty: str) -> Message:
    return message(
        title=f"nightly failed: {naughty}", text=naughty, fields=(("Run", naughty), (naughty, "x")),
        details=(Detail("Log", naughty), Detail(naughty, "x")), link=naughty, notes=(naughty,),
    )  # fmt: skip


@pytest.mark.gate("N4")
@pytest.mark.parametrize("mode", ["token", "webhook"])
@pytest.mark.parametrize("naughty", NAUGHTY, ids=range(len(NAUGHTY)))
def test_naughty_texts_are_taken_and_call_nobody(
    naughty: str, mode: str, slack: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_HOOK", slack.webhook("data"))
    webhook = Secret("env:SLACK_HOOK") if mode == "webhook" else None
    channel = SlackChannel("#data", base_url=slack.base_url, webhook=webhook)
    channel.send(texts_with(naughty))
    [seen] = [one for one in slack.messages("data") if not one.files]
    assert seen.pings == ()
    json.dumps(seen.blocks, ensure_ascii=False).encode()
    seen.text.encode()
    assert seen.text.startswith("✖ nightly failed")


@pytest.mark.gate("N4")
def test_a_megabyte_is_cut_with_a_note_and_attached_whole(slack: SlackServer, channel: SlackChannel) -> None:
    for place in range(2_990, 3_004):  # an emoji at every place where the cut may be
        long = "x" * place + FAMILY * 90_000
        receipt = channel.send(message(key=f"k{place}", text=long[: 1 << 20]))
        seen = shown(slack, receipt.id)
        error = seen.blocks[1]["text"]["text"]
        assert len(error) <= 3_000
        assert error.rstrip("…").strip("x").replace(FAMILY, "") == ""
        note = seen.blocks[-1]["elements"][-1]["text"]
        assert "characters of the text left out" in note
        assert "in the thread" in note
    [whole] = attached(slack, receipt.id)
    assert long[: 1 << 20] in whole.decode()


@pytest.mark.gate("N4")
def test_more_than_fifty_blocks_are_cut_with_a_note(slack: SlackServer, channel: SlackChannel) -> None:
    fields = tuple((f"field {n}", "v" * 500) for n in range(60))
    details = tuple(Detail(f"detail {n}", "line\n" * 1_000) for n in range(60))
    receipt = channel.send(message(fields=fields, details=details))
    seen = shown(slack, receipt.id)
    assert len(seen.blocks) <= 50
    note = seen.blocks[-1]["elements"][-1]["text"]
    assert "of 60 fields" in note
    assert "of 60 details" in note
    assert b"detail 59" in attached(slack, receipt.id)[0]


@pytest.mark.gate("N4")
def test_what_cannot_be_attached_is_said(slack: SlackServer, channel: SlackChannel) -> None:
    slack.scopes.discard("files:write")
    receipt = channel.send(message(text="x" * 10_000))
    note = shown(slack, receipt.id).blocks[-1]["elements"][-1]["text"]
    assert "could not be attached" in note
    assert "files:write" in note


# --- with the engine


@task
def load(fail: bool) -> None:
    if fail:
        raise ConnectionError("the warehouse <!channel> does not answer")


def test_a_failure_is_one_message_that_is_edited_when_all_is_well_again(
    slack: SlackServer, tmp_path: Path
) -> None:
    @flow(step_handlers=[SlackAlert("#data", base_url=slack.base_url)])
    def nightly(fail: bool) -> None:
        load(fail)

    store = SQLiteStore(tmp_path / "runs.db")
    nightly.run(fail=True, store=store)
    flush_alerts()
    nightly.run(fail=False, store=store)
    flush_alerts()
    first, *others = slack.messages("data")
    assert first.text.startswith("✔ nightly recovered: load")
    assert first.edited
    assert first.pings == ()
    assert all(one.thread_ts == first.ts for one in others)


# --- longshore doctor


def test_the_doctor_looks_at_the_credential(
    slack: SlackServer, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def told() -> list[tuple[str, bool, str]]:
        return list(check_credentials(SlackConnection(base_url=slack.base_url)))

    assert all(ok for _, ok, _ in told())
    slack.scopes.discard("files:write")
    assert ("scopes", False) in [(name, ok) for name, ok, _ in told()]
    assert "files:write" in "".join(text for _, ok, text in told() if not ok)
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-wrong")
    assert told()[0][:2] == ("token", False)
    monkeypatch.delenv("SLACK_BOT_TOKEN")
    assert "none in the environment" in next(iter(check_credentials()))[2]
    monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.webhook("data"))
    assert list(check_credentials()) == [("webhook", True, "answers")]
    monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.url + "/services/T/B/gone")
    assert next(iter(check_credentials()))[1] is False
