"""What this integration offers."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from longshore import LongshoreError, Task, hookimpl
from longshore_docker import DockerBuild, DockerConnection, DockerPull, DockerPush, DockerRun
from longshore_docker.client import engine

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def longshore_tasks() -> list[type[Task[Any]]]:
    """Return the tasks."""
    return [DockerRun, DockerBuild, DockerPull, DockerPush]


@hookimpl
def longshore_doctor() -> Iterable[tuple[str, bool, str]]:
    """Look for the SDK and for the engine of Docker's own settings."""
    if find_spec("docker") is None:
        yield "docker", False, "not installed; run: pip install 'longshore[docker]'"
        return
    yield "docker", True, "installed"
    try:
        about = engine(DockerConnection(read_timeout=5.0)).about()
    except LongshoreError as error:
        yield "engine", False, str(error)
    else:
        yield "engine", True, f"version {about.get('Version')}, API {about.get('ApiVersion')}"
