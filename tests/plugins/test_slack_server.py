"""The test server answers as Slack documents; each test goes through Slack's own client.

Pages are those of docs.slack.dev: the reference of each method, "Block Kit", "Rate limits".
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("slack_sdk", reason="needs longshore[slack]")

from slack_sdk import WebClient, WebhookClient
from slack_sdk.errors import SlackApiError

from longshore_slack.testing import SlackServer


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        server.add_channel("data")
        server.add_user("ann", "ann@example.com", "Ann Lee")
        yield server


@pytest.fixture
def client(slack: SlackServer) -> WebClient:
    return WebClient(slack.token, base_url=slack.base_url, timeout=10)


def word_of(call: Any, **arguments: Any) -> str:
    """Return Slack's word for why a call failed."""
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    return str(caught.value.response["error"])


def raw(slack: SlackServer, method: str, body: bytes, kind: str = "application/json") -> dict[str, Any]:
    """Return the answer to a body that the client would not send."""
    headers = {"Authorization": f"Bearer {slack.token}", "Content-Type": kind}
    request = urllib.request.Request(slack.base_url + method, body, headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        return dict(json.load(response))


def test_the_bot_is_who_it_is_and_its_scopes_are_in_a_header(slack: SlackServer, client: WebClient) -> None:
    answer = client.auth_test()
    assert (answer["user_id"], answer["team"]) == (slack.bot, "Longshore")
    assert "chat:write" in str(answer.headers["x-oauth-scopes"]).split(",")


def test_a_token_that_is_missing_wrong_or_narrow_is_refused(slack: SlackServer) -> None:
    assert word_of(WebClient(base_url=slack.base_url).auth_test) == "not_authed"
    assert word_of(WebClient("xoxb-other", base_url=slack.base_url).auth_test) == "invalid_auth"
    slack.scopes.discard("reactions:write")
    client = WebClient(slack.token, base_url=slack.base_url)
    with pytest.raises(SlackApiError) as caught:
        client.reactions_add(channel="C1", timestamp="1.1", name="eyes")
    answer = caught.value.response
    assert (answer["error"], answer["needed"]) == ("missing_scope", "reactions:write")
    assert "chat:write" in answer["provided"]


def test_a_method_and_a_body_that_there_are_not_are_refused(slack: SlackServer) -> None:
    assert raw(slack, "chat.shout", b"{}")["error"] == "unknown_method"
    assert raw(slack, "chat.postMessage", b"{")["error"] == "invalid_json"
    assert raw(slack, "chat.postMessage", b'{"text": "\xff"}')["error"] == "invalid_json"
    assert raw(slack, "chat.postMessage", b'{"text": "\\ud83d"}')["error"] == "invalid_json"
    assert raw(slack, "chat.postMessage", b"[]")["error"] == "json_not_object"
    assert raw(slack, "chat.postMessage", b"a=%ff", "application/x-www-form-urlencoded")["error"] == (
        "invalid_form_data"
    )
    assert raw(slack, "chat.postMessage", b"hello", "text/plain")["error"] == "invalid_post_type"


def test_methods_that_read_take_forms_and_see_no_json(slack: SlackServer) -> None:
    channel = slack.add_channel("lake")
    form = f"channel={channel}".encode()
    assert raw(slack, "conversations.info", form, "application/x-www-form-urlencoded")["ok"] is True
    answer = raw(slack, "conversations.info", json.dumps({"channel": channel}).encode())
    assert answer["error"] == "invalid_arguments"
    assert answer["response_metadata"]["messages"] == ["[ERROR] missing required field: channel"]


def test_a_message_is_posted_with_all_that_belongs_to_it(slack: SlackServer, client: WebClient) -> None:
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "*done*"}}
    told = {"event_type": "told", "event_payload": {"key": "1"}}
    answer = client.chat_postMessage(
        channel="#data", text="done", blocks=[section], attachments=[{"text": "more"}], metadata=told
    )
    [message] = slack.messages("data")
    assert (message.ts, message.channel, message.user) == (answer["ts"], answer["channel"], slack.bot)
    assert (message.text, message.blocks, message.attachments) == ("done", [section], [{"text": "more"}])
    assert message.metadata == told
    assert answer["message"]["bot_id"]


@pytest.mark.parametrize("form", [False, True])
def test_a_form_and_json_say_the_same(form: bool, slack: SlackServer) -> None:
    blocks = [{"type": "divider"}]
    if form:
        body = urllib.parse.urlencode({"channel": "data", "text": "a&b", "blocks": json.dumps(blocks)})
        answer = raw(slack, "chat.postMessage", body.encode(), "application/x-www-form-urlencoded")
    else:
        given = {"channel": "data", "text": "a&b", "blocks": blocks}
        answer = raw(slack, "chat.postMessage", json.dumps(given).encode())
    assert answer["ok"] is True
    [message] = slack.messages("data")
    assert (message.text, message.blocks) == ("a&b", blocks)


def test_a_reply_stands_in_its_thread_and_in_the_channel_when_it_is_told_to(
    slack: SlackServer, client: WebClient
) -> None:
    head = client.chat_postMessage(channel="data", text="head")
    client.chat_postMessage(channel="data", text="quiet", thread_ts=head["ts"])
    client.chat_postMessage(channel="data", text="loud", thread_ts=head["ts"], reply_broadcast=True)
    shown = client.conversations_history(channel=head["channel"])["messages"]
    assert [one["text"] for one in shown] == ["loud", "head"]
    assert shown[1]["reply_count"] == 2
    thread = client.conversations_replies(channel=head["channel"], ts=head["ts"])["messages"]
    assert [one["text"] for one in thread] == ["head", "quiet", "loud"]
    assert word_of(client.chat_postMessage, channel="data", text="x", thread_ts="1.1") == "thread_not_found"


def test_places_where_the_bot_may_not_post_are_refused(slack: SlackServer, client: WebClient) -> None:
    slack.add_channel("old", archived=True)
    slack.add_channel("secret", private=True, member=False)
    slack.add_channel("elsewhere", member=False)
    assert word_of(client.chat_postMessage, channel="#nowhere", text="x") == "channel_not_found"
    assert word_of(client.chat_postMessage, channel="#secret", text="x") == "channel_not_found"
    assert word_of(client.chat_postMessage, channel="#old", text="x") == "is_archived"
    client.chat_postMessage(channel="#elsewhere", text="the scope chat:write.public allows it")
    slack.scopes.discard("chat:write.public")
    assert word_of(client.chat_postMessage, channel="#elsewhere", text="x") == "not_in_channel"


def test_a_message_is_changed_and_deleted_by_the_channels_id_alone(
    slack: SlackServer, client: WebClient
) -> None:
    posted = client.chat_postMessage(channel="data", text="before", blocks=[{"type": "divider"}])
    where = {"channel": posted["channel"], "ts": posted["ts"]}
    assert word_of(client.chat_update, channel="data", ts=posted["ts"], text="x") == "channel_not_found"
    client.chat_update(**where, text="after")
    [message] = slack.messages("data")
    assert (message.text, message.blocks) == ("after", [])
    assert message.edited is not None
    assert message.edited["user"] == slack.bot
    assert raw(slack, "chat.update", json.dumps(where).encode())["error"] == "no_text"
    assert word_of(client.chat_update, **where, text="x" * 4_001) == "msg_too_long"
    client.chat_delete(**where)
    assert slack.messages("data") == []
    assert word_of(client.chat_delete, **where) == "message_not_found"


def test_metadata_stays_until_it_is_changed_or_taken_away(slack: SlackServer, client: WebClient) -> None:
    told = {"event_type": "told", "event_payload": {"key": "1"}}
    posted = client.chat_postMessage(channel="data", text="x", metadata=told)
    where = {"channel": posted["channel"], "ts": posted["ts"]}
    client.chat_update(**where, text="y")
    assert slack.messages("data")[0].metadata == told
    client.chat_update(**where, text="y", metadata={})
    assert slack.messages("data")[0].metadata is None
    slack.archive("data")
    assert word_of(client.chat_update, **where, text="z") == "is_inactive"


def test_the_message_of_somebody_else_is_not_changed(slack: SlackServer, client: WebClient) -> None:
    ts = slack.say("data", "mine", "ann")
    channel = slack.messages("data")[0].channel
    assert word_of(client.chat_update, channel=channel, ts=ts, text="x") == "cant_update_message"
    assert word_of(client.chat_delete, channel=channel, ts=ts) == "cant_delete_message"
    assert slack.messages("data")[0].text == "mine"


def test_a_message_for_one_user_is_in_no_history(slack: SlackServer, client: WebClient) -> None:
    ann = slack.user_of("ann")
    channel = client.conversations_list()["channels"][0]["id"]
    client.chat_postEphemeral(channel=channel, user=ann, text="for you")
    assert slack.messages("data")[0].only_for == ann
    assert client.conversations_history(channel=channel)["messages"] == []
    assert word_of(client.chat_postEphemeral, channel=channel, user="U9", text="x") == "user_not_in_channel"


def test_a_scheduled_message_comes_when_it_is_due(slack: SlackServer, client: WebClient) -> None:
    now = int(time.time())
    first = client.chat_scheduleMessage(channel="data", text="later", post_at=now + 60)
    second = client.chat_scheduleMessage(channel="data", text="dropped", post_at=now + 50)
    listed = client.chat_scheduledMessages_list()["scheduled_messages"]
    assert [one["text"] for one in listed] == ["dropped", "later"]
    gone = {"channel": second["channel"], "scheduled_message_id": second["scheduled_message_id"]}
    client.chat_deleteScheduledMessage(**gone)
    assert word_of(client.chat_deleteScheduledMessage, **gone) == "invalid_scheduled_message_id"
    assert slack.messages("data") == []
    slack.workspace.clock = lambda: now + 61.0
    client.auth_test()
    assert [one.text for one in slack.messages("data")] == ["later"]
    assert first["post_at"] == now + 60
    late = {"channel": "data", "text": "x"}
    assert word_of(client.chat_scheduleMessage, **late, post_at=now) == "time_in_past"
    assert word_of(client.chat_scheduleMessage, **late, post_at=now + 121 * 86_400) == "time_too_far"


def test_a_link_to_a_message_names_its_thread(slack: SlackServer, client: WebClient) -> None:
    head = client.chat_postMessage(channel="data", text="head")
    ts = slack.reply("data", head["ts"], "answer", "ann")
    link = client.chat_getPermalink(channel=head["channel"], message_ts=ts)["permalink"]
    assert link.endswith(f"/p{ts.replace('.', '')}?thread_ts={head['ts']}&cid={head['channel']}")


def test_reactions_come_and_go_once(slack: SlackServer, client: WebClient) -> None:
    posted = client.chat_postMessage(channel="data", text="x")
    where = {"channel": posted["channel"], "timestamp": posted["ts"]}
    client.reactions_add(**where, name="eyes")
    assert word_of(client.reactions_add, **where, name="eyes") == "already_reacted"
    assert word_of(client.reactions_add, **where, name="No Emoji") == "invalid_name"
    slack.react("data", posted["ts"], ":eyes:", "ann")
    [reaction] = client.reactions_get(**where)["message"]["reactions"]
    assert (reaction["name"], reaction["count"]) == ("eyes", 2)
    assert reaction["users"] == [slack.bot, slack.user_of("ann")]
    client.reactions_remove(**where, name="eyes")
    assert word_of(client.reactions_remove, **where, name="eyes") == "no_reaction"
    assert slack.messages("data")[0].reactions == {"eyes": [slack.user_of("ann")]}


def test_a_webhook_answers_in_words(slack: SlackServer) -> None:
    hook = WebhookClient(slack.webhook("data"))
    answer = hook.send(text="hello")
    assert (answer.status_code, answer.body) == (200, "ok")
    assert slack.messages("data")[0].webhook
    refused = [
        (hook.send(text=" "), 400, "no_text"),
        (hook.send(text="x", blocks=[{"type": "nonsense"}]), 400, "invalid_blocks"),
        (hook.send(text="x", attachments=[{"text": "x"}] * 101), 400, "too_many_attachments"),
        (WebhookClient(f"{slack.url}/services/T/B/none").send(text="x"), 404, "no_service"),
    ]
    assert [(got.status_code, got.body) for got, *_ in refused] == [tuple(rest) for _, *rest in refused]
    slack.archive("data")
    answer = hook.send(text="x")
    assert (answer.status_code, answer.body) == (410, "channel_is_archived")
    assert len(slack.messages("data")) == 1


def test_a_webhook_takes_no_nonsense(slack: SlackServer) -> None:
    request = urllib.request.Request(slack.webhook("data"), b"hello")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    with caught.value as error:
        assert (error.code, error.read()) == (400, b"invalid_payload")
