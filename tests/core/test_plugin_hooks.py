"""A hook that fails, or answers nonsense, is named and stops no other plugin."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from longshore.handlers import Subject
from longshore.hookspecs import hookimpl
from longshore.inventory import Status
from longshore.plugins import PluginHost
from longshore.states import Pending, Running, State

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


def transition(host: PluginHost) -> None:
    """Tell all observers of one transition."""
    for observer in host.observers():
        observer(Subject(kind="task", name="load"), Pending(), Running())


class Watcher:
    """What the command line registers: an object that watches."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, State]] = []

    @hookimpl
    def longshore_state_changed(self, subject: Subject, new: State) -> None:
        self.seen.append((subject.name, new))


HOOKS_THAT_FAIL = [
    ("raise ValueError('no luck')", "it raised ValueError: no luck"),
    ("import sys; sys.exit(2)", "it raised SystemExit: 2"),
    ("return 3", "it returned 3, which is not a list of Task subclasses"),
    ("return 'Greet'", "it returned 'Greet', which is not a list of Task subclasses"),
    ("return [int]", "it returned <class 'int'>, which is no subclass of Task"),
    ("yield Greet; yield type('Greet', (Task,), {})", "it returned two classes 'Greet', of "),
]


@pytest.mark.gate("S11")
@pytest.mark.parametrize(("body", "seen"), HOOKS_THAT_FAIL)
def test_a_hook_that_fails_is_named_once_and_the_other_plugins_answer(
    shelf: Any, caplog: pytest.LogCaptureFixture, body: str, seen: str
) -> None:
    shelf.add("acme", textwrap.dedent(GREET).replace("Greet", "Welcome"))
    shelf.add("wrong", textwrap.dedent(GREET).replace("return [Greet]", body))
    host = shelf.host()
    assert list(host.tasks()) == ["acme.Welcome"]
    assert list(host.tasks()) == ["acme.Welcome"]
    [message] = caplog.messages
    assert message.startswith(f"cannot use longshore_tasks of plugin 'wrong' of longshore-wrong 1.0: {seen}")
    assert [info.status for info in host.list() if info.name == "wrong"] == [Status.BROKEN]


def test_a_hook_that_hangs_is_named_and_the_other_plugins_answer(shelf: Any) -> None:
    shelf.add("acme")
    shelf.add("asleep", f"{HOOK}@hookimpl\ndef longshore_tasks(): import time; time.sleep(3600)\n")
    done = shelf.run(
        "from longshore import plugins; print(sorted(plugins.host().tasks()))",
        LONGSHORE_ALLOW_PLUGINS="acme,asleep",
        LONGSHORE_PLUGIN_TIMEOUT="0.4",
    )
    assert done.stdout == "['acme.Greet']\n"
    assert (
        "longshore_tasks of plugin 'asleep' of longshore-asleep 1.0: it was not done after 0.4 s"
        in done.stderr
    )


@pytest.mark.parametrize(
    ("hook", "answer", "seen"),
    [
        ("longshore_executors", "[1]", "it returned [1], which is no dict of callables by name"),
        (
            "longshore_executors",
            "{'Barge!': print}",
            "it named something 'Barge!', which is no lower-case word",
        ),
        ("longshore_stores", "['harbour']", "it returned ['harbour'], which is no dict of callables by name"),
        ("longshore_storage", "{'lake': 's3'}", "it returned 's3' for 'lake', which cannot be called"),
        ("longshore_storage", "{'s3://': print}", "it named something 's3://', which is no lower-case word"),
        (
            "longshore_channels",
            "{'pager': print}",
            "it returned <built-in function print> for 'pager', which is no dataclass that inherits Channel",
        ),
        ("longshore_secrets", "{'vault': 'x'}", "it returned 'x' for 'vault', which cannot be called"),
        (
            "longshore_state_handlers",
            "['x']",
            "it returned 'x', which is no state handler: it cannot be called",
        ),
        ("longshore_commands", "[print]", "which is no click command"),
    ],
)
def test_an_answer_of_the_wrong_shape_is_shown(
    shelf: Any, caplog: pytest.LogCaptureFixture, hook: str, answer: str, seen: str
) -> None:
    shelf.add("acme", f"{HOOK}@hookimpl\ndef {hook}(): return {answer}\n")
    host = shelf.host("acme")
    assert (host.executors(), host.stores(), host.storage(), host.secret_resolvers()) == ({}, {}, {}, {})
    assert (host.state_handlers(), host.commands(), host.channels()) == ((), (), {})
    [message] = caplog.messages
    assert message.startswith(f"cannot use {hook} of plugin 'acme' of longshore-acme 1.0: it ")
    assert seen in message


def test_a_hook_that_returns_nothing_offers_nothing(shelf: Any, caplog: pytest.LogCaptureFixture) -> None:
    shelf.add("acme", f"{HOOK}@hookimpl\ndef longshore_tasks(): ...\n")
    assert shelf.host("acme").tasks() == {}
    assert caplog.messages == []


def test_a_hook_may_ask_the_host_in_its_turn(shelf: Any) -> None:
    shelf.add(
        "acme",
        textwrap.dedent(GREET)
        + "from longshore import plugins\n@hookimpl\ndef longshore_executors():\n"
        + "    return {name.lower(): print for name in plugins.host().tasks()}\n",
    )
    done = shelf.run(
        "from longshore import plugins; print(list(plugins.host().executors()))",
        LONGSHORE_ALLOW_PLUGINS="acme",
    )
    assert (done.stdout, done.stderr) == ("['acme.greet']\n", "")


@pytest.mark.parametrize("raised", ["ValueError('no luck')", "SystemExit(2)"])
def test_an_observer_that_raises_changes_nothing_and_is_named_once(
    shelf: Any, caplog: pytest.LogCaptureFixture, raised: str
) -> None:
    body = f"{HOOK}@hookimpl\ndef longshore_state_changed(subject): raise {raised}\n"
    shelf.add("wrong", body + "@hookimpl\ndef longshore_run_started(run): raise OSError(run)\n")
    host, watcher = shelf.host("wrong", LONGSHORE_STRICT_PLUGINS="1"), Watcher()
    host.register(watcher)
    for _ in range(3):
        transition(host)
        host.run_started("nightly")
    assert len(watcher.seen) == 3
    assert [message.partition("; ")[0] for message in caplog.messages] == [
        "cannot use longshore_state_changed of plugin 'wrong' of longshore-wrong 1.0: it raised "
        + raised.replace("('", ": ").replace("')", "").replace("(2)", ": 2"),
        (
            "cannot use longshore_run_started of plugin 'wrong' of longshore-wrong 1.0: "
            "it raised OSError: nightly"
        ),
    ]


def test_ctrl_c_inside_an_observer_is_not_swallowed() -> None:
    class Interrupted:
        @hookimpl
        def longshore_state_changed(self) -> None:
            raise KeyboardInterrupt

    host = PluginHost({"LONGSHORE_NO_PLUGINS": "1"})
    host.register(Interrupted())
    with pytest.raises(KeyboardInterrupt):
        transition(host)


def test_ctrl_c_inside_an_import_is_not_swallowed(shelf: Any) -> None:
    shelf.add("acme", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        shelf.host("acme").tasks()
