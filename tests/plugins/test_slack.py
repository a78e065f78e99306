"""What every task promises, shown for each task of Slack, and what each of them does."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

pytest.importorskip("slack_sdk", reason="needs longshore[slack]")

from slack_rig import attached, running_slack, shown
from slack_sdk.models.blocks import HeaderBlock

import longshore_slack
from longshore import ConfigurationError, LongshoreError, Task, flow, task, text
from longshore.plugins import host
from longshore.testing import TaskContract, progress_told
from longshore_slack import (
    SlackConnection,
    SlackDelete,
    SlackDeniedError,
    SlackEntry,
    SlackLookup,
    SlackMessage,
    SlackNotFoundError,
    SlackPost,
    SlackReact,
    SlackRefusedError,
    SlackUnauthorizedError,
    SlackUpdate,
    SlackUpload,
    SlackWait,
    SlackWaitError,
)
from longshore_slack.testing import SlackServer


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackServer]:
    yield from running_slack(monkeypatch)


@pytest.fixture
def connection(slack: SlackServer) -> SlackConnection:
    return SlackConnection(base_url=slack.base_url, read_timeout=5)


@pytest.fixture
def posted(connection: SlackConnection) -> SlackMessage:
    return SlackPost("#data", connection=connection)("Load 3 rows?")


class Served(TaskContract):
    """The contract, with a server of Slack that has one message."""

    __test__ = False

    @pytest.fixture(autouse=True)
    def _served(self, connection: SlackConnection, posted: SlackMessage) -> None:
        kind = type(self)
        kind.task = kind.task.replace(connection=connection)
        kind.inputs = {"message": posted} if "message" in kind.inputs else kind.inputs


class TestSlackPost(Served):
    __test__ = True
    task = SlackPost("#data")
    inputs: ClassVar[Mapping[str, Any]] = {"text": "hello"}


class TestSlackUpload(Served):
    __test__ = True
    task = SlackUpload("#data")
    inputs: ClassVar[Mapping[str, Any]] = {"files": b"rows", "filename": "rows.csv"}


class TestSlackUpdate(Served):
    __test__ = True
    task = SlackUpdate()
    inputs: ClassVar[Mapping[str, Any]] = {"message": None, "text": "changed"}

    @pytest.fixture(autouse=True)
    def _with_text(self, _served: None) -> None:
        type(self).inputs = {**self.inputs, "text": "changed"}


class TestSlackDelete(Served):
    __test__ = True
    task = SlackDelete()
    inputs: ClassVar[Mapping[str, Any]] = {"message": None}
    expected = None


class TestSlackReact(Served):
    __test__ = True
    task = SlackReact("eyes")
    inputs: ClassVar[Mapping[str, Any]] = {"message": None}
    expected = None


class TestSlackLookup(Served):
    __test__ = True
    task = SlackLookup()
    inputs: ClassVar[Mapping[str, Any]] = {"who": "ann@example.com"}


class TestSlackWait(Served):
    __test__ = True
    task = SlackWait(interval=0.05, max_wait=10)
    inputs: ClassVar[Mapping[str, Any]] = {"message": None}

    @pytest.fixture(autouse=True)
    def _answered(self, _served: None, slack: SlackServer) -> None:
        slack.react("data", self.inputs["message"].ts, "+1", "ann")


def test_the_plugin_offers_every_task() -> None:
    offered = {task for name, task in host().tasks().items() if name.startswith("slack.")}
    public = {
        value for name in longshore_slack.__all__ if inspect.isclass(value := getattr(longshore_slack, name))
    }
    assert offered == {kind for kind in public if issubclass(kind, Task)}
    assert host().channels()["slack"] is longshore_slack.SlackChannel


# --- posting


def test_values_from_upstream_call_nobody(slack: SlackServer, connection: SlackConnection) -> None:
    @task
    def name() -> str:
        return "<!channel> & <@U012AB3CD>"

    @flow
    def report() -> SlackMessage:
        return SlackPost("#data", connection=connection)(text("*{n}* done", n=name()))

    message = report.run(raise_on_failure=True).result
    seen = shown(slack, message.ts)
    assert seen.text == "*&lt;!channel&gt; &amp; &lt;@U012AB3CD&gt;* done"
    assert seen.pings == ()


def test_markup_of_ones_own_and_mentions_that_are_meant(
    slack: SlackServer, connection: SlackConnection
) -> None:
    own = SlackPost("#data", connection=connection, escape=False)("<!here> look")
    assert shown(slack, own.ts).pings == ("<!here>",)
    ann = slack.user_of("ann")
    called = SlackPost("#data", connection=connection, mention="@ann @here")("<!channel>")
    assert shown(slack, called.ts).pings == (f"<@{ann}>", "<!here>")


def test_a_reply_a_broadcast_a_whisper_and_a_message_for_later(
    slack: SlackServer, connection: SlackConnection, posted: SlackMessage
) -> None:
    post = SlackPost("#data", connection=connection, permalink=True)
    reply = post("yes", thread=posted, broadcast=True)
    assert (reply.thread_ts, reply.thread) == (posted.ts, posted.ts)
    assert reply.permalink.startswith("http")
    assert shown(slack, reply.ts).broadcast
    post("only you", ephemeral_to="ann@example.com")
    assert [call.arguments["user"] for call in slack.calls if call.method == "chat.postEphemeral"] == [
        slack.user_of("ann")
    ]
    later = post("later", at=datetime.now(UTC) + timedelta(hours=1))
    assert later.scheduled_id
    assert later.ts == ""
    SlackDelete(connection=connection)(later)
    assert [call.error for call in slack.calls if call.method == "chat.deleteScheduledMessage"] == [""]


@pytest.mark.parametrize(
    "options",
    [
        {"broadcast": True},
        {"ephemeral_to": "@ann", "at": 1.0},
        {"at": datetime(2030, 1, 1)},
    ],
)
def test_options_that_contradict_each_other_are_an_error(
    options: dict[str, Any], connection: SlackConnection
) -> None:
    with pytest.raises(ConfigurationError):
        SlackPost("#data", connection=connection)("hello", **options)


def test_a_person_is_written_to(slack: SlackServer, connection: SlackConnection) -> None:
    for target in ("ann@example.com", "@ann", slack.user_of("ann")):
        message = SlackPost(target, connection=connection)("hello")
        assert message.channel.startswith("D")
    with pytest.raises(SlackNotFoundError, match="nobody has that name"):
        SlackPost("@nobody", connection=connection)("hello")


def test_a_huge_text_is_cut_and_attached(slack: SlackServer, connection: SlackConnection) -> None:
    whole = "row <1> & 2\n" * 100_000
    message = SlackPost("#data", connection=connection)(whole)
    seen = shown(slack, message.ts)
    assert "All of it is in the thread" in seen.text
    assert attached(slack, message.ts) == [whole.encode()]


def test_sixty_blocks_are_cut_and_attached(slack: SlackServer, connection: SlackConnection) -> None:
    blocks = [HeaderBlock(text=f"block {n}") for n in range(60)]
    message = SlackPost("#data", connection=connection)(blocks=blocks)
    seen = shown(slack, message.ts)
    assert len(seen.blocks) == 50
    assert "11 of 60 blocks" in seen.blocks[-1]["elements"][0]["text"]
    assert b"block 59" in attached(slack, message.ts)[0]


# --- changing, reacting, looking up


def test_messages_are_changed_and_removed_once_and_again(
    slack: SlackServer, connection: SlackConnection, posted: SlackMessage
) -> None:
    update = SlackUpdate(connection=connection)
    assert update(posted, "a < b") == update(posted, "a < b") == posted
    assert shown(slack, posted.ts).text == "a &lt; b"
    update(posted, "x" * 50_000)
    assert "takes no more" in shown(slack, posted.ts).text
    SlackReact("eyes", connection=connection)(posted)
    SlackReact(":eyes:", connection=connection)(posted)
    assert list(shown(slack, posted.ts).reactions) == ["eyes"]
    SlackReact("eyes", remove=True, connection=connection)(posted)
    SlackReact("eyes", remove=True, connection=connection)(posted)
    SlackDelete(connection=connection)(posted)
    SlackDelete(connection=connection)(posted)
    with pytest.raises(LongshoreError, match="message_not_found"):
        update(posted, "too late")


def test_names_are_looked_up_through_all_pages(slack: SlackServer, connection: SlackConnection) -> None:
    for n in range(450):
        slack.add_channel(f"c{n}")
    lookup = SlackLookup(connection=connection)
    assert lookup("#c449").kind == "channel"
    assert len([call for call in slack.calls if call.method == "conversations.list"]) == 3
    ann = lookup("@ann")
    assert ann == SlackEntry(slack.user_of("ann"), "user", "ann", ann.real_name, "ann@example.com")
    assert lookup(ann.id) == ann
    with pytest.raises(SlackNotFoundError):
        lookup("nobody@example.com")
    with pytest.raises(SlackNotFoundError, match="/invite @bot"):
        lookup("#nowhere")


def test_a_list_goes_on_after_slack_asked_to_wait(slack: SlackServer, connection: SlackConnection) -> None:
    for n in range(250):
        slack.add_channel(f"c{n}")
    slack.fail("conversations.list", kind="429", times=2, retry_after=0)
    assert SlackLookup(connection=connection, retries=0)("#c249").name == "c249"


# --- files


def test_files_of_any_size_are_sent_as_they_are_read(
    slack: SlackServer, connection: SlackConnection, posted: SlackMessage, tmp_path: Path
) -> None:
    big = tmp_path / "big.bin"
    big.write_bytes(b"0123456789abcdef" * (1 << 18))
    small = tmp_path / "ünïcode ☃.txt"
    small.write_text("snow")
    with progress_told() as told:
        files = SlackUpload("#data", connection=connection).run(
            [big, small], comment="<!here>", thread=posted
        )
    assert [file.name for file in files] == ["big.bin", "ünïcode ☃.txt"]
    assert [len(data) for data in attached(slack, posted.ts)] == [4 << 20, 4]
    assert told[-1].total == 4
    assert all(not message.pings for message in slack.messages("data"))


def test_a_file_that_was_not_shown_is_sent_again_and_one_that_may_have_been_is_not(
    slack: SlackServer, connection: SlackConnection
) -> None:
    upload = SlackUpload("#data", connection=connection, retry_delay=0.0)
    slack.fail("upload", kind="500")
    slack.fail("files.getUploadURLExternal", kind="reset")
    upload(b"rows", filename="rows.csv")
    assert [call.method for call in slack.calls].count("files.completeUploadExternal") == 1
    slack.fail("files.completeUploadExternal", kind="reset")
    with pytest.raises(LongshoreError, match="not sent again"):
        upload(b"rows", filename="rows.csv")
    assert [call.method for call in slack.calls].count("files.completeUploadExternal") == 2


def test_a_file_that_cannot_be_sent_says_why(connection: SlackConnection, tmp_path: Path) -> None:
    upload = SlackUpload("#data", connection=connection)
    with pytest.raises(LongshoreError, match="No such file"):
        upload(tmp_path / "missing")
    with pytest.raises(SlackRefusedError, match="no empty files"):
        upload(b"")
    with pytest.raises(ConfigurationError, match="are for one file"):
        upload([b"a", b"b"], title="two")


# --- approvals


@pytest.mark.parametrize("emoji", ["white_check_mark", "+1::skin-tone-4"])
def test_a_reaction_approves(
    emoji: str, slack: SlackServer, connection: SlackConnection, posted: SlackMessage
) -> None:
    SlackReact("x", connection=connection)(posted)  # the bot's own is no answer
    slack.react("data", posted.ts, "+1", "bob")
    threading.Timer(0.15, lambda: slack.react("data", posted.ts, emoji, "ann")).start()
    answer = SlackWait(who="ann@example.com", interval=0.05, max_wait=10, connection=connection)(posted)
    assert (answer.user, answer.emoji) == (slack.user_of("ann"), emoji.partition("::")[0])


def test_a_denial_raises_and_counts_more(
    slack: SlackServer, connection: SlackConnection, posted: SlackMessage
) -> None:
    slack.react("data", posted.ts, "+1", "ann")
    slack.react("data", posted.ts, "x", "bob")
    with pytest.raises(SlackDeniedError, match=r"denied by .*: :x:") as caught:
        SlackWait(connection=connection)(posted)
    assert caught.value.user == slack.user_of("bob")


@pytest.mark.parametrize(
    ("reply", "mode", "approved"),
    [
        ("Yes, please", "words", True),
        ("*no*!", "words", False),
        ("no way", "any", False),
        ("when?", "any", True),
        ("when?", "words", None),
        ("yes", "none", None),
    ],
)
def test_a_reply_answers(
    reply: str, mode: Any, approved: bool | None,
    slack: SlackServer, connection: SlackConnection, posted: SlackMessage,
) -> None:  # fmt: skip
    SlackPost("#data", connection=connection)("yes says the bot", thread=posted)
    slack.reply("data", posted.ts, reply, "ann")
    wait = SlackWait(
        replies=mode, interval=0.05, max_wait=0.2 if approved is None else 10, connection=connection
    )
    if approved:
        assert wait(posted).text == reply
    else:
        with pytest.raises(SlackWaitError if approved is None else SlackDeniedError):
            wait(posted)


def test_an_outage_is_waited_out(
    slack: SlackServer, connection: SlackConnection, posted: SlackMessage
) -> None:
    for kind in ("500", "429", "closed", "html", "half"):
        slack.fail("reactions.get", kind=kind, retry_after=0)
    slack.react("data", posted.ts, "+1", "ann")
    assert SlackWait(interval=0.01, max_wait=10, connection=connection)(posted).emoji == "+1"


def test_waiting_ends_at_once_where_it_is_hopeless(
    slack: SlackServer, connection: SlackConnection, posted: SlackMessage
) -> None:
    slack.scopes.discard("reactions:read")
    with pytest.raises(SlackUnauthorizedError, match="reactions:read"):
        SlackWait(connection=connection)(posted)


def test_an_emoji_cannot_say_yes_and_no() -> None:
    with pytest.raises(ConfigurationError, match="for a yes and for a no"):
        SlackWait(approve=("x",))
