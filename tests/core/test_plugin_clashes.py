"""Two plugins that want one name, and a plugin that needs a newer Longshore, are named and stop no other."""

from __future__ import annotations

from typing import Any

import pytest

from longshore.inventory import Status
from longshore.offers import RESERVED

GREET = """
    from longshore import Task
    from longshore.hookspecs import hookimpl

    class Greet(Task[str]):
        def run(self, who: str) -> str:
            return f"hello {who}"

    @hookimpl
    def longshore_tasks():
        return [Greet]
"""
HOOK = "from longshore.hookspecs import hookimpl\n"


@pytest.mark.gate("S11")
def test_two_plugins_of_one_name_are_both_named_and_neither_loads(
    shelf: Any, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.add("acme")
    shelf.add("twin", distribution="one-twin", version="1.1")
    shelf.add("twin", distribution="two-twin", version="2.2")
    host = shelf.host()
    assert list(host.tasks()) == ["acme.Greet"]
    [record] = caplog.records
    assert record.getMessage() == (
        "cannot load plugin 'twin': one-twin 1.1 and two-twin 2.2 each have one of this name; "
        "uninstall one, or leave one out with LONGSHORE_BLOCK_PLUGINS=two-twin"
    )
    assert {i.distribution: i.status for i in host.list() if i.name == "twin"} == {
        "one-twin": Status.CLASH,
        "two-twin": Status.CLASH,
    }


def test_leaving_one_distribution_out_settles_a_clash(shelf: Any, caplog: pytest.LogCaptureFixture) -> None:
    shelf.add("twin", distribution="one-twin")
    shelf.add("twin", distribution="two-twin")
    host = shelf.host("twin", LONGSHORE_BLOCK_PLUGINS="Two.Twin")
    assert list(host.tasks()) == ["twin.Greet"]
    assert caplog.records == []
    assert {i.distribution: i.status for i in host.list() if i.name == "twin"} == {
        "one-twin": Status.OK,
        "two-twin": Status.BLOCKED,
    }


@pytest.mark.gate("S11")
def test_a_task_that_takes_anothers_name_is_left_out_and_both_plugins_are_named(
    shelf: Any, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.add("acme")
    shelf.add("bolt")
    host = shelf.host()
    assert list(host.tasks()) == ["acme.Greet"]
    [record] = caplog.records
    assert record.getMessage() == (
        "cannot take task 'Greet' from plugin 'bolt' of longshore-bolt 1.0: "
        "plugin 'acme' of longshore-acme 1.0 offers one of this name; rename one"
    )
    assert [info.status for info in host.list() if info.name == "bolt"] == [Status.BROKEN]


@pytest.mark.gate("S11")
def test_a_storage_scheme_has_one_owner(shelf: Any, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("acme", "bolt"):
        shelf.add(name, f"{HOOK}@hookimpl\ndef longshore_storage(): return {{'lake': {name!r}.upper}}\n")
    assert shelf.host().storage()["lake"]() == "ACME"
    assert caplog.messages == [
        (
            "cannot take storage scheme 'lake' from plugin 'bolt' of longshore-bolt 1.0: "
            "plugin 'acme' of longshore-acme 1.0 offers one of this name; rename one"
        )
    ]


def test_a_channel_scheme_has_one_owner(shelf: Any, caplog: pytest.LogCaptureFixture) -> None:
    body = "from dataclasses import dataclass\nfrom longshore import Channel\n"
    body += "@dataclass(frozen=True)\nclass Pager(Channel):\n    scheme = 'pager'\n    number: str\n"
    for name in ("acme", "bolt"):
        shelf.add(name, f"{HOOK}{body}@hookimpl\ndef longshore_channels(): return {{'pager': Pager}}\n")
    assert shelf.host().channels()["pager"].__module__.endswith("acme")
    assert caplog.messages == [
        (
            "cannot take channel scheme 'pager' from plugin 'bolt' of longshore-bolt 1.0: "
            "plugin 'acme' of longshore-acme 1.0 offers one of this name; rename one"
        )
    ]


def test_longshores_own_plugins_keep_their_task_names(shelf: Any, caplog: pytest.LogCaptureFixture) -> None:
    shelf.add("zebra", distribution="longshore")
    shelf.add("acme")
    assert list(shelf.host().tasks()) == ["zebra.Greet"]
    assert "from plugin 'acme' of longshore-acme 1.0: plugin 'zebra' of longshore 1.0" in caplog.text


@pytest.mark.gate("S11")
@pytest.mark.parametrize(
    ("hook", "answer", "what"),
    [
        ("longshore_executors", "{'threads': print}", "executor 'threads'"),
        ("longshore_stores", "{'sqlite': print}", "store scheme 'sqlite'"),
        ("longshore_secrets", "{'env': print}", "secret scheme 'env'"),
        ("longshore_commands", "[type('C', (), {'name': 'run', 'main': print})()]", "command 'run'"),
    ],
)
def test_a_name_of_longshores_own_cannot_be_taken(
    shelf: Any, caplog: pytest.LogCaptureFixture, hook: str, answer: str, what: str
) -> None:
    shelf.add("acme", f"{HOOK}@hookimpl\ndef {hook}(): return {answer}\n")
    host = shelf.host("acme")
    assert (host.executors(), host.stores(), host.secret_resolvers(), host.commands()) == ({}, {}, {}, ())
    assert caplog.messages == [
        (
            f"cannot take {what} from plugin 'acme' of longshore-acme 1.0: "
            "Longshore has one of this name; rename it"
        )
    ]


def test_no_command_of_longshores_own_can_be_taken() -> None:
    pytest.importorskip("click", reason="needs longshore[cli]")
    from longshore.commands import COMMANDS

    assert set(COMMANDS) <= RESERVED["longshore_commands"]


@pytest.mark.gate("S11")
@pytest.mark.parametrize("says", ["its distribution", "its module"])
def test_a_plugin_that_needs_a_newer_longshore_says_which(
    shelf: Any, caplog: pytest.LogCaptureFixture, says: str
) -> None:
    shelf.add("acme")
    if says == "its module":
        shelf.add("newer", "longshore_requires = '>=99.1'\n" + HOOK)
    else:
        shelf.add("newer", "from longshore import Teleport", requires=("longshore (>=99.1)", "pluggy"))
    assert list(shelf.host().tasks()) == ["acme.Greet"]
    [message] = caplog.messages
    assert message.startswith(
        "cannot load plugin 'newer' of longshore-newer 1.0: it needs longshore>=99.1 and "
    )
    assert "is installed; run: pip install 'longshore>=99.1'; mend it, or leave it out" in message
