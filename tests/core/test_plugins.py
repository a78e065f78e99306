"""The plugin host: what plugins offer, who watches, what the environment leaves out."""

from __future__ import annotations

import sys
import textwrap
from typing import Any

import pytest

from longshore import Task, plugins, storage_schemes
from longshore.errors import PluginError
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


def test_a_plugin_is_found_and_its_tasks_are_named_after_it(shelf: Any) -> None:
    shelf.add("acme")
    task = shelf.host("acme").tasks()["acme.Greet"]
    assert issubclass(task, Task)
    assert task().run("ada") == "hello ada"


def test_executors_secrets_commands_and_handlers_are_offered_by_name(shelf: Any) -> None:
    shelf.add(
        "acme",
        HOOK
        + textwrap.dedent("""
            from dataclasses import dataclass
            from longshore import Channel
            class Command:
                name = "ship"
                def main(self): ...

            @hookimpl
            def longshore_executors():
                return {"barge": lambda text: ("barge", text)}
            @hookimpl
            def longshore_stores():
                return {"harbour": lambda url: ("harbour", url)}
            @hookimpl
            def longshore_storage():
                return {"lake": lambda: "connection"}
            @dataclass(frozen=True)
            class Pager(Channel):
                scheme = "pager"
                number: str
                def send(self, message): ...
            @hookimpl
            def longshore_channels():
                return {"pager": Pager}
            @hookimpl
            def longshore_secrets():
                return {"vault": lambda text: text.upper()}
            @hookimpl
            def longshore_commands():
                return [Command()]
            def decide(subject, old, new): ...
            @hookimpl
            def longshore_state_handlers():
                return [decide, decide]
        """),
    )
    host = shelf.host("acme")
    assert host.executors()["barge"]("3") == ("barge", "3")
    assert host.stores()["harbour"]("harbour://db") == ("harbour", "harbour://db")
    assert host.storage()["lake"]() == "connection"
    assert host.channels()["pager"].of_address("pager:0170").address == "pager:0170"
    assert host.secret_resolvers()["vault"]("x") == "X"
    assert [command.name for command in host.commands()] == ["ship"]
    assert [handler.__name__ for handler in host.state_handlers()] == ["decide", "decide"]  # type: ignore[attr-defined]


def test_observers_are_told_of_transitions_and_of_runs(shelf: Any) -> None:
    module = shelf.add(
        "acme",
        HOOK
        + textwrap.dedent("""
            seen = []
            @hookimpl
            def longshore_state_changed(subject, old, new):
                seen.append((subject.name, type(old).__name__, type(new).__name__))
            @hookimpl
            def longshore_run_started(run):
                seen.append(("started", run))
            @hookimpl
            def longshore_run_finished(run):
                seen.append(("finished", run))
        """),
    )
    host = shelf.host("acme")
    host.run_started("nightly")
    transition(host)
    host.run_finished("nightly")
    assert sys.modules[module].seen == [
        ("started", "nightly"),
        ("load", "Pending", "Running"),
        ("finished", "nightly"),
    ]


def test_a_run_meets_the_handlers_observers_and_secrets_of_plugins(shelf: Any) -> None:
    shelf.add(
        "acme",
        HOOK
        + textwrap.dedent("""
            seen = []
            def decide(subject, old, new):
                seen.append(f"decide {subject.name} {type(new).__name__}")
            @hookimpl
            def longshore_state_handlers():
                return [decide]
            @hookimpl
            def longshore_state_changed(subject, new):
                seen.append(f"watch {subject.name} {type(new).__name__}")
            @hookimpl
            def longshore_run_finished(run):
                seen.append(f"finished {type(run.state).__name__}")
            @hookimpl
            def longshore_secrets():
                return {"vault": str.upper}
        """),
    )
    done = shelf.run(
        """
        from longshore import Flow, Secret, task
        @task
        def work():
            return len(Secret("vault:canary").get())
        with Flow("nightly") as flow:
            work()
        print(flow.run().results["work"])
        import shelf_longshore_acme_acme as plugin
        print(sorted(plugin.seen))
        """,
        LONGSHORE_ALLOW_PLUGINS="acme",
        LONGSHORE_STRICT_PLUGINS="1",
    )
    result, seen = done.stdout.splitlines()
    assert result == "6"
    for heard in ("decide", "watch"):
        for transition_ in ("work Running", "work Success", "nightly Success"):
            assert f"{heard} {transition_}" in seen
    assert "finished Success" in seen


def test_an_object_registered_in_code_watches_until_it_is_let_go(shelf: Any) -> None:
    host, watcher = PluginHost({"LONGSHORE_NO_PLUGINS": "1"}), Watcher()
    assert host.observers() == ()
    host.register(watcher)
    transition(host)
    host.unregister(watcher)
    transition(host)
    assert watcher.seen == [("load", Running())]
    with pytest.raises(PluginError, match="it is not registered"):
        host.unregister(watcher)


def test_two_registered_objects_cannot_have_one_name() -> None:
    host = PluginHost({"LONGSHORE_NO_PLUGINS": "1"})
    assert host.register(Watcher(), "view") == "view"
    with pytest.raises(PluginError, match="cannot register plugin 'view'"):
        host.register(Watcher(), "view")
    host.unregister("view")
    assert host.observers() == ()


@pytest.mark.gate("S11")
@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, ["acme.Greet", "bolt.Bolt"]),
        ({"LONGSHORE_BLOCK_PLUGINS": "acme"}, ["bolt.Bolt"]),
        ({"LONGSHORE_BLOCK_PLUGINS": "longshore-bolt, nosuch"}, ["acme.Greet"]),
        ({"LONGSHORE_ALLOW_PLUGINS": "bolt"}, ["bolt.Bolt"]),
        ({"LONGSHORE_ALLOW_PLUGINS": "bolt,acme", "LONGSHORE_BLOCK_PLUGINS": "bolt"}, ["acme.Greet"]),
        ({"LONGSHORE_NO_PLUGINS": "1"}, []),
        ({"LONGSHORE_NO_PLUGINS": "0"}, ["acme.Greet", "bolt.Bolt"]),
    ],
)
def test_plugins_are_blocked_and_allowed_by_name_or_distribution(
    shelf: Any, environment: dict[str, str], found: list[str]
) -> None:
    shelf.add("acme")
    shelf.add("bolt", textwrap.dedent(GREET).replace("Greet", "Bolt"))
    host = PluginHost({"LONGSHORE_ALLOW_PLUGINS": "acme,bolt"} | environment)
    assert sorted(host.tasks()) == found


@pytest.mark.gate("S11")
def test_a_plugin_that_is_left_out_is_not_imported_and_the_list_says_why(shelf: Any) -> None:
    module = shelf.add("wreck", "raise RuntimeError")
    host = shelf.host(LONGSHORE_BLOCK_PLUGINS="wreck", LONGSHORE_STRICT_PLUGINS="1")
    host.tasks()
    assert module not in sys.modules
    [info] = [info for info in host.list() if info.name == "wreck"]
    assert (info.status, info.problem) == (Status.BLOCKED, "left out by LONGSHORE_BLOCK_PLUGINS")


@pytest.mark.parametrize(
    "body",
    [
        "raise RuntimeError('no luck')",
        f"{HOOK}@hookimpl\ndef longshore_tasks(): raise RuntimeError('no luck')",
    ],
)
def test_strict_plugins_raise_every_time(shelf: Any, body: str) -> None:
    shelf.add("wreck", body)
    host = shelf.host("wreck", LONGSHORE_STRICT_PLUGINS="1")
    for _ in range(2):
        with pytest.raises(PluginError, match=r"of plugin 'wreck'|load plugin 'wreck'") as raised:
            host.tasks()
    assert isinstance(raised.value.__cause__, RuntimeError)


def test_the_doctor_says_what_a_plugin_finds(shelf: Any) -> None:
    shelf.add(
        "acme",
        textwrap.dedent(GREET)
        + "@hookimpl\ndef longshore_doctor():\n    yield 'credentials', True, 'env:ACME_TOKEN'\n"
        + "    yield 'server', False, 'not reachable'\n",
        requires=('no-such-sdk; extra == "acme"',),
    )
    findings = shelf.host().check("acme")
    assert [(f.subject, f.ok, f.text) for f in findings] == [
        ("loads", True, "longshore-acme 1.0"),
        ("no-such-sdk", False, "is not installed; run: pip install no-such-sdk"),
        ("credentials", True, "env:ACME_TOKEN"),
        ("server", False, "not reachable"),
    ]


@pytest.mark.parametrize(
    ("then", "seen"),
    [
        ("raise OSError('down')", "it raised OSError: down"),
        ("yield 3", "it yielded 3, which is no (subject, ok, text) tuple"),
        ("import time; time.sleep(60)", "it was not done after 0.3 s"),
    ],
)
def test_what_a_doctor_found_before_it_failed_is_kept(shelf: Any, then: str, seen: str) -> None:
    body = f"{HOOK}@hookimpl\ndef longshore_doctor():\n    yield 'first', True, 'well'\n    {then}\n"
    shelf.add("acme", body)
    streams = sys.stdout, sys.stderr
    first, second = shelf.host("acme").check("acme", timeout=0.3)[1:]
    sys.stdout, sys.stderr = streams
    assert (first.subject, first.ok) == ("first", True)
    assert second.text == f"cannot use longshore_doctor of plugin 'acme' of longshore-acme 1.0: {seen}"
    assert not second.ok


def test_the_doctor_says_why_a_plugin_does_not_load_also_when_plugins_are_strict(shelf: Any) -> None:
    shelf.add("wreck", "raise RuntimeError('no luck')")
    [finding] = shelf.host(LONGSHORE_STRICT_PLUGINS="1").check("wreck")
    assert not finding.ok
    assert "RuntimeError: no luck" in finding.text


def test_the_doctor_of_an_unknown_plugin_names_the_nearest(shelf: Any) -> None:
    shelf.add("acme")
    with pytest.raises(PluginError, match=r"no plugin 'acmee' is installed \(did you mean 'acme'\?\)"):
        shelf.host().check("acmee")


def test_programs_ask_for_the_storage_schemes_that_plugins_offer() -> None:
    class Lake:
        @hookimpl
        def longshore_storage(self) -> Any:
            return {"lake": lambda: "connection"}

    name = plugins.host().register(Lake())
    try:
        assert storage_schemes()["lake"]() == "connection"
    finally:
        plugins.host().unregister(name)
    assert "lake" not in storage_schemes()
