# ruff: noqa: N818 - the build failed: named for what happened, as the core's own TaskFailed is
"""The errors of Docker. How a container failed is told by the core's `JobFailed`.

DockerError                              the engine refused, or could not do it
├── DockerUnreachableError (ConnectionError)   no engine answers
├── DockerImageNotFoundError (LookupError)     there is no such image, here or in its registry
├── DockerUnauthorizedError (PermissionError)  a registry wants other credentials, or any
└── DockerBuildFailed                          a step of a Dockerfile failed
DockerInputError (ValueError)            a value that cannot be handed to a container as it is
"""

from __future__ import annotations

from longshore import LongshoreError


class DockerError(LongshoreError):
    """The engine refused, or could not do what it was asked to.

    Attributes:
        status: The status of its answer; 0 when there was none.
        retryable: Whether another attempt may help: not where the engine blames the request.
    """

    def __init__(self, message: str, *, status: int = 0, retryable: bool | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retryable = not 400 <= status < 500 or status == 429 if retryable is None else retryable


class DockerUnreachableError(DockerError, ConnectionError):
    """No engine answers: no socket, no permission, nobody listens, a certificate that is not trusted."""


class DockerImageNotFoundError(DockerError, LookupError):
    """There is no such image, here or in its registry."""


class DockerUnauthorizedError(DockerError, PermissionError):
    """A registry refuses the credentials of Docker's own configuration, or misses some."""


class DockerBuildFailed(DockerError):
    """An image could not be built.

    Attributes:
        log_tail: The last lines of the build.
    """

    def __init__(self, message: str, *, log_tail: tuple[str, ...] = ()) -> None:
        super().__init__(message, retryable=True)
        self.log_tail = log_tail


class DockerInputError(LongshoreError, ValueError):
    """A value cannot be handed over as it is: a NUL, a secret in a command line, no name of an image."""

    retryable = False
