"""Channels, people and files of the test server, through Slack's own client."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("slack_sdk", reason="needs longshore[slack]")

from slack_sdk import WebClient
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


def test_channels_are_listed_in_pages_by_their_kind(slack: SlackServer, client: WebClient) -> None:
    for number in range(4):
        slack.add_channel(f"lake-{number}", archived=number == 3)
    slack.add_channel("inner", private=True)
    slack.add_channel("hidden", private=True, member=False)
    pages = [[one["name"] for one in page["channels"]] for page in client.conversations_list(limit=2)]
    assert pages == [["data", "lake-0"], ["lake-1", "lake-2"], ["lake-3"]]
    private = client.conversations_list(types="private_channel")["channels"]
    assert [one["name"] for one in private] == ["inner"]
    assert len(client.conversations_list(exclude_archived=True)["channels"]) == 4
    assert word_of(client.conversations_list, types="rooms") == "invalid_types"
    assert word_of(client.conversations_list, cursor="bogus") == "invalid_cursor"


def test_a_scope_for_each_kind_of_channel_is_needed(slack: SlackServer, client: WebClient) -> None:
    inner = slack.add_channel("inner", private=True)
    slack.scopes -= {"groups:read", "groups:history"}
    client.conversations_list()
    assert word_of(client.conversations_list, types="private_channel") == "missing_scope"
    assert word_of(client.conversations_history, channel=inner) == "missing_scope"


def test_the_bot_joins_public_channels_alone(slack: SlackServer, client: WebClient) -> None:
    outside = slack.add_channel("outside", member=False)
    assert client.conversations_info(channel=outside)["channel"]["is_member"] is False
    assert word_of(client.conversations_history, channel=outside) == "not_in_channel"
    client.conversations_join(channel=outside)
    assert client.conversations_history(channel=outside)["messages"] == []
    inner = slack.add_channel("inner", private=True)
    assert word_of(client.conversations_join, channel=inner) == "method_not_supported_for_channel_type"


def test_history_is_bounded_by_times_and_read_in_pages(slack: SlackServer, client: WebClient) -> None:
    times = [slack.say("data", f"number {number}", "ann") for number in range(5)]
    channel = slack.messages("data")[0].channel
    pages = [
        ("".join(one["text"][-1] for one in page["messages"]), page["has_more"])
        for page in client.conversations_history(channel=channel, limit=2)
    ]
    assert pages == [("43", True), ("21", True), ("0", False)]

    def between(**bounds: Any) -> list[str]:
        found = client.conversations_history(channel=channel, **bounds)["messages"]
        return [one["text"][-1] for one in found]

    assert between(oldest=times[1], latest=times[3]) == ["2"]
    assert between(oldest=times[1], latest=times[3], inclusive=True) == ["3", "2", "1"]
    assert word_of(client.conversations_history, channel=channel, oldest="noon") == "invalid_ts_oldest"


def test_metadata_is_shown_when_it_is_asked_for(client: WebClient) -> None:
    told = {"event_type": "told", "event_payload": {"key": "1"}}
    posted = client.chat_postMessage(channel="data", text="x", metadata=told)
    channel = posted["channel"]
    [without] = client.conversations_history(channel=channel)["messages"]
    [with_it] = client.conversations_history(channel=channel, include_all_metadata=True)["messages"]
    assert "metadata" not in without
    assert with_it["metadata"] == told


def test_a_user_is_found_and_written_to(slack: SlackServer, client: WebClient) -> None:
    found = client.users_lookupByEmail(email="ANN@example.com")["user"]
    assert (found["name"], found["profile"]["email"]) == ("ann", "ann@example.com")
    assert client.users_info(user=found["id"])["user"]["real_name"] == "Ann Lee"
    assert word_of(client.users_lookupByEmail, email="bob@example.com") == "users_not_found"
    assert word_of(client.users_info, user="U9") == "user_not_found"
    talk = client.conversations_open(users=found["id"])["channel"]["id"]
    assert client.chat_postMessage(channel=talk, text="hello")["channel"] == talk
    assert client.chat_postMessage(channel=found["id"], text="again")["channel"] == talk
    assert [one.text for one in slack.messages("ann")] == ["hello", "again"]
    assert word_of(client.conversations_open, users="U9") == "user_not_found"
    slack.scopes.discard("users:read.email")
    members = [one for page in client.users_list(limit=1) for one in page["members"]]
    assert [one["name"] for one in members] == ["longshore", "ann"]
    assert "email" not in members[1]["profile"]


def test_groups_are_listed(slack: SlackServer, client: WebClient) -> None:
    group = slack.add_group("oncall")
    [found] = client.usergroups_list()["usergroups"]
    assert (found["id"], found["handle"]) == (group, "oncall")


def test_a_file_is_sent_shown_and_fetched(slack: SlackServer, client: WebClient) -> None:
    head = client.chat_postMessage(channel="data", text="head")
    sent = client.files_upload_v2(
        content="a,b\n", filename="rows.csv", channel=head["channel"], thread_ts=head["ts"],
        initial_comment="all of it",
    )  # fmt: skip
    file_id = sent["file"]["id"]
    [_, message] = slack.messages("data")
    assert (message.text, message.thread_ts) == ("all of it", head["ts"])
    assert [file["title"] for file in message.files] == ["rows.csv"]
    known = client.files_info(file=file_id)["file"]
    assert known["shares"]["public"][head["channel"]] == [{"ts": message.ts}]
    assert slack.file(file_id) == b"a,b\n"
    assert fetched(known["url_private"], slack.token) == b"a,b\n"
    assert word_of(client.files_completeUploadExternal, files=[{"id": file_id}]) == "file_update_failed"
    assert fetched(known["url_private"], "wrong").startswith(b"<!DOCTYPE html>")


def fetched(url: str, token: str) -> bytes:
    """Return what a URL holds for a token."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return bytes(response.read())


def test_a_form_brings_a_file_as_well(slack: SlackServer, client: WebClient) -> None:
    place = client.files_getUploadURLExternal(filename="rows.csv", length=4)
    form = (
        b'--mark\r\nContent-Disposition: form-data; name="filename"; filename="rows.csv"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\na,b\n\r\n--mark--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=mark"}
    with urllib.request.urlopen(
        urllib.request.Request(place["upload_url"], form, headers), timeout=10
    ) as response:
        assert response.read() == b"OK - 4"
    assert slack.file(place["file_id"]) == b"a,b\n"


def test_a_file_that_is_not_whole_is_not_shown(slack: SlackServer, client: WebClient) -> None:
    place = client.files_getUploadURLExternal(filename="rows.csv", length=10)
    with pytest.raises(urllib.error.HTTPError, match="400") as caught:
        urllib.request.urlopen(urllib.request.Request(place["upload_url"], b"short"), timeout=10)
    caught.value.close()
    wanted = [{"id": place["file_id"]}]
    assert word_of(client.files_completeUploadExternal, files=wanted) == "file_not_found"
    assert word_of(client.files_getUploadURLExternal, filename="", length=1) == "invalid_arguments"
    assert slack.messages("data") == []


def test_a_file_goes_to_channels_by_id_alone(slack: SlackServer, client: WebClient) -> None:
    sent = client.files_upload_v2(content="x", filename="a.txt")
    assert sent["file"]["channels"] == []
    inner = slack.add_channel("inner", private=True)
    file_id = client.files_upload_v2(content="x", filename="a.txt", channel=inner)["file"]["id"]
    shares = client.files_info(file=file_id)["file"]["shares"]
    assert (shares["public"], list(shares["private"])) == ({}, [inner])
    assert word_of(client.files_upload_v2, content="x", filename="a.txt", channel="data") == (
        "channel_not_found"
    )


def test_what_a_file_is_not_is_said(slack: SlackServer, client: WebClient) -> None:
    for path in ("upload/v1/F9", "files-pri/F9/a.txt"):
        with pytest.raises(urllib.error.HTTPError, match="404") as caught:
            urllib.request.urlopen(f"{slack.url}/{path}", timeout=10)
        caught.value.close()
    assert word_of(client.files_info, file="F9") == "file_not_found"
    assert word_of(client.files_completeUploadExternal, files=[]) == "invalid_arguments"
    assert word_of(client.files_upload_v2, content="", filename="a.txt") == "invalid_arguments"
    outside, inside = slack.add_channel("outside", member=False), slack.place_of("data").id
    sent = {"content": "x", "filename": "a.txt"}
    assert word_of(client.files_upload_v2, **sent, channel=outside) == "not_in_channel"
    assert word_of(client.files_upload_v2, **sent, channel=inside, thread_ts="1.1") == "thread_not_found"
    assert slack.messages("data") == []


def test_talks_are_opened_with_one_person(slack: SlackServer, client: WebClient) -> None:
    ann = slack.user_of("ann")
    talk = client.conversations_open(users=ann, return_im=True)["channel"]
    assert (talk["user"], talk["is_im"]) == (ann, True)
    assert client.conversations_open(channel=talk["id"])["channel"]["id"] == talk["id"]
    assert [one["id"] for one in client.conversations_list(types="im")["channels"]] == [talk["id"]]
    assert word_of(client.conversations_open, users="") == "users_list_not_supplied"
    assert word_of(client.conversations_open, users=slack.bot) == "cannot_dm_bot"
    assert (
        word_of(client.conversations_open, users=[ann, slack.bot]) == "method_not_supported_for_channel_type"
    )
    old = slack.add_channel("old", archived=True, member=False)
    assert word_of(client.conversations_join, channel=old) == "is_archived"


def test_a_reply_alone_is_a_thread_of_one(slack: SlackServer, client: WebClient) -> None:
    head = slack.say("data", "head", "ann")
    reply = slack.reply("data", head, "reply", "ann")
    again = slack.reply("data", reply, "beneath the head as well", "ann")
    channel = slack.place_of("data").id
    thread = client.conversations_replies(channel=channel, ts=reply)["messages"]
    assert [one["ts"] for one in thread] == [reply]
    thread = client.conversations_replies(channel=channel, ts=head, oldest=reply)["messages"]
    assert [one["ts"] for one in thread] == [head, again], "the head is always there"
    assert word_of(client.conversations_replies, channel=channel, ts="1.1") == "thread_not_found"


def test_reactions_need_a_message_and_stay_few(slack: SlackServer, client: WebClient) -> None:
    ts = slack.say("data", "x", "ann")
    for number in range(23):
        slack.react("data", ts, f"e{number}", "ann")
    channel = slack.place_of("data").id
    assert word_of(client.reactions_add, channel=channel, timestamp=ts, name="one-more") == "too_many_emoji"
    client.reactions_add(channel=channel, timestamp=ts, name="e1")
    assert word_of(client.reactions_get, channel=channel) == "no_item_specified"
    assert word_of(client.reactions_add, channel=channel, timestamp="1.1", name="e1") == "message_not_found"
    outside = slack.add_channel("outside", member=False)
    assert word_of(client.reactions_add, channel=outside, timestamp=ts, name="e1") == "not_in_channel"
    slack.archive("data")
    assert word_of(client.reactions_add, channel=channel, timestamp=ts, name="e2") == "is_archived"


def test_a_thread_keeps_its_place_when_its_head_is_deleted(slack: SlackServer, client: WebClient) -> None:
    head = client.chat_postMessage(channel="data", text="head")
    slack.reply("data", head["ts"], "reply", "ann")
    client.chat_delete(channel=head["channel"], ts=head["ts"])
    assert [one.text for one in slack.messages("data")] == ["This message was deleted.", "reply"]
