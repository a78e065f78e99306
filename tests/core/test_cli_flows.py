"""Flows by what people type, their parameters as options, and the errors for both."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("click", reason="needs longshore[cli]")

from longshore.cli import main
from longshore.testing import isolated_process_state

FLOWS = """
    import enum
    from datetime import date
    from pathlib import Path
    from typing import Literal

    from longshore import Flow, Parameter, flow, task


    class Speed(enum.Enum):
        SLOW = 1
        FAST = 2


    @task
    def show(**values: object) -> None:
        print({name: value for name, value in values.items()})


    @flow
    def typed(
        day: date,
        n: int = 3,
        mode: Literal["full", "part"] = "full",
        speed: Speed = Speed.SLOW,
        dry_run: bool = False,
        loud: bool = True,
        airports: list[str] = ["EWR"],
        note: str | None = None,
        folder: Path = Path("out"),
    ):
        '''Show what was given.

        Args:
            day: The day to show.
            n: How many, at
                least 1.
        '''
        show(day=day, n=n, mode=mode, speed=speed, dry=dry_run, loud=loud, airports=airports, note=note,
             folder=folder)


    @flow
    def clashing(json: str, debug: int = 0):
        show(json=json, debug=debug)


    with Flow("by hand") as built:
        show(n=Parameter("n", int, 7))

    number = 42
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Run]:
    """Call the command in this process; return the exit code and what it wrote."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "flows.py").write_text(textwrap.dedent(FLOWS))
    before = set(sys.modules)

    def call(*words: str) -> tuple[int, str, str]:
        code = main(words)
        return (code, *capfd.readouterr())

    with isolated_process_state():
        yield call
    for name in set(sys.modules) - before:
        path = getattr(sys.modules[name], "__file__", None)
        if path and Path(path).is_relative_to(tmp_path):
            del sys.modules[name]


def test_parameters_are_options_typed_from_the_signature(run: Run) -> None:
    code, stdout, _ = run(
        "run", "flows.py:typed", "--day", "2013-01-14", "--n", "5", "--mode=part", "--speed", "FAST",
        "--dry-run", "--no-loud", "--airports", '["JFK", "LGA"]', "--note", "x", "--folder", "a/b",
    )  # fmt: skip
    assert code == 0
    assert "'day': datetime.date(2013, 1, 14), 'n': 5, 'mode': 'part', 'speed': <Speed.FAST: 2>" in stdout
    assert "'dry': True, 'loud': False, 'airports': ['JFK', 'LGA'], 'note': 'x'" in stdout
    assert "PosixPath('a/b')" in stdout


def test_what_is_not_given_has_its_default(run: Run) -> None:
    code, stdout, _ = run("run", "flows.py:typed", "--day", "2013-01-14")
    assert code == 0
    assert "'n': 3, 'mode': 'full', 'speed': <Speed.SLOW: 1>, 'dry': False, 'loud': True" in stdout
    assert "'airports': ['EWR'], 'note': None" in stdout


def test_help_shows_parameters_with_types_words_and_defaults(run: Run) -> None:
    code, stdout, _ = run("run", "flows.py:typed", "--help")
    assert code == 0
    words = " ".join(stdout.split())
    for part in (
        "Show what was given.",
        "--day DATE The day to show. [required]",
        "--n INT How many, at least 1. [default: 3]",
        "--mode full|part [default: full]",
        "--speed SLOW|FAST [default: SLOW]",
        "--dry-run / --no-dry-run [default: no]",
        '--airports JSON [default: ["EWR"]]',
        "--folder PATH [default: out]",
        "--executor NAME[:TEXT]",
    ):
        assert part in words


def test_a_parameter_that_is_called_like_an_option_of_run_is_given_by_its_name(run: Run) -> None:
    code, stdout, _ = run("run", "flows.py:clashing", "-p", "json=x=y", "--parameter", "debug=2")
    assert code == 0
    assert "{'json': 'x=y', 'debug': 2}" in stdout
    code, _, stderr = run("run", "flows.py:clashing", "-p", "jsn=x")
    assert code == 2
    assert "write NAME=VALUE; flow 'clashing' takes json, debug" in stderr


def test_a_flow_that_was_built_by_hand_is_found_by_its_variable_and_by_its_name(run: Run) -> None:
    assert "{'n': 7}" in run("run", "flows.py:built")[1]
    assert "{'n': 8}" in run("run", "flows.py:by hand", "--n", "8")[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["flows.py:typed"], "Missing option '--day'"),
        (["flows.py:typed", "--day", "soon"], "cannot read day: date from 'soon'"),
        (["flows.py:typed", "--day", "2013-01-14", "--n", "many"], "cannot read n: int from 'many'"),
        (["flows.py:typed", "--day", "2013-01-14", "--mode", "x"], "choose one of full, part"),
        (["flows.py:typed", "--day", "2013-01-14", "--airports", "JFK"], "cannot read airports: list"),
        (["flows.py:typed", "--dya", "2013-01-14"], "--dya"),
        (["--day", "2013-01-14", "flows.py:typed"], "write the flow before its parameters"),
        ([], "Missing argument 'FLOW'"),
        (["flows.py"], "has 3 flows: typed, clashing, built; name one: flows.py:typed"),
        (["flows.py:typd"], "'flows.py' has no flow 'typd' (did you mean 'typed'?)"),
        (["flows.py:number"], "flows.py:number is a int, not a flow"),
        (["flow.py:typed"], "cannot load 'flow.py': no such file"),
        (["no_such.module:typed"], "cannot load 'no_such.module': no module 'no_such' here"),
        ([".:typed"], "cannot load '.'"),
        (
            ["flows.py:typed", "--day", "2013-01-14", "--executor", "thread:8"],
            "there is no executor 'thread'; there are inline, threads, processes",
        ),
        (
            ["flows.py:typed", "--day", "2013-01-14", "--executor", "threads:many"],
            "cannot read executor 'threads:many'; write inline, threads:8 or processes:4",
        ),
        (["flows.py:typed", "--day", "2013-01-14", "--executor", "threads:0"], "give 1 or more workers"),
    ],
)
def test_what_cannot_be_started_exits_with_2_and_one_readable_block(
    run: Run, words: list[str], said: str
) -> None:
    code, stdout, stderr = run("run", *words)
    assert (code, stdout) == (2, "")
    assert said in stderr
    assert "Traceback" not in stderr


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1\ndef nightly(:\n", ["broken.py, line 2: invalid syntax", "def nightly(:"]),
        ("import nothing_here\n", ["broken.py, line 1: ModuleNotFoundError: No module named 'nothing_here'"]),
        ("import json\n\njson.loads('{')\n", ["broken.py, line 3: JSONDecodeError", "json.loads('{')"]),
        ("x = 1\n", ["'broken.py' has no flow; decorate a function with @flow"]),
        (
            "from longshore import flow\n\n\n@flow\ndef nightly():\n    {}['x']\n",
            ["cannot build flow 'nightly' of broken.py: broken.py, line 6: KeyError: 'x'", "{}['x']"],
        ),
        (
            "from longshore import flow, task\n@task\ndef f(n): ...\n\n@flow\ndef nightly():\n    f(m=1)\n",
            ["f() has no argument 'm'", "  in broken.py, line 7\n    f(m=1)"],
        ),
        ("import sys\nsys.exit('no')\n", ["cannot load 'broken.py': broken.py, line 2: SystemExit: no"]),
    ],
)
def test_a_file_that_cannot_be_loaded_is_told_with_its_line(
    run: Run, tmp_path: Path, source: str, said: list[str]
) -> None:
    (tmp_path / "broken.py").write_text(source)
    code, _, stderr = run("run", "broken.py")
    assert code == 2
    assert all(part in stderr for part in said), stderr
    assert "Traceback" not in stderr


def test_debug_anywhere_on_the_line_shows_the_traceback(run: Run, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("1 / 0\n")
    for words in (["--debug", "run", "broken.py"], ["run", "broken.py", "--debug"]):
        code, _, stderr = run(*words)
        assert code == 2
        assert "Traceback (most recent call last)" in stderr
        assert "longshore: cannot load 'broken.py': broken.py, line 1: ZeroDivisionError" in stderr


def test_flows_that_a_file_only_imports_are_not_taken_for_its_own(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from flows import typed, show\nfrom longshore import flow\n\n\n"
        "@flow\ndef mine():\n    show(mine=True)\n"
    )
    assert "{'mine': True}" in run("run", "mine.py")[1]


def test_a_module_is_found_from_the_current_folder_and_a_file_of_a_package_keeps_its_full_name(
    run: Run, tmp_path: Path
) -> None:
    package = tmp_path / "team" / "etl"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").write_text("")
    (package / "helpers.py").write_text("WORD = 'helped'\n")
    (package / "nightly.py").write_text(
        "from longshore import flow, task\nfrom .helpers import WORD\n\n\n"
        "@task\ndef say() -> None:\n    print(WORD, __name__)\n\n\n@flow\ndef nightly():\n    say()\n"
    )
    assert "helped team.etl.nightly" in run("run", "team.etl.nightly:nightly")[1]
    assert "helped team.etl.nightly" in run("run", "team/etl/nightly.py")[1]


def test_a_file_named_like_a_module_that_is_there_is_told_to_be_renamed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text(textwrap.dedent(FLOWS))
    code, _, stderr = run("run", "json.py")
    assert code == 2
    assert "cannot load 'json.py': there is a module 'json' already" in stderr


def test_graph_prints_mermaid_and_nothing_else(run: Run, tmp_path: Path) -> None:
    (tmp_path / "noisy.py").write_text("print('hello')\n" + textwrap.dedent(FLOWS))
    code, stdout, stderr = run("graph", "noisy.py:typed")
    assert (code, stdout, stderr) == (0, 'graph TD\n    s0["show"]\n', "hello\n")


def test_graph_writes_what_the_ending_says(run: Run, tmp_path: Path) -> None:
    code, _, stderr = run("graph", "flows.py:typed", "-o", "typed.dot")
    assert (code, stderr) == (0, "wrote typed.dot\n")
    assert (tmp_path / "typed.dot").read_text().startswith('digraph "typed"')
    code, _, stderr = run("graph", "flows.py:typed", "-o", "typed.jpg")
    assert code == 2
    assert "cannot draw to 'typed.jpg'" in stderr
