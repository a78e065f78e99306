"""`docs/writing-a-plugin.md` tells the truth: its files are a distribution that works, and it is complete."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from longshore import hookspecs
from longshore.scaffold import new_plugin

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "writing-a-plugin.md").read_text()
EXAMPLE = ROOT / "docs" / "examples" / "longshore-acme"
NOT_SHOWN = {
    ".gitignore",
    "CHANGELOG.md",
    "README.md",
    "docs/acme.md",
    "noxfile.py",
    "src/longshore_acme/py.typed",
}
AS_WRITTEN = [".gitignore", "noxfile.py", "pyproject.toml", "src/longshore_acme/py.typed"]


def shown() -> dict[str, str]:
    """The files that the page shows, by their path in the distribution."""
    pattern = r'^```\w+ title="longshore-acme/([^"]+)"\n(.*?)^```$'
    return dict(re.findall(pattern, PAGE, re.MULTILINE | re.DOTALL))


def files(folder: Path) -> set[str]:
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {path.as_posix() for path in paths if not _is_cache(path)}


def _is_cache(path: Path) -> bool:
    return any(part == "__pycache__" or part.startswith(".") for part in path.parts[:-1])


@pytest.mark.parametrize("path", sorted(shown()))
def test_a_file_on_the_page_is_the_examples_own(path: str) -> None:
    assert shown()[path] == (EXAMPLE / path).read_text()


def test_the_page_shows_every_file_that_matters() -> None:
    assert files(EXAMPLE) - set(shown()) == NOT_SHOWN


@pytest.mark.parametrize("path", AS_WRITTEN)
def test_what_the_page_does_not_change_is_what_new_plugin_writes(path: str, tmp_path: Path) -> None:
    assert (new_plugin("acme", tmp_path) / path).read_text() == (EXAMPLE / path).read_text()


def test_the_example_has_the_files_that_new_plugin_writes_and_a_server_for_its_tests(tmp_path: Path) -> None:
    added = {"src/longshore_acme/client.py", "tests/conftest.py"}
    assert files(EXAMPLE) == files(new_plugin("acme", tmp_path)) | added


@pytest.mark.parametrize("hook", [n for n, v in vars(hookspecs).items() if hasattr(v, "longshore_spec")])
def test_the_page_names_every_hook(hook: str) -> None:
    assert f"| `{hook}(" in PAGE


def test_the_page_names_every_variable_of_the_host() -> None:
    source = "".join(
        (ROOT / "tasks" / "longshore" / f"{n}.py").read_text() for n in ("plugins", "entrypoints")
    )
    assert set(re.findall(r"LONGSHORE_\w+", source)) <= set(re.findall(r"LONGSHORE_\w+", PAGE))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example, installed beside itself from a wheel that was built offline."""
    pytest.importorskip("pip")
    pytest.importorskip("hatchling")
    copy = tmp_path_factory.mktemp("example") / "longshore-acme"
    shutil.copytree(EXAMPLE, copy)
    options = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    check(copy, "-m", "pip", "install", *options, "--target", str(copy / "site"), str(copy))
    return copy


def check(project: Path, *command: str) -> str:
    variables = dict(os.environ, PYTHONPATH=str(project / "site"))
    done = subprocess.run(
        [sys.executable, *command], cwd=project, env=variables, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_examples_own_tests_pass_once_it_is_installed(installed: Path) -> None:
    assert " passed" in check(installed, "-m", "pytest", "-q", "-p", "no:cacheprovider")


@pytest.mark.parametrize("tool", ["ruff check src tests", "ruff format --check src tests", "mypy"])
def test_the_examples_checks_pass(installed: Path, tool: str) -> None:
    pytest.importorskip(tool.split()[0])
    printed = check(installed, "-m", *tool.split())
    assert re.search("All checks passed|already formatted|Success", printed)
