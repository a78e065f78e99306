"""A channel as a person would see it, printed by the test server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("slack_sdk", reason="needs longshore[slack]")

from slack_sdk import WebClient, WebhookClient

from longshore_slack.testing import SlackServer


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        server.add_channel("flights")
        server.add_user("ann", "ann@example.com", "Ann Lee")
        yield server


@pytest.fixture
def client(slack: SlackServer) -> WebClient:
    return WebClient(slack.token, base_url=slack.base_url, timeout=10)


def seen(slack: SlackServer, width: int = 60) -> list[str]:
    """Return the lines of the transcript beneath the channel's name, with noon for every time."""
    text = re.sub(r"\b\d\d:\d\d\b", "12:00", slack.transcript("flights", width=width))
    name, rule, empty, *lines = text.splitlines()
    assert (name, set(rule), empty) == ("#flights", {"─"}, "")
    return lines


def fields(*texts: str) -> dict[str, Any]:
    return {"type": "section", "fields": [{"type": "mrkdwn", "text": text} for text in texts]}


ALERT: list[dict[str, Any]] = [
    {"type": "header", "text": {"type": "plain_text", "text": "✖ nightly failed: export"}},
    {"type": "section", "text": {"type": "plain_text", "text": "ValueError: 1 < 2 & 3"}},
    fields("*Run*\n1a2b3c", "*Attempt*\n3 of 3", "*Took*\n3.2 s"),
    {"type": "divider"},
    {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_section",
                "elements": [{"type": "text", "text": "Log", "style": {"bold": True}}],
            },
            {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "one\n  two"}]},
            {
                "type": "rich_text_list",
                "style": "bullet",
                "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "item"}]}],
            },
        ],
    },
    {
        "type": "actions",
        "elements": [
            {"type": "button", "text": {"type": "plain_text", "text": "Look"}, "url": "https://example.com"},
            {"type": "button", "text": {"type": "plain_text", "text": "Rerun"}},
        ],
    },
    {
        "type": "context",
        "elements": [{"type": "mrkdwn", "text": "told _late_"}, {"type": "plain_text", "text": "twice"}],
    },
]


def test_the_blocks_of_a_message_are_laid_out(slack: SlackServer, client: WebClient) -> None:
    client.chat_postMessage(channel="flights", text="not shown beside blocks", blocks=ALERT)
    assert seen(slack) == [
        "Longshore  APP  12:00",
        "  ✖ nightly failed: export",
        "  ━━━━━━━━━━━━━━━━━━━━━━━━",
        "  ValueError: 1 < 2 & 3",
        "",
        "  Run" + " " * 27 + "Attempt",
        "  1a2b3c" + " " * 24 + "3 of 3",
        "  Took",
        "  3.2 s",
        "  " + "─" * 58,
        "  Log",
        "  ┃ one",
        "  ┃   two",
        "  • item",
        "  [ Look ] (https://example.com)  [ Rerun ]",
        "  told _late_ · twice",
    ]


def test_edits_reactions_and_replies_are_shown(slack: SlackServer, client: WebClient) -> None:
    posted = client.chat_postMessage(channel="flights", text="failed")
    client.chat_update(channel=posted["channel"], ts=posted["ts"], text="recovered")
    slack.react("flights", posted["ts"], "eyes", "ann")
    client.reactions_add(channel=posted["channel"], timestamp=posted["ts"], name="eyes")
    slack.reply("flights", posted["ts"], "thanks", "ann")
    client.files_upload_v2(
        content="x" * 3000, filename="log.txt", channel=posted["channel"], thread_ts=posted["ts"]
    )
    slack.say("flights", "hello", "ann")
    assert seen(slack) == [
        "Longshore  APP  12:00",
        "  recovered",
        "  (edited)",
        "  :eyes: 2",
        "  2 replies",
        "  │ Ann Lee  12:00",
        "  │   thanks",
        "  │ Longshore  APP  12:00",
        "  │   [file: log.txt, 2 KB]",
        "",
        "Ann Lee  12:00",
        "  hello",
    ]


def test_markup_is_shown_as_it_is_read(slack: SlackServer, client: WebClient) -> None:
    ann, group = slack.user_of("ann"), slack.add_group("oncall")
    client.chat_postMessage(
        channel="flights",
        text=f"*bold* <https://example.com|docs> <https://e.com> <@{ann}> <!here> <!subteam^{group}> "
        "a &lt; b &amp; &lt;!channel&gt; 2*3*4 ```if a &lt; b:\n    go```after",
    )
    assert seen(slack, 100)[1:] == [
        "  bold docs (https://example.com) https://e.com @ann @here @oncall a < b & <!channel> 2*3*4",
        "  ┃ if a < b:",
        "  ┃     go",
        "  after",
    ]


def test_long_and_wide_texts_keep_to_the_width(slack: SlackServer, client: WebClient) -> None:
    client.chat_postMessage(channel="flights", text="word " * 30 + "```" + "x" * 100 + "```")
    client.chat_postMessage(channel="flights", text="x", blocks=[fields("船舶\n値", "b\nc")])
    lines = seen(slack, 40)
    assert max(map(len, lines)) <= 40
    assert "".join(line.removeprefix("  ┃ ") for line in lines if "┃" in line) == "x" * 100
    columns = [line.index(letter) for line, letter in zip(lines[-2:], "bc", strict=True)]
    assert columns == [20, 21], "a wide letter takes two columns"


def test_attachments_and_messages_for_one_user_are_marked(slack: SlackServer, client: WebClient) -> None:
    old = {"title": "Build", "text": "broken", "fields": [{"title": "By", "value": "ann"}], "footer": "ci"}
    WebhookClient(slack.webhook("flights")).send(text="hook", attachments=[old])
    client.chat_postEphemeral(channel=slack.place_of("flights").id, user=slack.user_of("ann"), text="psst")
    assert seen(slack) == [
        "Longshore  APP  12:00",
        "  hook",
        "  ▌ Build",
        "  ▌ broken",
        "  ▌ By",
        "  ▌ ann",
        "  ▌ ci",
        "",
        "Longshore  APP  12:00  only ann sees it",
        "  psst",
    ]


def test_an_empty_channel_is_its_name(slack: SlackServer) -> None:
    assert slack.transcript("#flights").splitlines()[0] == "#flights"
    with pytest.raises(LookupError, match="add_channel"):
        slack.transcript("nowhere")


def test_every_kind_of_block_has_its_place(slack: SlackServer, client: WebClient) -> None:
    ann, place = slack.user_of("ann"), slack.place_of("flights").id
    image = {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a chart"}
    inline = [
        {"type": "text", "text": "by "},
        {"type": "user", "user_id": ann},
        {"type": "text", "text": " in "},
        {"type": "channel", "channel_id": place},
        {"type": "text", "text": " "},
        {"type": "emoji", "name": "eyes"},
        {"type": "text", "text": " "},
        {"type": "broadcast", "range": "here"},
        {"type": "text", "text": " "},
        {"type": "link", "url": "https://example.com", "text": "docs"},
    ]
    blocks: list[dict[str, Any]] = [
        image,
        {"type": "section", "text": {"type": "mrkdwn", "text": "*see*"}, "accessory": image},
        {"type": "context", "elements": [image]},
        {"type": "markdown", "text": "plain enough"},
        {
            "type": "rich_text",
            "elements": [
                {"type": "rich_text_quote", "elements": inline},
                {
                    "type": "rich_text_list",
                    "style": "ordered",
                    "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "a"}]}]
                    * 2,
                },
            ],
        },
    ]
    client.chat_postMessage(channel="flights", text="x", blocks=blocks, username="Robot")
    assert seen(slack, 70) == [
        "Robot  APP  12:00",
        "  [image: a chart]",
        "",
        "  see",
        "  [image: a chart]",
        "  [image: a chart]",
        "  plain enough",
        "  ▌ by @ann in #flights :eyes: @here docs (https://example.com)",
        "  1. a",
        "  2. a",
    ]


def test_a_talk_with_a_person_has_the_persons_name(slack: SlackServer, client: WebClient) -> None:
    client.chat_postMessage(channel=slack.user_of("ann"), text="hello")
    assert slack.transcript("@ann").splitlines()[0] == "@ann"
    assert slack.messages("ann@example.com")[0].text == "hello"
