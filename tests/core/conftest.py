"""What the tests of the core share: helper modules of this folder, and a shelf of installed distributions."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from longshore.plugins import PluginHost

sys.path.append(str(Path(__file__).parent))

from job_server import JobServer

GREET = """
    from longshore import Task
    from longshore.hookspecs import hookimpl

    class Greet(Task[str]):
        def run(self, who: str) -> str:
            return f"hello {who}"

    @hookimpl
    def longshore_tasks():
        return [Greet]
"""


class Shelf:
    """A folder of installed distributions, as an installer leaves them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.modules: list[str] = []

    def add(
        self,
        name: str,
        body: str = GREET,
        *,
        distribution: str = "",
        version: str = "1.0",
        requires: tuple[str, ...] = (),
        value: str = "",
    ) -> str:
        """Install a distribution with one plugin; return its module's name."""
        distribution = distribution or f"longshore-{name}"
        module = f"shelf_{distribution.replace('-', '_')}_{name}"
        (self.folder / f"{module}.py").write_text(textwrap.dedent(body))
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        needs = "".join(f"Requires-Dist: {line}\n" for line in requires)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n{needs}"
        )
        (info / "entry_points.txt").write_text(f"[longshore]\n{name} = {value or module}\n")
        self.modules.append(module)
        return module

    def host(self, *names: str, **environment: str) -> PluginHost:
        """Return a host that sees the named plugins only, or all of the shelf's."""
        allowed = ",".join(names) if names else ",".join(_words(self.folder))
        return PluginHost({"LONGSHORE_ALLOW_PLUGINS": allowed} | environment)

    def run(self, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run code in a fresh interpreter that sees this folder and Longshore's own plugins."""
        path = [str(self.folder), *filter(None, [os.environ.get("PYTHONPATH")])]
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            env=dict(os.environ, PYTHONPATH=os.pathsep.join(path)) | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def _words(folder: Path) -> list[str]:
    texts = [path.read_text() for path in folder.glob("*.dist-info/entry_points.txt")]
    return [text.splitlines()[1].partition(" = ")[0] for text in texts]


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.syspath_prepend(tmp_path)
    made = Shelf(tmp_path)
    yield made
    for module in made.modules:
        sys.modules.pop(module, None)


@pytest.fixture(scope="module")
def running_system() -> Iterator[JobServer]:
    """A system that runs jobs, in a process of its own."""
    with JobServer() as system:
        yield system


@pytest.fixture
def system(running_system: JobServer) -> JobServer:
    """The same, without jobs and faults."""
    running_system.reset()
    return running_system
