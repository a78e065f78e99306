"""The rules of the house that a reader of one file cannot see: names, places, imports, sizes."""

from __future__ import annotations

import ast
import os
import re
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "tasks" / "longshore"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PLUGINS = sorted(PROJECT["entry-points"]["longshore"])
COLLECTIVE_EXTRAS = {"cli", "schedules", "all"}
DEMO = "demo"  # a user's program: it uses the other plugins, and its data bring libraries that only it needs
MOCK_LIBRARIES = {"mock", "unittest.mock", "pytest_mock", "responses", "requests_mock", "httpretty", "vcr"}
TEXT_SUFFIXES = {".py", ".md", ".toml", ".yml", ".yaml", ".sh", ".css", ".json", ".html", ".svg", ""}


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


PUBLIC_MODULES = {"longshore.couriers", "longshore.heldfiles", "longshore.testing"}
"""What plugins may import besides the names of `longshore`."""
STORAGE_KIT = "longshore_storage"
USES_STORAGE = {"snowflake"}
"""Plugins that write to storage URLs of any scheme."""
COMMAND_KIT = "longshore_shell"
USES_COMMANDS = {"spark"}
"""Plugins whose programs are commands, by the public names of that kit."""


def imports(tree: ast.AST) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each imported module with the names taken from it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            yield node.module or "", tuple(alias.name for alias in node.names)


def test_the_entry_points_the_extras_and_the_packages_have_the_same_words() -> None:
    packages = {path.parent.name.removeprefix("longshore_") for path in ROOT.glob("plugins/*/__init__.py")}
    assert set(PROJECT["optional-dependencies"]) - COLLECTIVE_EXTRAS == set(PLUGINS)
    assert packages == set(PLUGINS)


@pytest.mark.parametrize("word", PLUGINS)
def test_an_integration_has_one_word_in_five_places(word: str) -> None:
    assert PROJECT["entry-points"]["longshore"][word] == f"longshore_{word}.plugin"
    assert word in PROJECT["optional-dependencies"]
    package = ROOT / "plugins" / f"longshore_{word}"
    assert {"__init__.py", "plugin.py", "py.typed"} <= {path.name for path in package.iterdir()}
    assert list((ROOT / "tests" / "plugins").glob(f"test_{word}*.py"))
    assert (ROOT / "docs" / "plugins" / f"{word}.md").is_file()
    assert f"plugins/{word}.md" in (ROOT / "mkdocs.yml").read_text(), (
        "the page is missing in mkdocs.yml's nav"
    )


def test_every_tested_and_documented_integration_exists() -> None:
    pages = {path.stem for path in (ROOT / "docs" / "plugins").glob("*.md")} - {"index"}
    tested = {path.stem.removeprefix("test_") for path in (ROOT / "tests" / "plugins").glob("test_*.py")}
    assert pages == set(PLUGINS)
    strays = {
        name for name in tested if not any(name == word or name.startswith(f"{word}_") for word in PLUGINS)
    }
    assert not strays


def test_the_readme_has_the_two_commands_and_every_integration() -> None:
    text = (ROOT / "README.md").read_text()
    assert 'pip install ".[demo]" && longshore demo\n' in text
    assert "pip install nox && nox\n" in text
    integrations = [word for word in PLUGINS if word != DEMO]
    assert [word for word in integrations if f"| [{word}](docs/plugins/{word}.md) |" not in text] == []


def test_collective_extras_bring_every_integration() -> None:
    everything = " ".join(PROJECT["optional-dependencies"]["all"])
    assert [word for word in PLUGINS if not re.search(rf"\b{word}\b", everything)] in ([], [DEMO])


@pytest.mark.parametrize("word", PLUGINS)
def test_a_plugin_imports_only_public_names_and_no_other_plugin(word: str) -> None:
    import longshore

    problems: list[str] = []
    hooks = (ROOT / "plugins" / f"longshore_{word}" / "plugin.py").read_text()
    # What offers object storage is built on the storage kit.
    uses_storage = f"def {STORAGE_KIT}(" in hooks or word in USES_STORAGE
    allowed = {f"longshore_{word}", *([STORAGE_KIT] if uses_storage else [])}
    kit = {COMMAND_KIT} if word in USES_COMMANDS else set[str]()
    for path in sources(f"plugins/longshore_{word}"):
        for module, names in imports(ast.parse(path.read_text())):
            place = f"{path.relative_to(ROOT)} imports {module}"
            if module in PUBLIC_MODULES | kit:
                continue
            if module.startswith("longshore.") or (module == "longshore" and not names):
                problems.append(f"{place}; write: from longshore import <public name>")
            elif module == "longshore":
                problems += [
                    f"{place}.{name}, which is not public" for name in names if name not in longshore.__all__
                ]
            elif module.startswith("longshore_") and module.split(".")[0] not in allowed and word != DEMO:
                problems.append(place)
    assert problems == []


def test_the_core_names_no_plugin() -> None:
    plugin = re.compile(rf"longshore_({'|'.join(PLUGINS)})\b")
    found = [
        f"{path.name}: {module}"
        for path in sources("tasks")
        for module, _ in imports(ast.parse(path.read_text()))
        if plugin.match(module)
    ]
    assert found == []


def test_no_file_is_longer_than_300_lines_and_no_test_file_than_500() -> None:
    limits = {"tasks": 300, "plugins": 300, "tests": 500}
    lengths = {path: len(path.read_text().splitlines()) for path in sources(*limits)}
    long = {
        str(path.relative_to(ROOT)): length
        for path, length in lengths.items()
        if length > limits[path.relative_to(ROOT).parts[0]]
    }
    assert long == {}


def test_no_test_uses_a_mock() -> None:
    found = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sources("tests")
        for module, names in imports(ast.parse(path.read_text()))
        if module in MOCK_LIBRARIES or (module == "unittest" and "mock" in names)
    ]
    assert found == []


def test_no_file_holds_the_path_of_a_machine() -> None:
    """Neither a home directory nor the place of the checkout that the tests run in."""
    around = ROOT.resolve().parent
    temporary = around.is_relative_to(tempfile.gettempdir()) or around == Path("/")
    here = [] if temporary else [re.escape(f"{around}{os.sep}")]
    machine = re.compile("|".join([r"/(?:home|Users)/\w+/", r"/root/\.", *here]))
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files_of_the_repository()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if machine.search(line)
    ]
    assert found == []


def files_of_the_repository() -> list[Path]:
    folders = ("tasks", "plugins", "tests", "docs", ".ci")
    inside = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())
    beside = (ROOT / name for name in ("pyproject.toml", "noxfile.py", "mkdocs.yml", "README.md"))
    tools = re.compile(r"/\.\w+_cache/")
    return [
        path
        for path in (*inside, *beside)
        if path.suffix in TEXT_SUFFIXES and not tools.search(path.as_posix())
    ]


def hook_names() -> list[str]:
    tree = ast.parse((CORE / "hookspecs.py").read_text())
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("longshore_")
    ]


def test_every_hook_is_in_the_docs() -> None:
    text = "".join(path.read_text() for path in (ROOT / "docs").rglob("*.md"))
    assert hook_names(), "no hook was found in hookspecs.py"
    assert [name for name in hook_names() if name not in text] == []


def test_every_command_is_in_the_docs() -> None:
    click = pytest.importorskip("click", reason="needs longshore[cli]")
    from longshore.commands import longshore

    names = longshore.list_commands(click.Context(longshore))
    page = (ROOT / "docs" / "cli.md").read_text()
    assert names, "the command line has no command"
    assert [name for name in names if f"longshore {name}" not in page] == []
