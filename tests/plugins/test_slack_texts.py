"""Texts and blocks for Slack: nothing calls anybody, everything fits, and no character is cut in two."""

from __future__ import annotations

import json
import unicodedata

import pytest

pytest.importorskip("slack_sdk", reason="needs longshore[slack]")

from slack_sdk.models.blocks import HeaderBlock

from longshore import ConfigurationError, Detail, Message
from longshore_slack import SlackAlert, SlackChannel, SlackConnection, SlackPost, limits
from longshore_slack.blocks import lay_out
from longshore_slack.contents import make_content
from longshore_slack.mentions import called_for, markup_of
from longshore_slack.texts import clean, cut, cut_middle, escape, size

FAMILY = "👨‍👩‍👧‍👦"
CLUSTERS = [FAMILY, "👍🏽", "🇩🇪", "é", "각", "❤️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "a", "\n"]


@pytest.mark.parametrize("cluster", CLUSTERS)
@pytest.mark.parametrize("most", range(1, 40))
def test_a_text_is_cut_between_two_characters_as_people_see_them(cluster: str, most: int) -> None:
    text = cluster * 50
    kept, missing = cut(text, most)
    assert size(kept) <= most
    assert kept.endswith("…")
    assert kept.removesuffix("…") == cluster * ((len(kept) - 1) // len(cluster))
    assert missing == len(text) - (len(kept) - 1)


@pytest.mark.parametrize("cluster", CLUSTERS)
@pytest.mark.parametrize("most", [200, 331, 500])
def test_the_middle_of_a_text_is_cut_out_without_breaking_a_character(cluster: str, most: int) -> None:
    kept, missing = cut_middle(cluster * 2000, most)
    head, _, rest = kept.partition("\n… ")
    tail = rest.partition(" …\n")[2]
    assert size(kept) <= most
    assert head == cluster * (len(head) // len(cluster))
    assert tail == cluster * (len(tail) // len(cluster))
    assert len(head) + len(tail) + missing == len(cluster * 2000)
    assert len(tail) > len(head)


def test_what_fits_is_not_cut() -> None:
    assert cut("abc", 3) == ("abc", 0)
    assert cut("a&b", 7, escaped=True) == ("a&b", 0)
    assert cut("a&b&c", 10, escaped=True) == ("a&b…", 2)
    assert cut_middle("abc", 3) == ("abc", 0)


def test_text_is_made_valid_before_it_is_sent() -> None:
    assert clean({"a": ["x\ud800y", "n\x00ul", "l\r\nine", "\u202eok"]}) == {
        "a": ["x\ufffdy", "n\ufffdul", "l\nine", "\u202eok"]
    }
    assert escape("a < b & c > <!channel> &amp;") == "a &lt; b &amp; c &gt; &lt;!channel&gt; &amp;amp;"


def test_a_message_is_laid_out_as_a_person_reads_it() -> None:
    message = Message(
        key="k",
        title="nightly failed: load",
        text="cannot load <b> & c",
        fields=(("Run", "a1b2"), ("Took", "12 s")),
        details=(Detail("Log, last lines", "one\ntwo"),),
        link="https://runs.example.com/a1b2?x=1&y=2",
        notes=("Told 10 min late",),
    )
    layout = lay_out(message, mention="<!here>")
    kinds = [block["type"] for block in layout.blocks]
    assert kinds == ["header", "section", "section", "section", "section", "rich_text", "context"]
    header, mention, error, fields, link, detail, notes = layout.blocks
    assert header["block_id"].startswith("longshore-")
    assert header["text"] == {"type": "plain_text", "text": "✖ nightly failed: load", "emoji": False}
    assert mention["text"]["text"] == "<!here>"
    assert error["text"] == {"type": "plain_text", "text": "cannot load <b> & c", "emoji": False}
    assert [field["text"] for field in fields["fields"]] == ["*Run*\na1b2", "*Took*\n12 s"]
    assert link["text"]["text"] == "<https://runs.example.com/a1b2?x=1&amp;y=2|Look at it>"
    assert detail["elements"][1] == {
        "type": "rich_text_preformatted",
        "elements": [{"type": "text", "text": "one\ntwo"}],
    }
    assert notes["elements"][0]["text"] == "Told 10 min late"
    assert layout.text == "✖ nightly failed: load: cannot load &lt;b&gt; &amp; c"
    assert layout.left_out == []


def test_a_link_that_is_none_is_shown_as_it_is() -> None:
    for link in ("javascript:alert(1)", "<!channel>", "https://x y", "http://["):
        layout = lay_out(Message(key="k", title="t", link=link))
        assert layout.blocks[1]["text"] == {"type": "plain_text", "text": link, "emoji": False}


def test_a_message_of_only_blank_texts_has_no_empty_block() -> None:
    message = Message(
        key="k", title="  ", text=" \n", fields=(("", ""), ("Empty", "")), details=(Detail("", " "),)
    )
    layout = lay_out(message, notes=(" ",))
    assert [block["type"] for block in layout.blocks] == ["header", "section"]
    assert layout.blocks[1]["fields"][0]["text"] == "*Empty*\n-"


def test_a_huge_message_says_what_was_left_out_of_it() -> None:
    message = Message(
        key="k",
        title="t" * 400,
        text=FAMILY * 100_000,
        fields=tuple((f"field {n}", "v&" * 2_000) for n in range(60)),
        details=tuple(Detail(f"detail {n}", "line\n" * 50_000) for n in range(60)),
        notes=tuple(f"note {n}" for n in range(30)),
    )
    layout = lay_out(message, where="The whole text is in the thread.")
    assert len(layout.blocks) <= limits.BLOCKS
    assert HeaderBlock(text=layout.blocks[0]["text"]["text"]).to_dict()
    note = layout.blocks[-1]["elements"][-1]["text"]
    for part in ("of the title", "of the text", "of 60 fields", "of 60 details", "in the thread"):
        assert part in note
    assert size(json.dumps(layout.blocks, ensure_ascii=False)) < 13_500
    assert all(unicodedata.category(c) != "Cs" for c in json.dumps(layout.blocks, ensure_ascii=False))


def test_sixty_blocks_of_a_user_are_fifty_with_a_note() -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": f"block {n}"}} for n in range(60)]
    content = make_content("", blocks, escaped=True).noted("All of it is in the thread.")
    assert content.blocks is not None
    assert len(content.blocks) == 50
    assert "11 of 60 blocks" in content.blocks[-1]["elements"][0]["text"]
    assert content.text.startswith("block 0 block 1 ")


def test_the_text_beside_blocks_calls_nobody_that_the_blocks_do_not() -> None:
    block = {"type": "header", "text": {"type": "plain_text", "text": "<!channel> is down"}}
    assert make_content("", [block], escaped=False).text == "&lt;!channel&gt; is down"


def test_there_has_to_be_something_to_post() -> None:
    with pytest.raises(ConfigurationError, match="cannot post nothing"):
        make_content(" ", None, escaped=True)
    with pytest.raises(ConfigurationError, match="cannot post a str as a block"):
        make_content("", ["section"], escaped=True)


@pytest.mark.parametrize(
    ("name", "markup"),
    [
        ("@here", "<!here>"),
        ("channel", "<!channel>"),
        ("<!everyone>", "<!everyone>"),
        ("@U012AB3CD", "<@U012AB3CD>"),
        ("<@W012AB3CD>", "<@W012AB3CD>"),
        ("S012AB3CD", "<!subteam^S012AB3CD>"),
        ("@ann", ""),
        ("ann@example.com", ""),
    ],
)
def test_a_mention_is_written_as_people_write_it(name: str, markup: str) -> None:
    assert markup_of(name) == markup


def test_who_is_called_depends_on_the_severity() -> None:
    message = {s: Message(key="k", title="t", severity=s) for s in ("info", "error", "critical")}  # type: ignore[misc]
    assert called_for("@ann", message["info"]) == []
    assert called_for("@ann", message["error"]) == ["@ann"]
    assert called_for("error=@ann critical=@here critical=@bob", message["critical"]) == ["@here", "@bob"]


@pytest.mark.parametrize("mention", ["ann", "error=", "serious=@ann", "<script>", "@ann,@bob"])
def test_a_mention_that_calls_nobody_is_an_error_at_once(mention: str) -> None:
    with pytest.raises(ConfigurationError, match="mention"):
        SlackChannel("#data", mention=mention)


def test_a_channel_travels_as_its_address() -> None:
    channel = SlackChannel("data", mention="critical=@here", base_url="http://127.0.0.1:1/api/")
    assert channel.channel == "#data"
    assert channel.address.startswith("slack:#data?")
    assert SlackChannel.of_address(channel.address) == channel
    assert SlackChannel("ann@example.com").address == "slack:ann@example.com"


def test_credentials_in_plain_text_are_refused_and_not_shown() -> None:
    for make in (
        lambda: SlackChannel("#data", token="xoxb-plain"),  # type: ignore[arg-type]
        lambda: SlackChannel("#data", webhook="https://hooks.slack.com/services/T/B/plain"),  # type: ignore[arg-type]
        lambda: SlackConnection(token="xoxb-plain"),  # type: ignore[arg-type]
        lambda: SlackConnection(proxy="http://user:plain@proxy:3128"),
    ):
        with pytest.raises(ConfigurationError, match="Secret") as caught:
            make()
        assert "plain" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://slack.com/api", "ftp://x", "https://", "https://u:p@h/", "https://h/\n"]
)
def test_a_token_goes_over_tls_only(url: str) -> None:
    with pytest.raises(ConfigurationError, match="https://"):
        SlackConnection(base_url=url)


def test_an_alert_by_severity_calls_by_severity() -> None:
    alert = SlackAlert({"critical": "#oncall", "error": "#data"}, mention={"critical": "@here @bob"})
    assert [channel.address for channel in alert.channels] == [
        "slack:#data?mention=critical%3D@here+critical%3D@bob",
        "slack:#oncall?mention=critical%3D@here+critical%3D@bob",
    ]


@pytest.mark.parametrize("channel", ["", "  ", "#two words", None])
def test_a_channel_that_cannot_be_one_is_an_error_at_once(channel: str) -> None:
    with pytest.raises(ConfigurationError, match="channel"):
        SlackPost(channel)
