"""The commands that look at plugins and tasks, those that plugins add, `longshore` without what it needs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("click", reason="needs longshore[cli]")


Command = Callable[..., subprocess.CompletedProcess[str]]

DOCUMENTED = '''
    from longshore import Task
    from longshore.hookspecs import hookimpl


    class Load(Task[int]):
        """Load rows into a table.

        Each file is one transaction.

        Args:
            batch: Rows in one insert.
            wait: Seconds between inserts.

        Example:
            >>> Load(batch=10)("rows.csv")
            10
        """

        wait: float = 0.5
        batch: int

        def run(self, path: str, *, table: str = "flights") -> int:
            """Load a file.

            Args:
                path: The file.
                table: Where to.

            Returns:
                How many rows there were.
            """
            return self.batch


    @hookimpl
    def longshore_tasks():
        return [Load]


    @hookimpl
    def longshore_doctor():
        yield "server", False, "does not answer"
'''
COMMANDS_PLUGIN = """
    import click
    from longshore.hookspecs import hookimpl


    @click.command(short_help="Say hello.")
    @click.argument("who")
    def hello(who):
        click.echo(f"hello {who}")


    @click.command()
    def run():
        click.echo("not ours")


    @hookimpl
    def longshore_commands():
        return [hello, run]
"""


@pytest.fixture
def longshore(shelf: Any) -> Command:
    """Run the command with only the plugins of the shelf."""

    def call(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        names = [path.read_text().split()[1] for path in shelf.folder.glob("*.dist-info/entry_points.txt")]
        code = f"import sys\nfrom longshore.cli import main\nsys.exit(main({list(words)!r}))"
        allowed = {"LONGSHORE_ALLOW_PLUGINS": ",".join(names) or "none"}
        result: subprocess.CompletedProcess[str] = shelf.run(code, **(allowed | environment))
        return result

    return call


def test_plugins_are_listed_without_being_imported_unless_asked(shelf: Any, longshore: Command) -> None:
    shelf.add("acme", "raise RuntimeError('imported')", requires=('ftplib-x; extra == "acme"',))
    shelf.add("good")
    answer = longshore("plugins")
    assert answer.returncode == 0
    assert answer.stderr == ""
    acme, good = (line for line in answer.stdout.splitlines() if line.startswith(("acme", "good")))
    assert "missing extra" in acme
    assert "lacks ftplib-x; run: pip install 'longshore-acme[acme]'" in acme
    assert good.split()[-1] == "installed"
    loaded = longshore("plugins", "--load")
    assert "RuntimeError: imported" in loaded.stdout
    assert "Greet" in loaded.stdout


def test_plugins_as_json_have_every_fact(shelf: Any, longshore: Command) -> None:
    shelf.add("good", version="2.1")
    found = {info["name"]: info for info in json.loads(longshore("plugins", "--json").stdout)}
    assert found["good"]["distribution"] == "longshore-good"
    assert found["good"]["version"] == "2.1"
    assert found["good"]["status"] == "not loaded"


def test_doctor_exits_with_1_when_something_is_wrong_and_says_what(shelf: Any, longshore: Command) -> None:
    shelf.add("good")
    shelf.add("sick", DOCUMENTED)
    answer = longshore("doctor", "good", "sick")
    assert answer.returncode == 1
    assert "ok  good: loads: longshore-good 1.0" in answer.stdout
    assert "!!  sick: server: does not answer" in answer.stdout
    assert longshore("doctor", "good").returncode == 0
    found = json.loads(longshore("doctor", "sick", "--json").stdout)
    assert found[-1] == {"plugin": "sick", "subject": "server", "ok": False, "text": "does not answer"}


def test_doctor_does_not_count_plugins_whose_extra_nobody_installed_unless_named(
    shelf: Any, longshore: Command
) -> None:
    shelf.add("acme", requires=('ftplib-x; extra == "acme"',))
    answer = longshore("doctor")
    assert answer.returncode == 0
    assert "--  acme: ftplib-x: is not installed; run: pip install ftplib-x" in answer.stdout
    assert longshore("doctor", "acme").returncode == 1
    unknown = longshore("doctor", "acne")
    assert unknown.returncode == 2
    assert "no plugin 'acne' is installed (did you mean 'acme'?)" in unknown.stderr


def test_tasks_are_listed_with_what_they_do(shelf: Any, longshore: Command) -> None:
    shelf.add("sick", DOCUMENTED)
    shelf.add("good")
    answer = longshore("tasks")
    assert "sick.Load   Load rows into a table." in answer.stdout
    assert "good.Greet" in answer.stdout
    assert "good.Greet" not in longshore("tasks", "sick").stdout
    [task] = json.loads(longshore("tasks", "sick", "--json").stdout)
    assert task["name"] == "sick.Load"
    assert task["summary"] == "Load rows into a table."
    unknown = longshore("tasks", "sic")
    assert unknown.returncode == 2
    assert "no plugin 'sic' offers tasks; these do: good, sick" in unknown.stderr


def test_describe_shows_types_units_defaults_words_and_an_example(shelf: Any, longshore: Command) -> None:
    module = shelf.add("sick", DOCUMENTED)
    answer = longshore("describe", "sick.Load")
    assert answer.returncode == 0
    assert answer.stdout.startswith(
        f"""\
Load rows into a table.

from {module} import Load

Each file is one transaction.

Fields
  batch: int  (required)  [rows]
      Rows in one insert.
  wait: float = 0.5  [seconds]
      Seconds between inserts.

Inputs of a call
  path: str  (required)
      The file.
  table: str = 'flights'
      Where to.

Result: int
  How many rows there were.

Example
"""
    )
    assert 'Load(batch=10)("rows.csv")' in answer.stdout
    assert "retry_delay: " not in answer.stdout
    assert "retry_delay: " in longshore("describe", "sick.Load", "--all").stdout


def test_describe_finds_a_task_by_its_class_alone_and_names_the_nearest(
    shelf: Any, longshore: Command
) -> None:
    shelf.add("sick", DOCUMENTED)
    assert longshore("describe", "Load").stdout.startswith("Load rows into a table.")
    for word in ("sick.Laod", "Laod"):
        answer = longshore("describe", word)
        assert answer.returncode == 2
        assert f"there is no task {word!r} (did you mean 'sick.Load'?)" in answer.stderr
    described = json.loads(longshore("describe", "Load", "--json").stdout)
    assert [field["name"] for field in described["fields"]] == ["wait", "batch"]


def test_describe_describes_a_task_of_a_file(
    shelf: Any, longshore: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(
        "from longshore import task\n\n\n"
        "@task\ndef double(n: int) -> int:\n    '''Double it.'''\n    return 2 * n\n"
    )
    answer = longshore("describe", "mine.py:double")
    assert answer.stdout.startswith("Double it.\n\nfrom mine import double\n")
    wrong = longshore("describe", "mine.py:triple")
    assert wrong.returncode == 2
    assert "cannot describe 'mine.py:triple': 'mine.py' has no task 'triple'" in wrong.stderr


def test_a_plugin_adds_commands_and_one_that_clashes_is_left_out_with_both_named(
    shelf: Any, longshore: Command
) -> None:
    shelf.add("polite", COMMANDS_PLUGIN)
    answer = longshore("hello", "world")
    assert (answer.returncode, answer.stdout) == (0, "hello world\n")
    [warning] = answer.stderr.splitlines()
    assert "command 'run' from plugin 'polite' of longshore-polite 1.0: Longshore has one" in warning
    help_text = longshore("--help").stdout
    assert "Commands of plugins:\n  hello  Say hello." in help_text
    assert longshore("run", "--help").stdout.startswith("Usage: longshore run")


def test_an_executor_of_a_plugin_is_made_from_the_text_after_the_colon(
    shelf: Any, longshore: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = """
        from longshore import ThreadExecutor
        from longshore.hookspecs import hookimpl

        def pool(text):
            print(f"a pool of {text}")
            return ThreadExecutor(int(text))

        @hookimpl
        def longshore_executors():
            return {"pool": pool}
    """
    shelf.add("pooled", body)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(
        "from longshore import flow, task\n@task\ndef one(): ...\n\n@flow\ndef mine():\n    one()\n"
    )
    answer = longshore("run", "mine.py", "--executor", "pool:2")
    assert (answer.returncode, answer.stdout) == (0, "a pool of 2\n")
    unknown = longshore("run", "mine.py", "--executor", "pond:2")
    assert unknown.returncode == 2
    assert "there is no executor 'pond'; there are inline, threads, processes, pool" in unknown.stderr


def test_a_broken_plugin_stops_no_command(shelf: Any, longshore: Command) -> None:
    shelf.add("broken", "raise RuntimeError('no')")
    shelf.add("good")
    answer = longshore("tasks")
    assert answer.returncode == 0
    assert "good.Greet" in answer.stdout
    assert "longshore-broken" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_no_plugins_anywhere_on_the_line_loads_none(shelf: Any, longshore: Command) -> None:
    shelf.add("broken", "raise RuntimeError('no')")
    for words in (["--no-plugins", "tasks"], ["tasks", "--no-plugins"], ["--help", "--no-plugins"]):
        answer = longshore(*words)
        assert answer.returncode == 0
        assert answer.stderr == ""


def test_an_error_of_a_plugins_command_is_one_readable_block(shelf: Any, longshore: Command) -> None:
    body = """
        import click
        from longshore.hookspecs import hookimpl

        @click.command()
        def fail():
            raise ValueError("out of cheese")

        @hookimpl
        def longshore_commands():
            return [fail]
    """
    shelf.add("failing", body)
    answer = longshore("fail")
    assert answer.returncode == 1
    assert answer.stderr == "longshore: unexpected ValueError: out of cheese\nadd --debug to see where\n"
    assert "Traceback" in longshore("fail", "--debug").stderr
