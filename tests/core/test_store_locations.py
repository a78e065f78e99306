"""Stores are found by what people write."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore import ConfigurationError, SQLiteStore, hookimpl, open_store, plugins
from longshore.stores.locations import default_path
from longshore.testing import raises_saying


def path_of(store: object) -> Path:
    assert isinstance(store, SQLiteStore)
    return store.path


def test_a_path_is_a_sqlite_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative to where one is, or to one's home."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/srv/ada")
    assert path_of(open_store("runs.db")) == tmp_path / "runs.db"
    assert path_of(open_store(Path("a/runs.db"))) == tmp_path / "a" / "runs.db"
    assert path_of(open_store("/var/lib/runs.db")) == Path("/var/lib/runs.db")
    assert path_of(open_store("~/runs.db")) == Path("/srv/ada/runs.db")
    assert path_of(open_store(Path("odd:/runs.db"))) == tmp_path / "odd:" / "runs.db"


def test_a_sqlite_url_has_three_slashes_and_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert path_of(open_store("sqlite:///runs.db")) == tmp_path / "runs.db"
    assert path_of(open_store("sqlite:////var/lib/runs.db")) == Path("/var/lib/runs.db")


def test_a_url_says_how_durable_the_store_is() -> None:
    assert open_store("sqlite:///runs.db").durability == "process"
    assert open_store("sqlite:///runs.db?durability=power").durability == "power"
    for wrong in ("durability=much", "power", "cache=shared"):
        with raises_saying(ConfigurationError, wrong, "'durability=power'"):
            open_store(f"sqlite:///runs.db?{wrong}")


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite://runs.db"])
def test_a_url_that_names_no_file_says_how_to_write_one(url: str) -> None:
    with raises_saying(ConfigurationError, repr(url), "three slashes", "'sqlite:///runs.db'"):
        open_store(url)


def test_a_store_is_returned_as_it_is(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "runs.db", durability="power")
    assert open_store(store) is store


def test_nothing_is_made_by_naming_a_store(tmp_path: Path) -> None:
    open_store(tmp_path / "a" / "runs.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({"LONGSHORE_STORE": "/srv/runs.db", "XDG_DATA_HOME": "/data"}, "/srv/runs.db"),
        ({"LONGSHORE_STORE": "", "XDG_DATA_HOME": "/data"}, "/data/longshore/runs.db"),
        ({"XDG_DATA_HOME": "relative"}, "/srv/ada/.local/share/longshore/runs.db"),
        ({}, "/srv/ada/.local/share/longshore/runs.db"),
    ],
)
def test_where_the_store_is_when_nobody_says(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], path: str
) -> None:
    monkeypatch.setenv("HOME", "/srv/ada")
    for name in ("LONGSHORE_STORE", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert default_path() == path
    assert path_of(open_store()) == Path(path)


class Harbour:
    """A plugin that offers stores."""

    @hookimpl
    def longshore_stores(self) -> dict[str, Any]:
        return {"harbour": self.make, "broken": "no store of {}".format}

    def make(self, url: str) -> SQLiteStore:
        return SQLiteStore(url.replace("harbour://", "/harbour/"))


@pytest.fixture
def harbour() -> Iterator[None]:
    name = plugins.host().register(Harbour(), "harbour")
    yield
    plugins.host().unregister(name)


@pytest.mark.usefixtures("harbour")
def test_a_plugin_makes_the_stores_of_its_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the whole URL."""
    assert path_of(open_store("harbour://db/runs")) == Path("/harbour/db/runs")
    monkeypatch.setenv("LONGSHORE_STORE", "harbour://db/others")
    assert path_of(open_store()) == Path("/harbour/db/others")


@pytest.mark.usefixtures("harbour")
def test_what_a_plugin_made_must_be_a_store() -> None:
    with raises_saying(ConfigurationError, "'broken://db'", "no RunStore: 'no store of broken://db'"):
        open_store("broken://db")


@pytest.mark.usefixtures("harbour")
def test_a_scheme_that_nobody_offers_is_an_error_that_says_which_there_are() -> None:
    with raises_saying(
        ConfigurationError, "'ftp://db'", "no plugin offers the scheme 'ftp'", "harbour, sqlite"
    ):
        open_store("ftp://db")
