"""A plugin that raises, exits, hangs, floods or is written wrongly stops no other."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import pytest

from longshore.inventory import Status

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
@pytest.mark.parametrize(
    ("body", "seen"),
    [
        ("raise RuntimeError('no luck')", "RuntimeError: no luck"),
        ("import no_such_sdk_at_all", "ModuleNotFoundError: No module named 'no_such_sdk_at_all'"),
        ("def", "SyntaxError: "),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("class Odd(BaseException): ...\nraise Odd", "Odd"),
        ("raise ImportError", "ImportError"),
    ],
    ids=["raises", "misses a library", "syntax", "exits", "raises no Exception", "says nothing"],
)
def test_a_plugin_that_fails_is_named_once_and_the_rest_goes_on(
    shelf: Any, caplog: pytest.LogCaptureFixture, body: str, seen: str
) -> None:
    shelf.add("acme")
    shelf.add("wreck", body, version="0.9")
    host = shelf.host()
    assert list(host.tasks()) == ["acme.Greet"]
    assert host.executors() == {}
    [record] = caplog.records
    message = record.getMessage()
    assert (record.name, record.levelname) == ("longshore.plugins", "WARNING")
    assert message.startswith(f"cannot load plugin 'wreck' of longshore-wreck 0.9: {seen}")
    assert message.endswith("leave it out with LONGSHORE_BLOCK_PLUGINS=wreck")
    assert {info.name: info.status for info in host.list() if info.distribution != "longshore"} == {
        "acme": Status.OK,
        "wreck": Status.BROKEN,
    }


@pytest.mark.gate("S11")
def test_a_warning_is_seen_where_no_logging_is_configured(shelf: Any) -> None:
    shelf.add("wreck", "raise RuntimeError('no luck')")
    done = shelf.run("from longshore import plugins; plugins.host().tasks()", LONGSHORE_ALLOW_PLUGINS="wreck")
    assert done.returncode == 0
    [line] = done.stderr.splitlines()
    assert "WARNING cannot load plugin 'wreck' of longshore-wreck 1.0: RuntimeError: no luck" in line


@pytest.mark.gate("S11")
def test_plugins_that_hang_are_named_and_the_rest_loads_within_five_seconds(shelf: Any) -> None:
    shelf.add("acme")
    shelf.add("asleep", "import time; time.sleep(3600)")
    shelf.add("looping", "while True: pass")
    shelf.add("waiting", "import threading; threading.Event().wait()")
    done = shelf.run(
        """
        import json, time
        from longshore import plugins
        start = time.monotonic()
        tasks = sorted(plugins.host().tasks())
        print(json.dumps([tasks, time.monotonic() - start]))
        """,
        LONGSHORE_ALLOW_PLUGINS="acme,asleep,looping,waiting",
        LONGSHORE_PLUGIN_TIMEOUT="1",
    )
    tasks, seconds = json.loads(done.stdout)
    assert tasks == ["acme.Greet"]
    assert seconds < 5
    for name in ("asleep", "looping", "waiting"):
        module = f"shelf_longshore_{name}_{name}"
        assert (
            f"plugin {name!r} of longshore-{name} 1.0: module {module!r} was still being imported"
            in done.stderr
        )
    assert "LONGSHORE_PLUGIN_TIMEOUT=10" in done.stderr
    assert done.returncode == 0


def test_a_slow_import_that_ends_in_time_is_used(shelf: Any) -> None:
    shelf.add("slow", "import time; time.sleep(0.5)\n" + textwrap.dedent(GREET))
    host = shelf.host("slow", LONGSHORE_PLUGIN_TIMEOUT="1.6")
    assert list(host.tasks()) == ["slow.Greet"]


@pytest.mark.gate("S11")
def test_a_flood_on_the_terminal_is_cut_and_its_author_named(shelf: Any) -> None:
    shelf.add("acme")
    shelf.add(
        "flood",
        "import sys\nfor _ in range(20_000):\n"
        "    print('noise on stdout')\n    print('noise', file=sys.stderr)\n"
        + textwrap.dedent(GREET).replace("Greet", "Greet2"),
    )
    done = shelf.run(
        "from longshore import plugins; print(sorted(plugins.host().tasks()))",
        LONGSHORE_ALLOW_PLUGINS="acme,flood",
    )
    assert done.stdout == "['acme.Greet', 'flood.Greet2']\n"
    assert 4096 < len(done.stderr) < 4600
    assert (
        "plugin 'flood' of longshore-flood 1.0 wrote 440,000 characters while it was imported" in done.stderr
    )


@pytest.mark.gate("S11")
def test_a_plugin_that_floods_for_ever_stays_silenced(shelf: Any) -> None:
    shelf.add(
        "flood",
        "import sys\nwhile True:\n    sys.stderr.write('noise\\n')\n    sys.stdout.writelines(['x'])\n",
    )
    done = shelf.run(
        "import time; from longshore import plugins; plugins.host().tasks(); time.sleep(0.3); print('done')",
        LONGSHORE_ALLOW_PLUGINS="flood",
        LONGSHORE_PLUGIN_TIMEOUT="0.4",
    )
    assert done.stdout == "done\n"
    assert len(done.stderr) < 5000
    assert "cannot load plugin 'flood' of longshore-flood 1.0" in done.stderr


def test_what_other_threads_write_while_plugins_load_goes_where_it_should(shelf: Any) -> None:
    shelf.add("slow", "import time; time.sleep(0.5)\n" + textwrap.dedent(GREET))
    done = shelf.run(
        """
        import threading, time
        from longshore import plugins
        thread = threading.Thread(target=lambda: (time.sleep(0.2), print("from elsewhere " * 1000)))
        thread.start()
        plugins.host().tasks()
        thread.join()
        """,
        LONGSHORE_ALLOW_PLUGINS="slow",
    )
    assert done.stdout.count("from elsewhere") == 1000
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        (
            HOOK + "@hookimpl\ndef longshore_taskz(): ...",
            (
                "it implements 'longshore_taskz', which is no hook of this Longshore "
                "(did you mean 'longshore_tasks'"
            ),
        ),
        (
            HOOK + "@hookimpl\ndef zzz(): ...",
            "it implements 'zzz', which is no hook of this Longshore (the hooks are longshore_tasks, ",
        ),
        (
            HOOK + "@hookimpl\ndef longshore_run_started(runner): ...",
            "Argument(s) {'runner'} are declared in the hookimpl but can not be found in the hookspec",
        ),
        ("def longshore_tasks(): ...", "its function 'longshore_tasks' lacks @hookimpl above it"),
        ("x = 1", "has no @hookimpl function; its entry point may name the wrong one"),
        ("longshore_requires = 'banana'", "its longshore_requires is 'banana', which should be like '>=0.2'"),
        ("longshore_requires = 2", "its longshore_requires is 2, which should be like '>=0.2'"),
    ],
    ids=[
        "unknown hook",
        "far from any hook",
        "unknown argument",
        "not marked",
        "no hook",
        "no version",
        "a number",
    ],
)
def test_a_plugin_that_is_written_wrongly_says_how(
    shelf: Any, caplog: pytest.LogCaptureFixture, body: str, seen: str
) -> None:
    shelf.add("acme")
    shelf.add("wrong", body)
    assert list(shelf.host().tasks()) == ["acme.Greet"]
    [message] = caplog.messages
    assert message.startswith("cannot load plugin 'wrong' of longshore-wrong 1.0: ")
    assert seen in message


def test_a_hook_of_a_later_longshore_may_be_marked_optional(
    shelf: Any, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.add(
        "acme", textwrap.dedent(GREET) + "@hookimpl(optionalhook=True)\ndef longshore_teleport(): ...\n"
    )
    assert list(shelf.host().tasks()) == ["acme.Greet"]
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("name", "value"), [("acme", "acme.plugin:Plugin"), ("ac.me", ""), ("acme", "not a module")]
)
def test_an_entry_point_that_names_no_module_is_an_error_with_an_example(
    shelf: Any, caplog: pytest.LogCaptureFixture, name: str, value: str
) -> None:
    shelf.add(name, value=value)
    assert shelf.host(name).tasks() == {}
    assert (
        "must be a short word and the module with the hooks, such as 'acme = longshore_acme.plugin'"
        in caplog.text
    )


def test_a_plugin_that_asks_for_plugins_while_it_is_imported_is_an_error_and_no_hang(
    shelf: Any, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.add("acme", "from longshore import plugins\nplugins.PluginHost({}).tasks()\n")
    assert shelf.host("acme").tasks() == {}
    assert (
        "cannot ask for plugins while one is imported; do it inside a function, not in the module"
        in caplog.text
    )
