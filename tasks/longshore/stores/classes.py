"""Classes by name, for values that are written down: `module:qualname`, looked for among what is imported."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from longshore.stores.errors import ResultError


def name_of(kind: type) -> str:
    """Return the name under which a class is found again, in this process and in others.

    A class of the script that runs goes by the name that its file has as a module: the command line, which
    resumes the script's run, imports it so.

    Raises:
        ResultError: No name leads to it, as it was made inside a function.
    """
    names = [f"{kind.__module__}:{kind.__qualname__}"]
    if kind.__module__ == "__main__":
        names.insert(0, f"{main_name()}:{kind.__qualname__}")
    for name in names:
        if _look_up(name) is kind:
            return name
    raise ResultError(
        f"its class {names[-1]} cannot be found by name; define it at the top level of a module"
    )


def find_class(name: object) -> type:
    """Return a class by its name. Nothing is imported, and no code of the module runs.

    Raises:
        ResultError: Its module is not imported, or has no such class.
    """
    if not isinstance(name, str):
        raise ResultError(f"a class is called {name!r}")
    found = _look_up(name)
    if isinstance(found, type):
        return found
    module = name.partition(":")[0]
    if _module(module) is None:
        raise ResultError(f"it holds a {name}, and {module!r} is not imported here; import {module} first")
    raise ResultError(
        f"it holds a {name}, and {module!r} has no such class here; use the version that wrote it"
    )


def main_name() -> str:
    """Return what the script that runs is called as a module."""
    main = sys.modules.get("__main__")
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if spec is not None:
        return str(spec.name).removesuffix(".__main__")
    return Path(file).stem if file else "__main__"


def _module(name: str) -> Any:
    found = sys.modules.get(name)
    return sys.modules.get("__main__") if found is None and name == main_name() else found


def _look_up(name: str) -> Any:
    # `vars` and not `getattr`: a module's `__getattr__` may import what is asked of it.
    module, _, path = name.partition(":")
    found = _module(module)
    for part in path.split("."):
        found = getattr(found, "__dict__", {}).get(part)
    return found
