"""What is promised of every public name, every error and every import."""

from __future__ import annotations

import importlib
import inspect
import pickle
import pkgutil
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

import longshore
from longshore import LongshoreError

ROOT = Path(__file__).parents[2]
PLUGINS = sorted(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["longshore"])
PACKAGES = ["longshore", *(f"longshore_{word}" for word in PLUGINS)]


def public_names(module: ModuleType) -> set[str]:
    values = vars(module).items()
    return {name for name, value in values if not name.startswith("_") and not isinstance(value, ModuleType)}


@pytest.mark.parametrize("package", PACKAGES)
def test_all_is_exactly_the_public_names(package: str) -> None:
    module = importlib.import_module(package)
    assert len(module.__all__) == len(set(module.__all__))
    for name in module.__all__:  # some are imported when somebody uses them
        getattr(module, name)
    words = {"annotations", "Any", "Final", "TYPE_CHECKING"}
    assert set(module.__all__) - {"__version__"} == public_names(module) - words


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_documented(package: str) -> None:
    module = importlib.import_module(package)
    assert inspect.getdoc(module)
    values = {name: getattr(module, name) for name in module.__all__}
    callables = {name: value for name, value in values.items() if callable(value)}
    assert [name for name, value in callables.items() if not value.__doc__] == []


def loaded_by(*packages: str) -> set[str]:
    """The top-level modules that importing packages adds, in a fresh interpreter."""
    code = "import sys; before = set(sys.modules)\n"
    code += "".join(f"import {package}\n" for package in packages)
    code += "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name for name in answer.stdout.split() if not name.startswith("__")}


def test_importing_longshore_loads_nothing_from_elsewhere_but_pluggy() -> None:
    assert loaded_by("longshore") - set(sys.stdlib_module_names) <= {"longshore", "pluggy"}


def test_importing_every_integration_loads_no_sdk() -> None:
    plugins = [f"longshore_{word}.plugin" for word in PLUGINS]
    assert loaded_by(*PACKAGES, *plugins) - set(sys.stdlib_module_names) <= {*PACKAGES, "pluggy"}


def every_error() -> list[type[LongshoreError]]:
    """The error classes of the core and of all integrations."""
    for package in map(importlib.import_module, PACKAGES):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.name.rpartition(".")[2] in {"errors", "client"}:
                importlib.import_module(found.name)
    classes: list[type[LongshoreError]] = [LongshoreError]
    for error in classes:  # grows while it is read: the whole tree
        classes += [child for child in error.__subclasses__() if child not in classes]
    return [error for error in classes if error.__module__.split(".")[0] in PACKAGES]


@pytest.mark.parametrize("error_class", every_error(), ids=lambda error_class: error_class.__name__)
def test_an_error_comes_back_from_a_pickle_as_it_was(error_class: type[LongshoreError]) -> None:
    error = error_class.__new__(error_class, "cannot do it")
    error.args = ("cannot do it",)
    error.__dict__.update(retry_after=1.5, seen=["something"])
    error.add_note("a note")
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is error_class
    assert back.args == error.args
    assert back.__dict__ == error.__dict__
    assert back.__notes__ == ["a note"]


@pytest.mark.parametrize("error_class", every_error(), ids=lambda error_class: error_class.__name__)
def test_an_error_says_when_to_catch_it(error_class: type[LongshoreError]) -> None:
    assert error_class.__doc__
    assert error_class.__doc__.splitlines()[0].strip().endswith(".")


def test_the_error_tree_in_the_docstring_is_the_real_one() -> None:
    drawing = longshore.errors.__doc__ or ""
    drawn = {line.strip(" │├└─").split(" ")[0] for line in drawing.splitlines() if "─" in line}
    real = {error.__name__ for error in every_error() if error.__module__ == "longshore.errors"}
    assert drawn == real - {"LongshoreError"}


def test_the_wheel_has_every_package_with_its_type_marker(tmp_path: Path) -> None:
    backend = "import hatchling.build, sys; hatchling.build.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", backend, str(tmp_path)], cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    shipped = set(zipfile.ZipFile(wheel).namelist())
    roots = (ROOT / "tasks", ROOT / "plugins")
    files = {(path, path.relative_to(root)) for root in roots for path in root.rglob("*") if path.is_file()}
    caches = re.compile(r"(^|/)(__pycache__|\.[^/]+)/")
    ours = {name.as_posix() for _, name in files if not caches.search(name.as_posix())}
    assert ours | {f"{package}/py.typed" for package in PACKAGES} <= shipped
    assert {name for name in shipped if name.startswith(("tests/", "docs/", "tasks/", "plugins/"))} == set()
