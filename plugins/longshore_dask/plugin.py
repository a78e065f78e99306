"""What `longshore_dask` offers."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from longshore import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


@hookimpl
def longshore_executors() -> Mapping[str, Callable[[str], Any]]:
    """Offer `--executor dask:tcp://10.0.0.1:8786`, and `dask:` for a cluster on this machine."""
    return {"dask": _executor}


def _executor(text: str) -> Any:
    from longshore_dask.executor import DaskExecutor

    return DaskExecutor.from_text(text)


@hookimpl
def longshore_doctor() -> Iterable[tuple[str, bool, str]]:
    """Look for the library."""
    try:
        yield "distributed", True, f"{version('distributed')}"
    except PackageNotFoundError:
        yield "distributed", False, "not installed; run: pip install 'longshore[dask]'"
