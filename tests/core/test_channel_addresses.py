"""Channels by their addresses, as plugins and programs offer them."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from alert_channels import FileChannel

from longshore import Channel, ConfigurationError, Message, SQLiteStore, hookimpl, open_channel, plugins
from longshore.alerts import deliveries
from longshore.alerts.waiting import deliver_waiting
from longshore.stores.records import AlertRecord


@dataclass(frozen=True)
class Buoy(Channel):
    scheme = "buoy"
    number: str
    loud: bool = False

    def send(self, message: Message) -> None:
        """Ring."""


def test_a_channel_that_the_program_has_imported_is_opened_by_its_address() -> None:
    assert open_channel("buoy:7?loud=yes") == Buoy("7", loud=True)
    assert open_channel(Buoy("a b#c").address) == Buoy("a b#c")


def test_a_channel_of_a_plugin_is_opened_by_its_address() -> None:
    class Lights:
        @hookimpl
        def longshore_channels(self) -> Any:
            return {"buoy": Buoy}

    name = plugins.host().register(Lights())
    try:
        assert plugins.host().channels()["buoy"] is Buoy
        assert open_channel("buoy:7") == Buoy("7")
    finally:
        plugins.host().unregister(name)
    assert "buoy" not in plugins.host().channels()


def test_a_scheme_that_nothing_offers_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"the scheme 'bouy' \(did you mean 'buoy'\?\)"):
        open_channel("bouy:7")


def test_an_extra_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: plugins.PluginHost) -> dict[str, type[Channel]]:
        return {}

    monkeypatch.setattr(plugins.PluginHost, "channels", none)
    with pytest.raises(ConfigurationError, match=r"run: pip install 'longshore\[http\]'"):
        open_channel("http:#data")


def test_an_address_without_a_scheme_is_not_shown() -> None:
    with pytest.raises(
        ConfigurationError, match="its address has no scheme; write one as slack:#data"
    ) as seen:
        open_channel("xoxb-1234-secret")
    assert "xoxb" not in str(seen.value)


def test_a_setting_that_there_is_not_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="it has no setting 'lout'"):
        open_channel("buoy:7?lout=yes")


@dataclass(frozen=True)
class Lock(Channel):
    scheme = "lock"
    number: int
    turns: int = 1


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("lock:7?turn=xoxb-hidden", "it has no setting 'turn'; there are turns"),
        ("lock:7?xoxb-hidden", "it has no setting of that name"),
        ("lock:7?xoxb-hidden=1", "it has no setting of that name"),
        ("lock:7?turns=xoxb-hidden", "its turns is no number"),
        ("lock:xoxb-hidden", "its number is no number"),
    ],
)
def test_a_wrong_address_is_refused_without_showing_it(address: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as seen:
        open_channel(address)
    assert said in str(seen.value)
    assert "hidden" not in "".join(traceback.format_exception(seen.value))


def test_an_address_of_another_scheme_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigurationError, match="it does not begin with 'lock'") as seen:
        Lock.of_address("xoxb-hidden:7")
    assert "hidden" not in str(seen.value)


def test_a_channel_that_cannot_be_opened_keeps_no_other_one_from_being_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "_here", deliveries.Deliveries())
    store = SQLiteStore(tmp_path / "runs.db")
    told = FileChannel(str(tmp_path / "told"))
    for address in ("gone:1", "lock:x", told.address):
        store.add_alerts(
            [
                AlertRecord(
                    channel=address, flow="nightly", step="", kind="failed", severity="error",
                    text="boom", time=time.time(), run_id="run-1",
                )
            ]
        )  # fmt: skip
    standings = {one.channel: one for one in deliver_waiting(store, 20)}
    store.close()
    assert len(told.told("send")) == 1
    assert {channel: one.waiting for channel, one in standings.items()} == {
        "gone:1": 1, "lock:x": 1, told.address: 0,
    }  # fmt: skip
    assert "the scheme 'gone'" in standings["gone:1"].why
    assert "gone:1: cannot open a channel" in caplog.text
    assert "lock:x: cannot make a channel" in caplog.text
