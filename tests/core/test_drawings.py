"""Drawings: the graph as text for Mermaid and Graphviz, and as a picture."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from longshore import ConfigurationError, Flow, InlineExecutor, MissingExtraError, Skip, case, flow, task

HERE = InlineExecutor()
Require = Callable[[object, str], None]


@task
def numbers() -> list[int]:
    return [1, 2]


@task
def double(n: int) -> int:
    return 2 * n


@task
def broken() -> None:
    raise ValueError("as told")


@task
def nothing_new() -> None:
    raise Skip("nothing new")


def branched() -> Flow:
    with Flow("branched") as built:
        found = numbers()
        double.map(found)
        with case(found, [1, 2]):
            double.replace(name="only then")(3)
    return built


MERMAID = """\
graph TD
    s0["numbers"]
    s1[["double"]]
    s2{{"case [1, 2]"}}
    s3["only then"]
    s0 --> s1
    s0 --> s2
    s2 -.-> s3"""


def test_mermaid_text_shows_steps_mapped_ones_and_conditions_and_is_the_same_each_time() -> None:
    drawing = branched().visualize()
    assert str(drawing) == drawing.mermaid == MERMAID
    assert str(branched().visualize()) == MERMAID


def test_a_flow_made_by_a_function_is_drawn_without_a_run() -> None:
    @flow
    def nightly(day: str) -> Any:
        return double.map(numbers())

    assert nightly.visualize().mermaid.splitlines()[1:] == [
        '    s0["numbers"]',
        '    s1[["double"]]',
        "    s0 --> s1",
    ]


def test_dot_text_shows_the_same_graph() -> None:
    lines = branched().visualize().dot.splitlines()
    assert lines[0] == 'digraph "branched" {'
    assert lines[2:] == [
        '    s0 [label="numbers"]',
        '    s1 [label="double" peripheries=2]',
        '    s2 [label="case [1, 2]"]',
        '    s3 [label="only then"]',
        "    s0 -> s1",
        "    s0 -> s2",
        "    s2 -> s3 [style=dashed]",
        "}",
    ]


HOSTILE = 'a "b" <script> c&lt; #35; `d` \\N end'


def test_a_name_of_any_signs_stays_one_label() -> None:
    with Flow('odd "flow"') as odd:
        double.replace(name=HOSTILE)(1)
        double.replace(name="two\nlines")(2)
    mermaid, dot = odd.visualize().mermaid.splitlines(), odd.visualize().dot.splitlines()
    assert mermaid[1] == ('    s0["a #34;b#34; #60;script#62; c#38;lt#59; #35;35#59; #96;d#96; \\N end"]')
    assert mermaid[2] == '    s1["two lines"]'
    assert len(mermaid) == 3
    assert dot[0] == r'digraph "odd \"flow\"" {'
    assert dot[2] == r'    s0 [label="a \"b\" <script> c&amp;lt; #35; `d` \\N end"]'


def test_a_run_colours_the_steps_by_their_states() -> None:
    with Flow("coloured") as coloured:
        found = numbers()
        double.map(found)
        broken()
        nothing_new()
    run = coloured.run(executor=HERE)
    drawing = coloured.visualize(run)
    kinds = [line.split()[1:] for line in drawing.mermaid.splitlines() if line.startswith("    class ")]
    assert kinds == [["s0", "success"], ["s1", "success"], ["s2", "failed"], ["s3", "skipped"]]
    assert "    classDef failed fill:#f4a6a0,color:#000" in drawing.mermaid
    assert '    s2 [label="broken" fillcolor="#f4a6a0"]' in drawing.dot
    assert 'fillcolor="#' not in coloured.visualize().dot


def test_text_is_written_to_a_file_by_its_ending(tmp_path: Path) -> None:
    drawing = branched().visualize()
    assert drawing.save(tmp_path / "flow.mmd").read_text(encoding="utf-8") == drawing.mermaid
    assert drawing.save(str(tmp_path / "FLOW.DOT")).read_text(encoding="utf-8") == drawing.dot


@pytest.mark.parametrize("name", ["flow.gif", "flow", "flow.svg.bak"])
def test_an_unknown_ending_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"end it in \.mmd, \.dot, \.svg, \.png or \.pdf"):
        branched().visualize().save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_picture_holds_every_name(tmp_path: Path, require_service: Require) -> None:
    require_service(shutil.which("dot"), "graphviz is not installed")
    with Flow("hostile") as hostile:
        double.replace(name=HOSTILE)(numbers())
    path = hostile.visualize(hostile.run(executor=HERE)).save(tmp_path / "flow.svg")
    texts = [element.text for element in ElementTree.parse(path).iter() if element.tag.endswith("}text")]
    assert texts == ["numbers", HOSTILE]
    assert branched().visualize().save(tmp_path / "flow.png").read_bytes().startswith(b"\x89PNG")


def test_notebooks_get_the_picture_and_the_text(require_service: Require) -> None:
    require_service(shutil.which("dot"), "graphviz is not installed")
    bundle = branched().visualize()._repr_mimebundle_()
    assert bundle["text/plain"] == MERMAID
    assert "<svg" in bundle["image/svg+xml"]


def test_without_graphviz_a_picture_says_what_to_install_and_notebooks_get_the_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtraError, match=r"run: apt-get install graphviz, or save to \.mmd"):
        branched().visualize().save(tmp_path / "flow.svg")
    assert branched().visualize()._repr_mimebundle_() == {"text/plain": MERMAID}


def test_the_text_is_the_same_in_every_process() -> None:
    program = (
        "from longshore import Flow, task\n"
        "@task\ndef one(): return 1\n"
        "@task\ndef all_of(given): return given\n"
        "with Flow('sets') as f:\n    all_of({one(), one(), one(), one()})\n"
        "print(f.visualize())\n"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1
