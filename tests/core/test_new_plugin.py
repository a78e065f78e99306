"""`longshore new-plugin`: what it writes works at once, and is found, run and left out as any plugin."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from longshore.errors import ConfigurationError, PluginError
from longshore.scaffold import new_plugin

FLOW = """
from longshore import Flow
from longshore_my_erp import MyErpGreet

with Flow("greetings") as flow:
    MyErpGreet(greeting="ahoy")("ada")
print(flow.run().results["MyErpGreet"])
"""


def run(*command: str, folder: Path, site: Path | None = None, **environment: str) -> str:
    """Run Python with a folder of installed packages; return what it prints."""
    variables = dict(os.environ) | ({"PYTHONPATH": str(site)} if site else {}) | environment
    answer = subprocess.run(
        [sys.executable, *command], cwd=folder, env=variables, capture_output=True, text=True, timeout=100
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout + answer.stderr


def install(project: Path, site: Path) -> None:
    """Build a wheel of the project, offline, and install it into a folder."""
    options = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    run("-m", "pip", "install", *options, "--target", str(site), str(project), folder=project)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_plugin("my_erp", tmp_path_factory.mktemp("authors"))


@pytest.fixture(scope="module")
def site(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the new distribution is installed."""
    for needed in ("pip", "hatchling"):
        pytest.importorskip(needed)
    folder = tmp_path_factory.mktemp("site")
    install(project, folder)
    return folder


def test_a_new_plugin_is_a_distribution_of_its_own(project: Path) -> None:
    assert project.name == "longshore-my-erp"
    files = {path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()}
    assert files == {
        ".gitignore",
        "CHANGELOG.md",
        "README.md",
        "docs/my_erp.md",
        "noxfile.py",
        "pyproject.toml",
        "src/longshore_my_erp/__init__.py",
        "src/longshore_my_erp/plugin.py",
        "src/longshore_my_erp/py.typed",
        "src/longshore_my_erp/tasks.py",
        "tests/test_my_erp.py",
    }
    settings = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    assert settings["entry-points"] == {"longshore": {"my_erp": "longshore_my_erp.plugin"}}
    text = "".join((project / name).read_text() for name in files)
    assert [word for word in ("${", "NAME", "PACKAGE", "acme", "Acme") if word in text] == []


def test_its_own_tests_pass_once_it_is_installed(project: Path, site: Path) -> None:
    printed = run("-m", "pytest", "-q", "-p", "no:cacheprovider", folder=project, site=site)
    assert " passed" in printed
    assert "failed" not in printed


@pytest.mark.parametrize("check", ["ruff check .", "ruff format --check .", "mypy"])
def test_its_checks_pass_as_it_stands(project: Path, site: Path, check: str) -> None:
    tool, *arguments = check.split()
    pytest.importorskip(tool)
    printed = run("-m", tool, *arguments, folder=project, site=site)
    assert re.search("All checks passed|already formatted|Success", printed)


def test_the_installed_plugin_is_listed_found_and_run_in_a_flow(site: Path, tmp_path: Path) -> None:
    listed = "from longshore import plugins; print(*[f'{i.name} {i.version}' for i in plugins.host().list()])"
    assert "my_erp 0.1.0" in run("-c", listed, folder=tmp_path, site=site)
    tasks = "from longshore import plugins; print(sorted(plugins.host().tasks()))"
    assert "'my_erp.MyErpGreet'" in run("-c", tasks, folder=tmp_path, site=site)
    assert "ahoy, ada" in run("-c", FLOW, folder=tmp_path, site=site)


def test_the_installed_plugin_can_be_left_out_and_its_tasks_still_used(site: Path, tmp_path: Path) -> None:
    tasks = "from longshore import plugins; print(sorted(plugins.host().tasks()))"
    block = {"LONGSHORE_BLOCK_PLUGINS": "my_erp"}
    assert "my_erp" not in run("-c", tasks, folder=tmp_path, site=site, **block)
    assert "ahoy, ada" in run("-c", FLOW, folder=tmp_path, site=site, **block)


def test_the_installed_plugin_broken_on_purpose_is_named_and_the_rest_goes_on(
    site: Path, tmp_path: Path
) -> None:
    module = site / "longshore_my_erp" / "plugin.py"
    whole = module.read_text()
    module.write_text(whole.replace("[MyErpGreet]", "[MyErpGret]"))
    try:
        tasks = "from longshore import plugins; print(sorted(plugins.host().tasks()))"
        printed = run("-c", tasks, folder=tmp_path, site=site)
        assert (
            "cannot use longshore_tasks of plugin 'my_erp' of longshore-my-erp 0.1.0: it raised NameError"
            in printed
        )
        assert "ahoy, ada" in run("-c", FLOW, folder=tmp_path, site=site)
    finally:
        module.write_text(whole)


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("9x", "try 'x'"),
        ("a-b", "try 'a_b'"),
        ("Acme", "try 'acme'"),
        ("longshore-acme", "try 'acme'"),
        ("../up", "try 'up'"),
        ("", "try 'acme'"),
        ("été", "try 't'"),
        ("a__b", "try 'a_b'"),
        ("x" * 41, f"try {'x' * 40!r}"),
        ("class", "it is a word of Python's own; choose another"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused_with_the_nearest_that_can(
    tmp_path: Path, name: str, seen: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        new_plugin(name, tmp_path / "new")
    assert str(raised.value).startswith(f"cannot name a plugin {name!r}: ")
    assert str(raised.value).endswith(seen)
    assert not (tmp_path / "new").exists()


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "longshore-acme").mkdir()
    (tmp_path / "longshore-acme" / "mine.txt").write_text("kept")
    with pytest.raises(ConfigurationError, match=r"longshore-acme': it exists; remove it, or choose another"):
        new_plugin("acme", tmp_path)
    assert [path.name for path in (tmp_path / "longshore-acme").iterdir()] == ["mine.txt"]


def test_the_name_of_an_installed_plugin_is_taken(tmp_path: Path, shelf: Any) -> None:
    shelf.add("taken", distribution="other-taken")
    with pytest.raises(PluginError, match=r"other-taken 1\.0 has one of this name; choose another"):
        new_plugin("taken", tmp_path / "new")
    (shelf.folder / "longshore_sitting").mkdir()
    importlib.invalidate_caches()
    with pytest.raises(PluginError, match="there is a package 'longshore_sitting'; choose another"):
        new_plugin("sitting", tmp_path / "new")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_the_systems_own_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        new_plugin("acme", tmp_path)
