"""What a flow was can be told in any process, and what has changed is said step by step."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from datetime import tzinfo
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from longshore.fingerprints import Difference, Fingerprint, differences, fingerprint
from longshore.flows import Flow
from longshore.functions import task
from longshore.stores.errors import StoreError

FLOW = (Path(__file__).parent / "compared_flow.py").read_text()


def edited(*changes: tuple[str, str]) -> str:
    text = FLOW
    for old, new in changes:
        assert old in text, old
        text = re.sub(rf"(?<!\w){re.escape(old)}", lambda _, new=new: new, text)
    return text


def told(text: str) -> Fingerprint:
    """The fingerprint of the flow in a file, written out and read back."""
    module = ModuleType("compared_flow")
    sys.modules["compared_flow"] = module
    try:
        exec(compile(text, "/somewhere/compared_flow.py", "exec", dont_inherit=True), vars(module))
    finally:
        del sys.modules["compared_flow"]
    return Fingerprint.from_text(fingerprint(module.nightly).to_text())


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def changes(*edits: tuple[str, str]) -> list[str]:
    """What is said of the flow after edits of its file."""
    return [str(difference) for difference in differences(told(edited()), told(edited(*edits)))]


@pytest.mark.gate("D10")
def test_a_flow_is_the_same_in_every_process_whatever_seeds_its_hashes(tmp_path: Path) -> None:
    (tmp_path / "flow_file.py").write_text(edited())
    code = "import flow_file, longshore.fingerprints as f; print(f.fingerprint(flow_file.nightly).to_text())"
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env=dict(os.environ, PYTHONHASHSEED=seed),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3", "random")
    }
    assert len(seen) == 1


@pytest.mark.gate("D10")
def test_a_script_and_the_command_line_see_the_same_flow(tmp_path: Path) -> None:
    show = "\nimport longshore.fingerprints as f; print(f.fingerprint(nightly).to_text())\n"
    (tmp_path / "flow_file.py").write_text(edited() + show)
    seen = {
        subprocess.run(
            [sys.executable, *how], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout
        for how in (["flow_file.py"], ["-m", "flow_file"], ["-c", "import flow_file"])
    }
    assert len(seen) == 1


@pytest.mark.gate("D10")
@pytest.mark.parametrize(
    "edit",
    [
        ('"""A flow."""', '"""A flow.\n\n\n"""\n# moved down\n'),
        ('"""Read rows."""', '"""Read the rows of a day."""'),
        ("return key", "return key  # the key"),
        ("counter = 0", "counter = 1"),
        ("class Colour", "class Unused: pass\n\nclass Colour"),
        ("threading.Lock()", "threading.Lock()"),
    ],
    ids=["lines", "docstring", "comment", "a variable", "what is not used", "an object"],
)
def test_what_does_not_matter_is_no_difference(edit: tuple[str, str]) -> None:
    assert changes(edit) == []


CASE = [
    "step 'case tue' was added",
    "step 'Shell': it waits for 'case tue' and waited for 'case mon'",
    "step 'case mon' was removed",
]


@pytest.mark.gate("D10")
@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (("for n in range(3) if", "for n in range(4) if"), ["step 'extract': its code"]),
        (
            ("return value + LIMIT", "return value - LIMIT"),
            ["step 'extract': its code", "step 'load': argument 'call'"],
        ),
        (('"rows": 10', '"rows": 11'), ["step 'extract': its code", "step 'load': argument 'call'"]),
        (('"JFK", "LGA"', '"JFK", "EWR"'), ["step 'extract': its code"]),
        (("except ValueError", "except KeyError"), ["step 'load': its code"]),
        (("scaled(3)", "scaled(4)"), ["step 'scale': its code"]),
        (("{len(rows)}", "{len(rows)}!"), ["step 'Export': its code"]),
        (('{"csv", "json"}', '{"csv", "xml"}'), ["step 'Export': its code"]),
        (('bucket="lake"', 'bucket="sea"'), ["step 'Export': field 'bucket'"]),
        (('Shell("make")', 'Shell("make all")'), ["step 'Shell': field 'script'"]),
        (('"k",', '"other",'), ["step 'load': argument 'key'"]),
        (("env:TOKEN", "env:OTHER"), ["step 'load': argument 'token'"]),
        (('{"p", "q"}', '{"p", "r"}'), ["step 'load': argument 'function'"]),
        (("[rows[0], more", "[rows[1], more"), ["step 'load': argument 'rows'"]),
        (
            ("[rows[0], more", "[rows[0], rows"),
            ["step 'load': argument 'rows' comes from 'extract' and came from 'extract', 'scale'"],
        ),
        (("extract(day)", 'extract("mon")'), ["step 'extract': argument 'day'"]),
        (("rows, after=loaded", "rows"), ["step 'Export': it waits for nothing and waited for 'load'"]),
        (("single.map([1, 2, 3])", "single.map([1, 2, 4])"), ["step 'single': argument 'n'"]),
        (
            ("single.map([1, 2, 3])", "single([1, 2, 3])"),
            ["step 'single': it is mapped over nothing and was over 'n'"],
        ),
        (
            ("size=day", "size=5"),
            [
                "step 'Workspace set-up': field 'resource'",
                "step 'Workspace set-up': argument 'fields'",
                "step 'Workspace clean-up': field 'resource'",
                "step 'Workspace clean-up': argument 'fields'",
            ],
        ),
        (
            ('return "a"', 'return "b"'),
            ["step 'Workspace set-up': field 'resource'", "step 'Workspace clean-up': field 'resource'"],
        ),
        (('case(day, "mon")', 'case(day, "tue")'), CASE),
        (("single", "double"), ["step 'double' was added", "step 'single' was removed"]),
        (
            ('Export(bucket="lake"', 'Other(name="Export", bucket="lake"'),
            ["step 'Export': its task is compared_flow.Other and was compared_flow.Export"],
        ),
    ],
    ids=lambda value: value[1][:30] if isinstance(value, tuple) else "",
)
def test_each_change_is_said_of_its_step(edit: tuple[str, str], said: list[str]) -> None:
    assert changes(edit) == said


def test_steps_that_come_and_go_are_said_in_the_order_of_the_flow() -> None:
    @task
    def work(n: int) -> int:
        return n

    def built(*names: str) -> Fingerprint:
        with Flow("f") as flow:
            for name in names:
                work.replace(name=name)(1)
        return fingerprint(flow)

    assert differences(built("a", "b", "c"), built("d", "a", "e")) == [
        Difference("added", "d"),
        Difference("added", "e"),
        Difference("removed", "b"),
        Difference("removed", "c"),
    ]


def test_of_a_flow_that_was_not_looked_at_nothing_is_said() -> None:
    with Flow("f") as flow:
        task(len)([1])
    assert differences(Fingerprint.from_text("{}"), fingerprint(flow)) == []


CODE = "the code does was not compared"


def test_another_version_of_python_is_said_once_and_code_is_not_compared() -> None:
    before = told(edited())
    text = before.to_text().replace(f'"python":"{before.python}"', '"python":"3.10"')
    after = told(edited(("return key", "return options"), ('"k",', '"other",')))
    assert [str(difference) for difference in differences(Fingerprint.from_text(text), after)] == [
        f"it was recorded with Python 3.10 and this is {before.python}, so what {CODE}",
        "step 'load': argument 'key'",
    ]


@pytest.mark.parametrize(
    "text", ["", "[]", "null", '{"tasks":3}', '{"steps":{"a":[0]}}', '{"steps":[1]}', "[" * 9999]
)
def test_a_damaged_fingerprint_is_a_named_error(text: str) -> None:
    with pytest.raises(StoreError, match="cannot read what the flow was"):
        Fingerprint.from_text(text)


def test_no_secret_value_is_in_a_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = set()
    for value in ("one-secret", "another"):
        monkeypatch.setenv("TOKEN", value)
        seen.add(told(edited()).to_text())
    assert len(seen) == 1


def test_values_that_hold_themselves_are_described() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    with Flow("f") as flow:
        task(len)(loop)
    assert fingerprint(flow) == fingerprint(flow)


class Odd:
    """It raises whatever it is asked for."""

    def __store__(self) -> None:
        raise RuntimeError("do not ask")


@pytest.mark.parametrize("value", [Odd(), tzinfo(), nested(5000)], ids=["raises", "base class", "deep"])
def test_a_value_that_cannot_be_looked_at_does_not_stop_a_run(value: Any) -> None:
    with Flow("f") as flow:
        task(id)([value])
    assert differences(fingerprint(flow), fingerprint(flow)) == []


def test_objects_count_by_their_class_and_builtins_by_their_name() -> None:
    def with_input(value: Any) -> Fingerprint:
        with Flow("f") as flow:
            task(id)(value)
        return fingerprint(flow)

    lock = threading.Lock()
    assert differences(with_input(lock), with_input(threading.Lock())) == []
    assert [str(d) for d in differences(with_input(lock), with_input(object()))] == [
        "step 'id': argument 'obj'"
    ]
    assert differences(with_input(lock.acquire), with_input(threading.Lock().acquire)) == []
    assert differences(with_input([1]), with_input((1,))) != []
    assert differences(with_input(True), with_input(1)) != []
    assert differences(with_input({1: 2, 3: 4}), with_input({3: 4, 1: 2})) == []


def test_a_fingerprint_costs_little_a_step() -> None:
    """Linear in steps that share a task: ten times as many take at most thirty times as long."""

    @task
    def work(n: int, rows: Any = None) -> int:
        return n

    def seconds(steps: int) -> float:
        with Flow("f") as flow:
            first = work(0)
            for number in range(steps):
                work(number, {"a": first["x"]})
        assert len(flow.steps) == steps + 1
        best = float("inf")
        for _ in range(3):
            began = time.perf_counter()
            fingerprint(flow)
            best = min(best, time.perf_counter() - began)
        return best

    assert seconds(10_000) < 30 * seconds(1_000)
