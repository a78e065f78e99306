"""The virtual environments of the libraries that Longshore is measured beside; made once and kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A library to measure beside.

    Args:
        name: What tables call it.
        requirements: What pip installs.
        newest_python: The highest Python version that it works on, as `(3, 10)`; any when None.
        environ: Variables that make it as quiet and as quick as it can be.
    """

    name: str
    requirements: tuple[str, ...]
    newest_python: tuple[int, int] | None = None
    environ: tuple[tuple[str, str], ...] = ()


class UnavailableError(Exception):
    """A peer cannot be installed here; the message says why."""


_PREFECT3 = (
    ("PREFECT_LOGGING_LEVEL", "WARNING"),
    ("PREFECT_SERVER_ANALYTICS_ENABLED", "false"),
    ("PREFECT_LOGGING_TO_API_ENABLED", "false"),
    ("DO_NOT_TRACK", "1"),
)
_PREFECT1 = (("PREFECT__LOGGING__LEVEL", "WARNING"), ("PREFECT__USER_CONFIG_PATH", "none"))
_AIRFLOW = (
    ("AIRFLOW__CORE__LOAD_EXAMPLES", "False"),
    ("AIRFLOW__LOGGING__LOGGING_LEVEL", "INFO"),
    ("AIRFLOW__USAGE_DATA_COLLECTION__ENABLED", "False"),
)
PEERS = {
    peer.name: peer
    for peer in (
        Peer(name="dbos", requirements=("dbos",)),
        Peer(name="doit", requirements=("doit",)),
        Peer(name="dask", requirements=("dask",)),
        Peer(name="luigi", requirements=("luigi",)),
        # FastAPI 0.145 and later lack an argument that Prefect 3.8's server passes.
        Peer(name="prefect3", requirements=("prefect>=3,<4", "fastapi<0.145"), environ=_PREFECT3),
        Peer(name="dagster", requirements=("dagster",), environ=(("DAGSTER_DISABLE_TELEMETRY", "1"),)),
        Peer(
            name="prefect1",
            requirements=("prefect<2", "setuptools<81"),
            newest_python=(3, 10),
            environ=_PREFECT1,
        ),
        Peer(
            name="airflow",
            requirements=("apache-airflow>=3,<4", "apache-airflow-providers-standard"),
            environ=_AIRFLOW,
        ),
        Peer(name="s5cmd", requirements=("s5cmd",)),
        Peer(name="awscli", requirements=("awscli",)),
        Peer(name="s3fs", requirements=("s3fs",)),
        Peer(
            name="airflow-s3",
            requirements=("apache-airflow>=3,<4", "apache-airflow-providers-amazon"),
            environ=_AIRFLOW,
        ),
        Peer(
            name="dagster-s3",
            requirements=("dagster", "dagster-aws"),
            environ=(("DAGSTER_DISABLE_TELEMETRY", "1"),),
        ),
        Peer(
            name="prefect3-s3",
            requirements=("prefect>=3,<4", "fastapi<0.145", "prefect-aws"),
            environ=_PREFECT3,
        ),
        Peer(
            name="prefect1-s3",
            requirements=("prefect<2", "setuptools<81", "boto3"),
            newest_python=(3, 10),
            environ=_PREFECT1,
        ),
    )
}


def cache_folder() -> Path:
    """Return where the environments are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "longshore-benchmarks")


def python_of(name: str) -> Path:
    """Return the interpreter of a peer's environment, which is made at first use.

    Raises:
        UnavailableError: No Python that the peer works on, or its installation fails.
    """
    peer = PEERS[name]
    folder = cache_folder() / name
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    print(f"installing {name} into {folder}", file=sys.stderr)
    _run([find_python(peer), "-m", "venv", str(folder)], name)
    _run([str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *peer.requirements], name)
    (folder / "complete").touch()
    return python


def find_python(peer: Peer) -> str:
    """Return an interpreter that a peer works on.

    Raises:
        UnavailableError: There is none; the message names the versions that would do.
    """
    newest = peer.newest_python
    if newest is None or sys.version_info[:2] <= newest:
        return sys.executable
    versions = [f"{newest[0]}.{minor}" for minor in range(newest[1], 7, -1)]
    for version in versions:
        pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
        found = [
            *sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True),
            shutil.which(f"python{version}"),
        ]
        for path in found:
            if path is not None and _works(str(path)):
                return str(path)
    raise UnavailableError(f"{peer.name} needs Python {versions[0]} or older, and none is installed")


def _works(python: str) -> bool:
    return subprocess.run([python, "-c", "import venv"], capture_output=True, check=False).returncode == 0


def _run(command: list[str], name: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise UnavailableError(f"{name} cannot be installed: {last}")


def quiet_environ(name: str, home: Path) -> Mapping[str, str]:
    """Return the variables for a peer's program, with a home of its own for what it writes."""
    own = {"PREFECT_HOME": str(home), "DAGSTER_HOME": str(home), "AIRFLOW_HOME": str(home)}
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return {**kept, **own, **dict(PEERS[name].environ if name in PEERS else ())}


def run_program(name: str, program: Path, *arguments: object, timeout: float = 600) -> str:
    """Run a Python program and return what it printed.

    Args:
        name: The peer in whose environment it runs; `longshore` for this interpreter.
        program: The file.
        arguments: Given as text.
        timeout: Seconds after which it counts as failed.

    Raises:
        UnavailableError: The peer cannot be installed, or the program failed.
    """
    python = sys.executable if name == "longshore" else str(python_of(name))
    with tempfile.TemporaryDirectory() as home:
        command = [python, str(program), *map(str, arguments)]
        done = subprocess.run(
            command, env=quiet_environ(name, Path(home)), cwd=home, timeout=timeout, check=False,
            capture_output=True, text=True,
        )  # fmt: skip
    if done.returncode:
        raise UnavailableError(
            f"{name}: {program.name} exited with {done.returncode}: {done.stderr[-300:]!r}"
        )
    return done.stdout
