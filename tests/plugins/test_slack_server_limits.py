"""What the test server takes and what is too much, through Slack's own client.

Pages are those of docs.slack.dev: "Block Kit", "Truncating really long messages", "Rate limits".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("slack_sdk", reason="needs longshore[slack]")

from slack_sdk import WebClient, WebhookClient
from slack_sdk.errors import SlackApiError

from longshore_slack.testing import SlackServer
from longshore_slack.testing.limits import Rates

DIVIDER = {"type": "divider"}


@pytest.fixture(scope="module")
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        server.add_channel("data")
        yield server


@pytest.fixture(scope="module")
def client(slack: SlackServer) -> WebClient:
    return WebClient(slack.token, base_url=slack.base_url, timeout=10)


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def markup(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def section(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "section", "text": plain(text), **more}


def button(**more: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain("Go"), **more}


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def image(**more: Any) -> dict[str, Any]:
    return {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a", **more}


def rich(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text", "elements": list(elements)}


TAKEN: dict[str, list[dict[str, Any]]] = {
    "fifty": [DIVIDER] * 50,
    "a long section": [section("x" * 3_000)],
    "a section of emoji": [section("🚢" * 1_500)],
    "ten fields": [{"type": "section", "fields": [markup("x")] * 10}],
    "a long header": [{"type": "header", "text": plain("x" * 150)}],
    "a full context": [{"type": "context", "elements": [*[plain("x")] * 9, image()]}],
    "buttons": [actions(*[button(action_id=f"a{n}") for n in range(25)])],
    "an image": [image(title=plain("t"))],
    "markdown": [{"type": "markdown", "text": "# hello"}],
    "a block's name": [section("x", block_id="b" * 255)],
    "a menu": [actions({"type": "static_select", "options": [{"text": plain("a"), "value": "a"}]})],
    "rich text": [
        rich(
            {"type": "rich_text_section", "elements": [{"type": "link", "url": "https://example.com"}]},
            {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "code"}]},
        )
    ],
}
REFUSED: dict[str, tuple[list[dict[str, Any]], str, str]] = {
    "fifty-one": ([DIVIDER] * 51, "no more than 50 items allowed", "/blocks"),
    "no type": ([{"text": "x"}], "missing required field: type", "/blocks/0"),
    "an unknown type": ([{"type": "banner"}], "unsupported type: banner", "/blocks/0/type"),
    "a stray field": ([{**DIVIDER, "text": "x"}], "no additional properties allowed: text", "/blocks/0"),
    "a section too long": (
        [section("x" * 3_001)],
        "must be less than 3001 characters",
        "/blocks/0/text/text",
    ),
    "emoji, two each": ([section("🚢" * 1_501)], "must be less than 3001 characters", "/blocks/0/text/text"),
    "an empty section": ([section("")], "must be more than 0 characters", "/blocks/0/text/text"),
    "a section of nothing": ([{"type": "section"}], "missing required field: text", "/blocks/0"),
    "eleven fields": (
        [{"type": "section", "fields": [markup("x")] * 11}],
        "no more than 10 items allowed",
        "/blocks/0/fields",
    ),
    "a field too long": (
        [{"type": "section", "fields": [markup("x" * 2_001)]}],
        "must be less than 2001 characters",
        "/blocks/0/fields/0/text",
    ),
    "a header too long": (
        [{"type": "header", "text": plain("x" * 151)}],
        "must be less than 151 characters",
        "/blocks/0/text/text",
    ),
    "a header of markup": (
        [{"type": "header", "text": markup("x")}],
        "must be a valid enum value: plain_text",
        "/blocks/0/text/type",
    ),
    "eleven in a context": (
        [{"type": "context", "elements": [plain("x")] * 11}],
        "no more than 10 items allowed",
        "/blocks/0/elements",
    ),
    "an empty context": (
        [{"type": "context", "elements": []}],
        "must be a list of at least 1 item",
        "/blocks/0/elements",
    ),
    "a name too long": (
        [section("x", block_id="b" * 256)],
        "must be less than 256 characters",
        "/blocks/0/block_id",
    ),
    "a name twice": (
        [section("x", block_id="b"), section("y", block_id="b")],
        "`block_id` b already exists",
        "/blocks/1/block_id",
    ),
    "twenty-six buttons": (
        [actions(*[button()] * 26)],
        "no more than 25 items allowed",
        "/blocks/0/elements",
    ),
    "a button too long": (
        [actions({"type": "button", "text": plain("x" * 76)})],
        "must be less than 76 characters",
        "/blocks/0/elements/0/text/text",
    ),
    "a link too long": (
        [actions(button(url="x" * 3_001))],
        "must be less than 3001 characters",
        "/blocks/0/elements/0/url",
    ),
    "a style": (
        [actions(button(style="loud"))],
        "must be a valid enum value: primary, danger",
        "/blocks/0/elements/0/style",
    ),
    "two of a name": (
        [actions(button(action_id="a"), button(action_id="a"))],
        "`action_id` a already exists",
        "/blocks/0/elements/1/action_id",
    ),
    "an unknown element": (
        [actions({"type": "lever"})],
        "unsupported type: lever",
        "/blocks/0/elements/0/type",
    ),
    "a menu of nothing": (
        [actions({"type": "static_select"})],
        "missing required field: options",
        "/blocks/0/elements/0",
    ),
    "an image without words": (
        [{"type": "image", "image_url": "https://example.com/a.png"}],
        "missing required field: alt_text",
        "/blocks/0",
    ),
    "an image's URL": (
        [image(image_url="x" * 3_001)],
        "must be less than 3001 characters",
        "/blocks/0/image_url",
    ),
    "an image's words": (
        [image(alt_text="x" * 2_001)],
        "must be less than 2001 characters",
        "/blocks/0/alt_text",
    ),
    "empty rich text": (
        [rich({"type": "rich_text_section", "elements": [{"type": "text", "text": ""}]})],
        "must be more than 0 characters",
        "/blocks/0/elements/0/elements/0/text",
    ),
    "a user without an id": (
        [rich({"type": "rich_text_section", "elements": [{"type": "user"}]})],
        "missing required field: user_id",
        "/blocks/0/elements/0/elements/0",
    ),
    "rich text of an odd type": (
        [rich({"type": "rich_text_section", "elements": [{"type": ["text"]}]})],
        "unsupported type: ['text']",
        "/blocks/0/elements/0/elements/0/type",
    ),
    "an odd name": (
        [actions(button(action_id={}), button(action_id=[]))],
        "must be a string",
        "/blocks/0/elements/0/action_id",
    ),
    "unknown rich text": ([rich({"type": "text"})], "unsupported type: text", "/blocks/0/elements/0/type"),
}


@pytest.mark.parametrize("name", TAKEN)
def test_blocks_within_the_limits_are_taken(name: str, slack: SlackServer, client: WebClient) -> None:
    client.chat_postMessage(channel="data", text="x", blocks=TAKEN[name])
    assert slack.messages("data")[-1].blocks == TAKEN[name]


@pytest.mark.parametrize("name", REFUSED)
def test_blocks_beyond_the_limits_are_refused_with_their_place(name: str, client: WebClient) -> None:
    blocks, what, where = REFUSED[name]
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel="data", text="x", blocks=blocks)
    answer = caught.value.response
    assert answer["error"] == "invalid_blocks"
    assert f"[ERROR] {what} [json-pointer:{where}]" in answer["response_metadata"]["messages"]


def word_of(client: WebClient, **arguments: Any) -> str:
    """Return Slack's word for why a message was refused."""
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(**{"channel": "data", "text": "x"} | arguments)
    return str(caught.value.response["error"])


@pytest.mark.filterwarnings("ignore:The top-level:UserWarning")  # the client's, of an empty text
def test_a_message_of_too_much_is_refused(slack: SlackServer, client: WebClient) -> None:
    before = len(slack.messages("data"))
    assert word_of(client, text=" \n") == "no_text"
    assert word_of(client, blocks=[section("x" * 3_000)] * 5) == "msg_blocks_too_long"
    assert word_of(client, blocks="[") == "invalid_blocks_format"
    assert word_of(client, blocks="{}") == "invalid_blocks_format"
    assert word_of(client, attachments=[{"text": "x"}] * 101) == "too_many_attachments"
    assert word_of(client, attachments=[{"blocks": [{"type": "banner"}]}]) == "invalid_attachments"
    assert (
        word_of(client, attachments=[{"text": "x", "fallback": "x", "fields": ["y"]}])
        == "invalid_attachments"
    )
    assert word_of(client, attachments='["x"]') == "invalid_attachments"
    assert word_of(client, metadata={"event_type": "a b", "event_payload": {}}) == "invalid_metadata_format"
    assert word_of(client, metadata={"event_type": "a"}) == "invalid_metadata_format"
    large = {"event_type": "a", "event_payload": {"text": "x" * 20_000}}
    assert word_of(client, metadata=large) == "metadata_too_large"
    assert len(slack.messages("data")) == before


def test_a_text_beyond_forty_thousand_characters_is_cut(slack: SlackServer, client: WebClient) -> None:
    client.chat_postMessage(channel="data", text="x" * 40_001)
    assert slack.messages("data")[-1].text == "x" * 40_000
    client.chat_postMessage(channel="data", text="x" + "🚢" * 20_000)
    assert slack.messages("data")[-1].text == "x" + "🚢" * 19_999, "no half of an emoji is left"


PINGING = [
    ("<!here> and <!channel|all>", None, ["<!here>", "<!channel>"]),
    ("&lt;!here&gt; @here <!date^1^{date}|x>", None, []),
    ("x", [section("<!channel>")], []),
    ("x", [{"type": "section", "text": markup("<@U012AB3CD> <@U012AB3CD|ann>")}], ["<@U012AB3CD>"]),
    ("x", [{"type": "section", "fields": [markup("<!subteam^S01|@oncall>")]}], ["<!subteam^S01>"]),
    ("x", [{"type": "context", "elements": [markup("<!everyone>")]}], ["<!everyone>"]),
    ("x", [rich({"type": "rich_text_section", "elements": [{"type": "text", "text": "<!here>"}]})], []),
    (
        "x",
        [rich({"type": "rich_text_section", "elements": [{"type": "broadcast", "range": "here"}]})],
        ["<!here>"],
    ),
    (
        "x",
        [rich({"type": "rich_text_section", "elements": [{"type": "user", "user_id": "U1"}]})],
        ["<@U1>"],
    ),
]


@pytest.mark.parametrize(("text", "blocks", "called"), PINGING)
def test_who_a_message_calls_is_known(text: str, blocks: Any, called: list[str]) -> None:
    with SlackServer() as server:
        server.add_channel("data")
        client = WebClient(server.token, base_url=server.base_url)
        posted = client.chat_postMessage(channel="data", text=text, blocks=blocks)
        client.chat_update(channel=posted["channel"], ts=posted["ts"], text="<!here> later calls nobody")
        assert server.pings("data") == called


def test_plain_names_call_where_they_are_linked() -> None:
    with SlackServer() as server:
        server.add_channel("data")
        client = WebClient(server.token, base_url=server.base_url)
        client.chat_postMessage(channel="data", text="@here mail@here.com", link_names=True)
        assert server.pings("data") == ["<!here>"]


def test_a_channel_takes_one_message_a_second() -> None:
    with SlackServer(rate_limits=True, burst=2) as server:
        server.add_channel("data")
        server.add_channel("lake")
        client = WebClient(server.token, base_url=server.base_url)
        for _ in range(2):
            client.chat_postMessage(channel="data", text="x")
        with pytest.raises(SlackApiError) as caught:
            client.chat_postMessage(channel="data", text="x")
        answer = caught.value.response
        assert (answer.status_code, answer["error"], answer.headers["Retry-After"]) == (
            429,
            "ratelimited",
            "1",
        )
        client.chat_postMessage(channel="lake", text="another channel")
        hook = WebhookClient(server.webhook("data")).send(text="x")
        assert (hook.status_code, hook.headers["Retry-After"]) == (429, "1")
        assert [call.status for call in server.calls] == [200, 200, 429, 200, 429]
        assert len(server.messages("data")) == 2


def test_a_method_is_called_as_often_as_its_tier_says() -> None:
    with SlackServer(rate_limits=True) as server:
        client = WebClient(server.token, base_url=server.base_url)
        for _ in range(20):
            client.conversations_list()
        with pytest.raises(SlackApiError) as caught:
            client.conversations_list()
        assert caught.value.response.headers["Retry-After"] == "3"


def test_a_bucket_fills_as_time_goes_by() -> None:
    now = [0.0]
    rates = Rates(2, clock=lambda: now[0])
    assert [rates.message("C1") is None for _ in range(3)] == [True, True, False]
    now[0] = 1.0
    assert [rates.message("C1") is None for _ in range(2)] == [True, False]
    now[0] = 100.0
    assert [rates.message("C1") is None for _ in range(3)] == [True, True, False]
