"""What the documentation shows of commands is product: no input makes any of it run something else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from test_shell_inputs import NAUGHTY

import longshore_shell
from longshore import Task

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
KINDS = {
    name: kind
    for name in longshore_shell.__all__
    if isinstance(kind := getattr(longshore_shell, name), type) and issubclass(kind, Task)
}
EVIL = [*(text for text in NAUGHTY if "pwned" in text), "-rf", "--help", "*", "~", "a b", "../x"]


def python_blocks(page: str) -> Iterator[ast.Module]:
    for block in page.split("```python")[1:]:
        with suppress(SyntaxError):
            yield ast.parse(block.partition("\n")[2].partition("```")[0])


def is_command(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS


def constant_task(node: ast.Call) -> Task[Any] | None:
    """The task that a constructor in the docs makes, if its arguments are constants."""
    assert isinstance(node.func, ast.Name)
    with suppress(ValueError):
        args = [ast.literal_eval(arg) for arg in node.args]
        fields = {keyword.arg or "": ast.literal_eval(keyword.value) for keyword in node.keywords}
        return KINDS[node.func.id](*args, **fields)
    return None


def calls(page: str) -> Iterator[tuple[Task[Any], ast.Call]]:
    """The calls of commands that a page shows, with their tasks."""
    named: dict[str, Task[Any]] = {}
    for tree in python_blocks(page):
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Assign)
                and is_command(node.value)
                and isinstance(node.targets[0], ast.Name)
            ):
                assert isinstance(node.value, ast.Call)
                if (task := constant_task(node.value)) is not None:
                    named[node.targets[0].id] = task
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            if is_command(node.func):
                assert isinstance(node.func, ast.Call)
                if (task := constant_task(node.func)) is not None:
                    yield task, node
            elif isinstance(node.func, ast.Name) and node.func.id in named:
                yield named[node.func.id], node


def with_input(node: ast.expr, evil: str) -> Any:
    """An argument of a call in the docs, each value in it replaced."""
    if isinstance(node, ast.Dict):
        return {ast.literal_eval(key): evil for key in node.keys if key is not None}
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(evil for _ in node.elts)
    return evil


SHOWN = [
    (page.name, task, {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg})
    for page in PAGES
    for task, call in calls(page.read_text())
    if call.keywords
]


def test_the_documentation_shows_calls_with_inputs() -> None:
    inputs = {name for _, _, arguments in SHOWN for name in arguments}
    assert {"env", "args", "stdin", "values"} <= inputs


@pytest.mark.gate("S15")
@pytest.mark.parametrize(("page", "task", "arguments"), SHOWN)
def test_no_input_of_an_example_is_run(
    page: str,
    task: Task[Any],
    arguments: dict[str, ast.expr],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "kept.txt").write_text("kept")
    known = {name: node for name, node in arguments.items() if name in ("env", "args", "stdin", "values")}
    for evil in EVIL:
        with suppress(Exception):
            task.replace(cwd=tmp_path)(**{name: with_input(node, evil) for name, node in known.items()})
        assert not [path for path in tmp_path.rglob("*") if path.name.startswith("pwned")], (page, evil)
        assert (tmp_path / "kept.txt").read_text() == "kept", (page, evil)
