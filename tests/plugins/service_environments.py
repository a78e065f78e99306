"""The virtual environments of the servers that tests talk to; made once and kept.

`python tests/plugins/service_environments.py` makes them all; `nox -s services` does that.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).parent / "services"
"""One file for each server, with what pip installs; emulators pin their dependencies, so they are alone."""
NAMES = sorted(path.stem for path in REQUIREMENTS.glob("*.txt"))


class UnavailableError(Exception):
    """An environment is not there, or cannot be made; the message says why."""


def cache_folder() -> Path:
    """Return where the environments are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "longshore-services")


def python_of(name: str) -> Path:
    """Return the interpreter of a server's environment; with CI set, it is made if it is not there.

    Raises:
        UnavailableError: It is not there, or cannot be made.
    """
    python = cache_folder() / name / "bin" / "python"
    if not _complete(name):
        if not os.environ.get("CI"):
            raise UnavailableError(f"{name} is not installed; run: nox -s services")
        make(name)
    return python


def make(name: str) -> None:
    """Make the environment of a server, unless it is there; other processes wait for it.

    Raises:
        UnavailableError: It cannot be installed.
    """
    folder = cache_folder() / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _complete(name):
            return
        shutil.rmtree(folder, ignore_errors=True)
        print(f"installing {name} into {folder}", file=sys.stderr)
        _run([sys.executable, "-m", "venv", str(folder)], name)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        _run([*pip, "-r", str(_requirements(name))], name)
        (folder / "complete").write_text(_requirements(name).read_text())


def _requirements(name: str) -> Path:
    return REQUIREMENTS / f"{name}.txt"


def _complete(name: str) -> bool:
    folder = cache_folder() / name
    made_of = folder / "complete"
    same = made_of.exists() and made_of.read_text() == _requirements(name).read_text()
    return same and (folder / "bin" / "python").exists()  # a link, whose Python may be gone


def _run(command: list[str], name: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise UnavailableError(f"{name} cannot be installed: {last}")


if __name__ == "__main__":
    for each in NAMES:
        make(each)
