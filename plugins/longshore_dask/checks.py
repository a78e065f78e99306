"""Whether the workers of a cluster can run a flow: looked at before anything is sent."""

from __future__ import annotations

import logging
import platform
import sys
import sysconfig
import threading
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from longshore import require
from longshore_dask.errors import DaskMismatchError
from longshore_dask.processes import this_process

if TYPE_CHECKING:
    from types import ModuleType

    from longshore import Flow

log: Final = logging.getLogger("longshore.dask")
cloudpickle: Any = require("cloudpickle", extra="dask")
_MUST_FIT: Final = ("longshore",)
_SHOULD_FIT: Final = ("dask", "distributed", "cloudpickle")


def check_workers(client: Any, flow: Flow) -> list[ModuleType]:
    """Compare the workers that are there with this process.

    Args:
        client: Of the cluster.
        flow: What is to run there.

    Returns:
        The modules of the user's own that no worker has, and that travel as code.

    Raises:
        DaskMismatchError: A worker has another Python or Longshore, or lacks a package that a step needs.
    """
    steps = _modules(flow)
    seen = client.run(_look(), sorted(steps), (*_MUST_FIT, *_SHOULD_FIT), on_error="return")
    travelling: dict[str, ModuleType] = {}
    for worker, found in seen.items():
        if isinstance(found, BaseException):
            raise DaskMismatchError(f"cannot look at worker {worker}: {found}") from found
        if found["process"] == this_process():
            continue
        _compare(worker, found)
        for name in found["missing"]:
            module = _own(name)
            if module is None:
                raise DaskMismatchError(
                    f"worker {worker} has no module {name!r}, which step {steps[name]!r} needs; "
                    f"install it there{_extra(name)}"
                )
            travelling[name] = module
    with _counting:
        for module in travelling.values():
            _runs[module.__name__] += 1
            cloudpickle.register_pickle_by_value(module)
    return list(travelling.values())


_runs: Counter[str] = Counter()
"""How many runs have a module travel."""
_counting = threading.Lock()


def forget(modules: list[ModuleType]) -> None:
    """Have modules no longer travel as code, once no other run needs that."""
    with _counting:
        for module in modules:
            _runs[module.__name__] -= 1
            if not _runs[module.__name__]:
                cloudpickle.unregister_pickle_by_value(module)


def _modules(flow: Flow) -> dict[str, str]:
    """Return the modules that the tasks of a flow are from, each with a step that needs it."""
    found: dict[str, str] = {}
    for node in flow.steps:
        for thing in (type(node.task), getattr(node.task, "fn", None)):
            name = getattr(thing, "__module__", None)
            if name and name != "__main__":
                found.setdefault(name, node.name)
    return found


def _compare(worker: str, found: dict[str, Any]) -> None:
    here = ".".join(platform.python_version_tuple()[:2])
    if found["python"] != here:
        raise DaskMismatchError(
            f"worker {worker} runs Python {found['python']}, and this is {here}: tasks cannot travel there"
        )
    for name in (*_MUST_FIT, *_SHOULD_FIT):
        ours, theirs = version(name), found["versions"][name]
        if ours == theirs:
            continue
        if name in _MUST_FIT:
            raise DaskMismatchError(
                f"worker {worker} has {name} {theirs or '(none)'}, and this is {ours}; "
                f"run there: pip install 'longshore[dask]=={ours}'"
            )
        log.warning("worker %s has %s %s, and this is %s", worker, name, theirs, ours)


def _own(name: str) -> ModuleType | None:
    """Return a module that is the user's own: none of a package that was installed."""
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if module is None or file is None:
        return None
    return None if installed(Path(file)) else module


def installed(file: Path) -> bool:
    """Whether a file came with a package, or with Python."""
    return any(file.is_relative_to(sysconfig.get_path(kind)) for kind in ("purelib", "platlib", "stdlib"))


def _extra(name: str) -> str:
    package = name.partition(".")[0]
    word = package.removeprefix("longshore_")
    return f": pip install 'longshore[{word}]'" if word != package else ""


def _look() -> Any:
    """Return what looks at a worker: a function that travels whole, as there may be no Longshore there."""

    def look(modules: list[str], packages: tuple[str, ...]) -> dict[str, Any]:
        import importlib.metadata
        import importlib.util
        import platform

        def there(name: str) -> bool:
            try:
                return importlib.util.find_spec(name) is not None
            except (ImportError, ValueError):
                return False

        def version_of(name: str) -> str:
            try:
                return importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                return ""

        try:
            from longshore_dask.processes import this_process

            process = this_process()
        except ImportError:
            process = ""
        return {
            "python": ".".join(platform.python_version_tuple()[:2]),
            "missing": [name for name in modules if not there(name)],
            "versions": {name: version_of(name) for name in packages},
            "process": process,
        }

    return look
