"""Channels by their addresses, as plugins and programs offer them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from longshore import Channel, ConfigurationError, Message, hookimpl, open_channel, plugins


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
