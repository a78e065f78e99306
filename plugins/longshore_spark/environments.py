"""A virtual environment as an archive, which Spark unpacks where its executors run."""

from __future__ import annotations

import hashlib
import os
import tarfile
import uuid
from pathlib import Path
from typing import Final

from longshore_spark.applications import resource_of
from longshore_spark.errors import SparkInputError

NAME: Final = "environment"
"""What the archive is called where it is unpacked."""


def packed(given: str | Path | None, must_exist: bool) -> str:
    """Return an environment as one of Spark's archives: a folder is packed, once for each of its states.

    Args:
        given: The folder of a virtual environment, or an archive of one; None for none.
        must_exist: Whether it is looked at now.

    Raises:
        SparkInputError: It is not there, or is no virtual environment.
    """
    if given is None:
        return ""
    path = resource_of(given, "python_environment", must_exist=must_exist)
    if must_exist and Path(path).is_dir():
        path = str(_archive(Path(path)))
    if "," in path or "#" in path:
        raise SparkInputError(f"python_environment={path!r}: Spark cannot read a path with ',' or '#'")
    return f"{path}#{NAME}"


def driver_python(given: str | Path | None) -> str | None:
    """Return the Python of an environment's folder, which a driver of this machine can run with."""
    python = None if given is None else Path(given).expanduser().absolute() / "bin" / "python"
    return str(python) if python is not None and python.exists() else None


def _archive(folder: Path) -> Path:
    if not (folder / "bin" / "python").exists() or not (folder / "pyvenv.cfg").exists():
        raise SparkInputError(
            f"python_environment={str(folder)!r} is no virtual environment; make one: python -m venv {folder}"
        )
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "longshore" / "spark"
    target = cache / f"{_state(folder)}.tar.gz"
    if not target.exists():
        cache.mkdir(0o700, parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
        try:
            with tarfile.open(beside, "w:gz", compresslevel=1) as archive:
                archive.add(folder, ".", filter=_without_caches)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    return target


def _state(folder: Path) -> str:
    """Return what changes when a file of the environment does."""
    state = hashlib.sha256(str(folder).encode())
    for path in sorted(folder.rglob("*")):
        if "__pycache__" not in path.parts:
            about = path.lstat()
            state.update(f"{path}\0{about.st_mtime_ns}\0{about.st_size}\0".encode("utf-8", "surrogateescape"))
    return state.hexdigest()[:32]


def _without_caches(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in member.name else member
