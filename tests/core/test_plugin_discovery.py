"""Plugins are found in the metadata of distributions, at first use, and listed without being imported."""

from __future__ import annotations

import os
import sys
import textwrap
from typing import Any

import pytest

from longshore import plugins
from longshore.entrypoints import Entry, satisfies
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


def test_importing_longshore_looks_for_no_plugin(shelf: Any) -> None:
    shelf.add("acme", "print('imported')\n" + HOOK)
    done = shelf.run("import longshore.plugins, sys; print('importlib.metadata' in sys.modules)")
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_listing_plugins_imports_none_of_them(shelf: Any) -> None:
    module = shelf.add("acme", version="2.1")
    [info] = [info for info in shelf.host().list() if info.name == "acme"]
    assert (info.distribution, info.version, info.module) == ("longshore-acme", "2.1", module)
    assert (info.status, info.tasks, info.hooks) == (Status.NOT_LOADED, (), ())
    assert module not in sys.modules


def test_a_loaded_plugin_is_listed_with_what_it_offers(shelf: Any) -> None:
    shelf.add("acme")
    host = shelf.host()
    host.tasks()
    [info] = [info for info in host.list() if info.name == "acme"]
    assert (info.status, info.tasks, info.hooks) == (Status.OK, ("Greet",), ("longshore_tasks",))


def test_the_list_names_what_the_plugins_extra_would_install(shelf: Any) -> None:
    shelf.add(
        "acme",
        requires=(
            'no-such-sdk>=2; extra == "acme"',
            'no-such-legacy; python_version < "3.0" and extra == "acme"',
            "no-such-modern ; (python_version >= '3.11') and (extra == 'acme')",
            'no-such-other; extra == "other"',
            'pluggy; extra == "acme"',
            'no-such-either; extra == "acme" or extra == "other"',
            'no-such-machine; platform_machine == "vax" and extra == "acme"',
            f'no-such-here; sys_platform == "{sys.platform}" and os_name != "none" and extra == "acme"',
        ),
    )
    [info] = [info for info in shelf.host().list() if info.name == "acme"]
    assert info.missing == ("no-such-here", "no-such-modern", "no-such-sdk")
    assert info.status == Status.MISSING_EXTRA


def test_a_distribution_that_cannot_be_read_hides_no_plugin(shelf: Any) -> None:
    shelf.add("acme")
    broken = shelf.folder / "wreck-1.0.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_text("Metadata-Version: 2.1\nName: wreck\nVersion: 1.0\n")
    (broken / "entry_points.txt").write_bytes(b"[longshore]\nwreck = \xff\xfe\n")
    assert "acme.Greet" in shelf.host("acme").tasks()


def test_eight_threads_ask_at_once_and_a_plugin_is_imported_once(shelf: Any) -> None:
    shelf.add("acme", "import time; time.sleep(0.2); print('imported')\n" + textwrap.dedent(GREET))
    done = shelf.run("""
        import threading
        from longshore import plugins
        found = []
        ask = lambda: found.append(sorted(plugins.host().tasks()))
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(all("acme.Greet" in names for names in found), len(found))
    """)
    assert done.stdout == "True 8\n"
    assert done.stderr.count("imported") == 1


def test_there_is_one_host_until_it_is_reset() -> None:
    first = plugins.host()
    assert plugins.host() is first
    plugins.reset()
    assert plugins.host() is not first


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_forked_while_another_thread_loads_can_ask_too(shelf: Any) -> None:
    shelf.add("acme", "import time; time.sleep(1)\n" + textwrap.dedent(GREET))
    done = shelf.run("""
        import os, sys, threading, time
        from longshore import plugins
        thread = threading.Thread(target=plugins.host().tasks)
        thread.start()
        while not any("acme" in name for name in sys.modules):
            time.sleep(0.01)
        time.sleep(0.1)
        child = os.fork()
        if not child:
            print("child", "acme.Greet" in plugins.PluginHost().tasks() or "asked", flush=True)
            plugins.host().list()
            os._exit(0)
        print("ended with", os.waitpid(child, 0)[1])
        thread.join()
    """)
    assert done.stdout.splitlines()[-1] == "ended with 0", done.stderr


@pytest.mark.parametrize(
    ("version", "specifier", "holds"),
    [
        ("0.2.0", ">=0.2", True),
        ("0.2", ">=0.2.0", True),
        ("0.1.9", ">=0.2", False),
        ("0.10", ">0.9", True),
        ("1.0", "<1", False),
        ("0.9.9", ">=0.2,<1", True),
        ("0.2.0.dev1", ">=0.2", True),
        ("1.4.2", "~=1.4", True),
        ("2.0", "~=1.4", False),
        ("1.3", "~=1.4", False),
        ("1.4.7", "==1.4.*", True),
        ("1.5", "==1.4.*", False),
        ("1.4", "==1.4.0", True),
        ("1.4", "!=1.4", False),
        ("1.5", "<=1.5", True),
        ("1.5", "", True),
    ],
)
def test_versions_compare_as_releases(version: str, specifier: str, holds: bool) -> None:
    assert satisfies(version, specifier) is holds


@pytest.mark.parametrize("specifier", ["banana", ">=", ">=0.2 or so", "0.2"])
def test_a_specifier_that_is_none_is_an_error(specifier: str) -> None:
    with pytest.raises(ValueError, match=r"is not a version specifier such as '>=0.2'"):
        satisfies("0.2", specifier)


def test_a_requirement_in_a_form_we_do_not_read_stops_no_plugin() -> None:
    def needed(line: str) -> str:
        return Entry(name="a", module="a", distribution="a", version="1", requires=(line,)).longshore_needed()

    assert needed("longshore @ https://example.org/longshore.whl") == ""
    assert needed("longshore>=99; extra == 'x'") == ""
    assert needed("::") == ""
    assert needed("longshore (>=0.1)") == ">=0.1"
