"""Containers and images: `DockerRun` is a job, found again after a crash and never started twice.

The engine is the one that the command `docker` uses; credentials of registries are those of
`~/.docker/config.json`, with its credential helpers.

    from longshore_docker import DockerRun

    count = DockerRun("busybox:1", command=("wc", "-l"), retries=2, timeout=600)
    count(("/etc/passwd",)).exit_code
"""

from __future__ import annotations

from longshore_docker.connections import DockerConnection
from longshore_docker.errors import (
    DockerBuildFailed,
    DockerError,
    DockerImageNotFoundError,
    DockerInputError,
    DockerUnauthorizedError,
    DockerUnreachableError,
)
from longshore_docker.images import DockerBuild, DockerImage, DockerPull, DockerPush
from longshore_docker.inputs import EnvValue, Value
from longshore_docker.mounts import DockerMount
from longshore_docker.results import DockerResult
from longshore_docker.run import DockerRun

__all__ = [
    "DockerBuild",
    "DockerBuildFailed",
    "DockerConnection",
    "DockerError",
    "DockerImage",
    "DockerImageNotFoundError",
    "DockerInputError",
    "DockerMount",
    "DockerPull",
    "DockerPush",
    "DockerResult",
    "DockerRun",
    "DockerUnauthorizedError",
    "DockerUnreachableError",
    "EnvValue",
    "Value",
]
