"""What the README and the documentation show is run; see "Examples are run" in docs/contributing.md."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DRIVER = Path(__file__).parent / "docs_page.py"
EXAMPLES = ROOT / "docs" / "examples"  # distributions with tests of their own
PAGES = [path for path in sorted((ROOT / "docs").rglob("*.md")) if not path.is_relative_to(EXAMPLES)]
PAGES.insert(0, ROOT / "README.md")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def run_page(page: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    scripts = Path(sys.executable).parent
    environment = {
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "COLUMNS": "100",
        "NO_COLOR": "1",
    }
    command = [sys.executable, str(DRIVER), str(page)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=100)


@pytest.fixture(scope="module")
def every_extra() -> None:
    """Skip where an extra is missing; `nox -s tests` has them all."""
    requirements = {line for name, lines in EXTRAS.items() if name != "demo" for line in lines}
    for name in {re.split(r"[^\w.-]", line)[0] for line in requirements} - {"longshore"}:
        try:
            importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            pytest.skip(f"{name} is not installed; run: pip install 'longshore[all]'")


@pytest.mark.usefixtures("every_extra")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_shows_is_true(page: Path, tmp_path: Path) -> None:
    answer = run_page(page, tmp_path)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.usefixtures("every_extra")
def test_what_users_of_prefect_are_sent_to_is_there() -> None:
    text = (ROOT / "docs" / "moving-from-prefect-1.md").read_text()
    named: set[str] = set()
    for ours in re.findall(r"^\|[^|]*\|([^|]*)\|", text, re.MULTILINE):
        for code in re.findall("`([^`]*)`", ours):
            named |= set(re.findall(r"(?<![\w.'\"])[A-Z]\w*[a-z]\w*", re.sub('"[^"]*"', "", code)))
    modules = ["longshore", *(f"longshore_{word}" for word in PROJECT["entry-points"]["longshore"])]
    offered = {name for module in modules for name in importlib.import_module(module).__all__}
    assert len(named) > 40
    assert named - offered == set()


def written(folder: Path, text: str) -> Path:
    page = folder / "page.md"
    page.write_text(text)
    return page


def test_a_page_that_shows_a_wrong_output_fails_with_its_line(tmp_path: Path) -> None:
    page = written(tmp_path, "# Page\n\n```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n")
    answer = run_page(page, tmp_path)
    assert answer.returncode == 1
    assert "page.md, line 3" in answer.stderr
    assert "expected\n3" in answer.stderr


def test_the_blocks_of_a_page_share_their_names_and_the_folder(tmp_path: Path) -> None:
    text = '```python title="made.py"\nword = "made"\n```\n\n```python\nimport made\n```\n\ntext\n\n'
    text += "```python\nprint(made.word)\n```\n```text\nmade\n```\n"
    setup = "<!-- setup\nhidden = 1\n-->\n"
    text += "```python\nassert hidden == 1\n```\n"
    assert run_page(written(tmp_path, setup + text), tmp_path).stderr == ""


def test_a_block_that_raises_fails_unless_it_says_why_it_is_not_run(tmp_path: Path) -> None:
    block = "```python\nraise ValueError('seen')\n```\n"
    assert "ValueError: seen" in run_page(written(tmp_path, block), tmp_path).stderr
    marked = f"<!-- no-run: needs an account -->\n{block}"
    assert run_page(written(tmp_path, marked), tmp_path).returncode == 0


def test_three_dots_stand_for_any_text(tmp_path: Path) -> None:
    block = "```python\nprint('took 3 s')\nprint('a\\nb')\nprint('end')\n```\n"
    expected = "```text\ntook ... s\n...\nend\n```\n"
    assert run_page(written(tmp_path, block + expected), tmp_path).stderr == ""
    answer = run_page(written(tmp_path, block + "```text\ntook ... s\nend\n```\n"), tmp_path)
    assert answer.returncode == 1


def test_commands_are_run_and_their_output_compared(tmp_path: Path) -> None:
    good = "```console\n$ python -c 'print(40 + 2)'\n42\n```\n"
    assert run_page(written(tmp_path, good), tmp_path).stderr == ""
    answer = run_page(written(tmp_path, good.replace("\n42", "\n43")), tmp_path)
    assert "saw\n42" in answer.stderr
