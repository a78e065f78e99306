"""What an alert can be told to do, and what it says to a wrong setting; addresses, quiet hours, previews."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from alert_book import BookChannel

from longshore import (
    Alert,
    Channel,
    ConfigurationError,
    DeliveryError,
    Failed,
    On,
    Receipt,
    Secret,
    flow,
    task,
)
from longshore.alerts.messages import Message
from longshore.alerts.previews import preview
from longshore.alerts.quiethours import quiet_until


@dataclass(frozen=True)
class Pager(Channel):
    scheme = "pager"
    number: str
    token: Secret | None = None
    tries: int = 3
    factor: float = 1.5
    loud: bool = False
    note: str = ""

    def send(self, message: Message) -> None: ...


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        (Pager("110"), "pager:110"),
        (Pager("#data", token=Secret("env:PAGER")), "pager:#data?token=env:PAGER"),
        (Pager("a b?c&d", tries=5, factor=0.5), "pager:a%20b%3Fc%26d?tries=5&factor=0.5"),
        (Pager("ä/ö", loud=True, note="x y"), "pager:%C3%A4/%C3%B6?loud=yes&note=x+y"),
        (Pager("me@example.com", token=Secret("file:/run/x")), "pager:me@example.com?token=file:/run/x"),
    ],
)
def test_an_address_says_all_and_another_process_makes_the_same_channel_of_it(
    channel: Pager, address: str
) -> None:
    assert channel.address == address
    assert Pager.of_address(address) == channel


def test_an_address_of_another_scheme_or_with_unknown_settings_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="does not begin with 'pager'"):
        Pager.of_address("mail:me")
    with pytest.raises(ConfigurationError, match="has no setting 'colour'"):
        Pager.of_address("pager:110?colour=red")


def test_a_setting_that_is_no_text_is_an_error_when_the_alert_is_made() -> None:
    with pytest.raises(ConfigurationError, match="cannot write Pager's note as text: it is a list"):
        Alert(Pager("110", note=["a"]))  # type: ignore[arg-type]


def test_a_channel_without_send_cannot_be_made() -> None:
    @dataclass(frozen=True)
    class Mute(Channel):
        scheme = "mute"
        name: str

    with pytest.raises(TypeError, match=r"abstract.*send"):
        Mute("x")  # type: ignore[abstract]


def test_a_channel_that_is_no_dataclass_is_an_error_that_says_what_to_write() -> None:
    class Bare(Channel):
        scheme = "bare"

        def send(self, message: Message) -> None: ...

    with pytest.raises(ConfigurationError, match=r"write @dataclass\(frozen=True\) above it"):
        Alert(Bare())


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"on": ("fialed",)}, "does not know 'fialed' \\(did you mean 'failed'"),
        ({"severity": "bad"}, "does not know 'bad'"),
        ({"late_after": -1}, "late_after=-1"),
        ({"silent_after": "1h"}, "give seconds"),
        ({"quiet_hours": "at night"}, "write them as '22:00-07:00 Europe/Berlin'"),
        ({"quiet_hours": "22:00-07:00 Mars/Base"}, "cannot read quiet hours"),
        ({"quiet_hours": "25:00-07:00"}, "cannot read quiet hours"),
    ],
)
def test_a_wrong_setting_is_an_error_that_names_it(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        Alert(Pager("110"), **settings)


@pytest.mark.parametrize("channel", ["#data", {}, {"error": "#data"}, {"bad": Pager("110")}])
def test_what_is_no_channel_is_refused(channel: Any) -> None:
    with pytest.raises(ConfigurationError, match="Alert"):
        Alert(channel)


def test_an_alert_shows_where_it_tells() -> None:
    assert repr(Alert(Pager("110"))) == "Alert(pager:110)"


def test_a_link_knows_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGSHORE_RUN_URL", "https://runs.example.com/{flow}/{run_id}")
    assert Alert(Pager("110")).link_of("nightly", "load", "1") == "https://runs.example.com/nightly/1"
    assert Alert(Pager("110"), link="https://x/{step}").link_of("nightly", "load", "1") == "https://x/load"


@pytest.mark.parametrize(
    ("hours", "now", "until"),
    [
        ("22:00-07:00", "2026-01-05T21:59", None),
        ("22:00-07:00", "2026-01-05T22:00", "2026-01-06T07:00"),
        ("22:00-07:00", "2026-01-06T06:59", "2026-01-06T07:00"),
        ("22:00-07:00", "2026-01-06T07:00", None),
        ("12:00-13:00", "2026-01-06T12:30", "2026-01-06T13:00"),
        ("22:00-07:00 Europe/Berlin", "2026-07-05T20:30", "2026-07-06T05:00"),
        # The night in which summer time begins there is an hour shorter, and ends at 07:00 all the same.
        ("22:00-07:00 Europe/Berlin", "2026-03-28T22:00", "2026-03-29T05:00"),
        ("", "2026-01-06T03:00", None),
    ],
)
def test_quiet_hours_end_when_their_clock_says_so(hours: str, now: str, until: str | None) -> None:
    expected = None if until is None else _seconds(until)
    assert quiet_until(hours, _seconds(now)) == expected


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def test_a_channel_says_what_it_cannot_do() -> None:
    channel, message = Pager("110"), Message(key="1", title="t")
    with pytest.raises(DeliveryError, match="cannot edit"):
        channel.edit(Receipt(), message)
    with pytest.raises(DeliveryError, match="no threads"):
        channel.reply(Receipt(), message)
    with pytest.raises(DeliveryError, match="cannot be searched"):
        channel.find(message)


def test_a_preview_shows_what_would_be_told_and_tells_nobody() -> None:
    BookChannel.books.pop("preview", None)
    channel = BookChannel("preview")

    @task(retries=2)
    def load() -> None: ...

    @flow(state_handlers=[On(Failed, Alert(channel))], step_handlers=[Alert(channel, on=["retrying"])])
    def nightly(day: str = "monday") -> None:
        load()

    (_, first, of_flow), (_, _, of_step) = preview(nightly)
    assert first == channel
    assert of_flow.title == "nightly failed"
    assert "day = 'monday'" in of_flow.plain
    assert (of_step.title, of_step.status) == ("nightly is being tried again: load", "retrying")
    assert BookChannel.books.get("preview") is None or not channel.book.calls


def test_a_message_as_plain_text_has_all_of_it() -> None:
    message = Message(key="1", title="nightly failed", text="boom", fields=(("Run", "1"),), notes=("late",))
    assert message.plain == "✖ nightly failed\nboom\nRun: 1\nlate"
