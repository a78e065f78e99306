"""The arrows between the core's modules point one way, as docs/architecture.md draws them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORE = ROOT / "tasks" / "longshore"
PAGE = ROOT / "docs" / "architecture.md"

CLOSES_A_LOOP = "the one above calls the one below, which hands the work on"
FIRST_USE = "plugins are looked for at first use; importing longshore must not load the host"
RECORDED = "what records runs loads sqlite3, hashlib and more, and few runs in code are recorded"
FUNCTION_LEVEL = {
    ("tasks", "flows"): CLOSES_A_LOOP,
    ("tasks", "calls"): CLOSES_A_LOOP,
    ("runnables", "flowruns"): CLOSES_A_LOOP,
    ("runnables", "schedules"): "few flows have a schedule",
    ("runnables", "serving"): CLOSES_A_LOOP,
    ("runnables", "stores"): RECORDED,
    ("flowruns", "stores"): RECORDED,
    ("flowruns", "journals"): RECORDED,
    ("flowruns", "recalls"): RECORDED,
    ("flowruns", "fingerprints"): RECORDED,
    ("flowruns", "comparisons"): RECORDED,
    ("flowruns", "plugins"): FIRST_USE,
    ("journals", "stores"): RECORDED,
    ("recalls", "stores"): RECORDED,
    ("executors", "remotes"): "few runs leave the process",
    ("runnables", "drawings"): "few runs are drawn",
    ("context", "logs"): CLOSES_A_LOOP,
    ("secrets", "plugins"): FIRST_USE,
    ("calls", "observers"): FIRST_USE,
    ("calls", "plugins"): FIRST_USE,
    ("engine", "plugins"): FIRST_USE,
    ("context", "surroundings"): FIRST_USE,
    ("runner", "surroundings"): FIRST_USE,
    ("calls", "surroundings"): FIRST_USE,
    ("flowruns", "surroundings"): FIRST_USE,
    ("narration", "observers"): FIRST_USE,
    ("narration", "plugins"): FIRST_USE,
    ("lookouts", "alerts"): "few flows have alerts",
    ("offers", "alerts"): "few plugins have channels",
    ("alerts", "plugins"): FIRST_USE,
    ("cli", "commands"): "they need click, and cli says what to install when it is missing",
    ("logs", "secrets"): "few records carry an error that has to be masked",
    ("stores", "plugins"): FIRST_USE,
    ("plugins", "entrypoints"): FIRST_USE,
    ("plugins", "loader"): FIRST_USE,
    ("plugins", "isolation"): FIRST_USE,
    ("plugins", "offers"): FIRST_USE,
    ("plugins", "inventory"): FIRST_USE,
}
"""The imports inside functions, each with its reason; any other fails the test."""


def layers() -> list[str]:
    """The modules as the page's table lists them, from the bottom to the top."""
    return re.findall(r"^\| `(\w+)(?:\.py|/)` \|", PAGE.read_text(), re.MULTILINE)


def modules() -> dict[str, list[Path]]:
    """The core's modules; a folder counts as one."""
    found: dict[str, list[Path]] = {}
    for path in sorted(CORE.rglob("*.py")):
        found.setdefault(path.relative_to(CORE).parts[0].removesuffix(".py"), []).append(path)
    del found["__init__"]
    return found


def targets(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """The core's modules that one import statement names."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif node.module == "longshore":
        names = [f"longshore.{alias.name}" for alias in node.names]
    else:
        names = [node.module or ""]
    for name in names:
        head, _, rest = name.partition(".")
        if head == "longshore":
            yield rest.partition(".")[0]


def arrows(path: Path, *, inside_functions: bool) -> Iterator[str]:
    """The modules that a file imports when it is imported, or when its functions are called."""
    waiting: list[tuple[ast.AST, bool]] = [(ast.parse(path.read_text()), False)]
    while waiting:
        node, inside = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += [(child, inside) for child in node.orelse]
            continue
        if isinstance(node, ast.Import | ast.ImportFrom) and inside == inside_functions:
            yield from targets(node)
        inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        waiting += [(child, inside) for child in ast.iter_child_nodes(node)]


def drawn(*, inside_functions: bool) -> set[tuple[str, str]]:
    return {
        (module, target)
        for module, paths in modules().items()
        for path in paths
        for target in arrows(path, inside_functions=inside_functions)
        if target != module
    }


def test_the_page_lists_every_module_of_the_core_once() -> None:
    assert sorted(layers()) == sorted(modules())


def test_a_module_imports_only_modules_that_the_page_lists_before_it() -> None:
    place = {module: number for number, module in enumerate(layers())}
    assert {a: b for a, b in drawn(inside_functions=False) if place.get(b, len(place)) >= place[a]} == {}


def test_the_core_imports_its_own_modules_by_name_and_not_from_the_package() -> None:
    """`from longshore import Task` inside the core would depend on the order in `__init__.py`."""
    every = drawn(inside_functions=False) | drawn(inside_functions=True)
    assert {(a, b) for a, b in every if b not in modules()} == set()


def test_only_listed_functions_import_when_they_are_called() -> None:
    assert drawn(inside_functions=True) == set(FUNCTION_LEVEL)
