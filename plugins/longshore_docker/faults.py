"""What an engine or a registry says, in our words."""

from __future__ import annotations

import errno
import getpass
import re
from typing import TYPE_CHECKING, Final

from longshore import redact
from longshore_docker.errors import (
    DockerError,
    DockerImageNotFoundError,
    DockerUnauthorizedError,
    DockerUnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore_docker.connections import Endpoint

_NO_IMAGE: Final = re.compile(
    r"no such image|manifest (for .* )?(unknown|not found)|repository does not exist|name unknown|"
    r"does not match the specified platform|does not exist locally|no matching manifest|: not found$"
)
_NO_LOGIN: Final = re.compile(
    r"unauthorized|authentication required|no basic auth|incorrect username|"
    r"(?<!permission )denied: |access to the resource is denied|credentials store error"
)


def unreachable(what: str, endpoint: Endpoint, error: BaseException) -> DockerUnreachableError:
    """Return the error for an engine that did not answer, with what to do about it."""
    seen, remedy, retryable = _seen(error, endpoint)
    return DockerUnreachableError(
        f"cannot {what}: the engine at {endpoint.url!r} (by {endpoint.source}) {seen}; {remedy}",
        retryable=retryable,
    )


def _seen(error: BaseException, endpoint: Endpoint) -> tuple[str, str, bool]:
    """Return what was seen, what to do, and whether another attempt may help."""
    import ssl  # loaded by then, with the SDK

    causes = [e for e in _chain(error) if isinstance(e, OSError) and e.errno]
    text = redact(" ".join(str(error).split()))[:300]
    if any(isinstance(e, ssl.SSLCertVerificationError) for e in causes):
        return f"has a certificate that is not trusted: {text}", "give DockerConnection(ca=...)", False
    if any(isinstance(e, ssl.SSLError) for e in causes):
        remedy = (
            "if it wants a certificate of ours, give DockerConnection(certificate=..., certificate_key=...)"
        )
        return f"ended the TLS handshake: {text}", remedy, False
    number = causes[0].errno if causes else None
    start = (
        "start it: sudo systemctl start docker; or name another: export DOCKER_HOST=unix:///path/of/its.sock"
    )
    if number == errno.ENOENT:
        return "has no socket there", start, True
    if number in (errno.EACCES, errno.EPERM):
        user = _user()
        return (
            f"may not be used by {user!r}",
            f"run: sudo usermod -aG docker {user}, and log in again",
            False,
        )
    if number == errno.ECONNREFUSED:
        return "refuses connections: nobody listens", start, True
    if "timed out" in text.lower():
        return f"did not answer within {endpoint.read_timeout:g} s", "see: docker info", True
    return f"did not answer as one: {type(error).__name__}: {text}", "see: docker info", True


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name
        return "this user"


def _chain(error: BaseException | None) -> list[BaseException]:
    """Return an error and those inside it; requests and urllib3 hand the first one on as an argument."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(found) < 50:
        each = waiting.pop(0)
        if isinstance(each, BaseException) and each not in found:
            found.append(each)
            waiting += [*each.args, getattr(each, "reason", None), each.__cause__, each.__context__]
    return found


def refused(what: str, status: int, said: str) -> DockerError:
    """Return the error for what the engine answered."""
    said = redact(" ".join(said.split()))
    found = re.search(r"network (\S+) not found", said)
    if found:
        remedy = f"; run: docker network create {found[1]}"
    elif "port is already allocated" in said or "address already in use" in said:
        remedy = "; give another host port, or see who has it: docker ps"
    elif "device driver" in said and "gpu" in said:
        remedy = "; install the NVIDIA Container Toolkit on the engine's host, and restart the engine"
    elif "container rootfs is marked read-only" in said:
        remedy = "; leave ReadonlyRootfs out of host_config: secrets and outputs are files of the container"
    elif "bind source path does not exist" in said:
        remedy = "; create it on the engine's host"
    else:
        remedy = ""
    answer = f"answered {status}" if status else "says"
    again = False if remedy and "port" not in remedy else None  # a port may come free by itself
    return DockerError(f"cannot {what}: the engine {answer} {said!r}{remedy}", status=status, retryable=again)


def registry_fault(what: str, image: str, status: int, said: str) -> DockerError:
    """Return the error for a pull or push that a registry, or the way to it, ended."""
    said = redact(" ".join(said.split()))
    low = said.lower()
    if _NO_IMAGE.search(low):
        return DockerImageNotFoundError(
            f"cannot {what}: {said!r}; check the name and the tag, or run: docker login {registry_of(image)}",
            status=status,
            retryable=False,
        )
    if _NO_LOGIN.search(low):
        return DockerUnauthorizedError(
            f"cannot {what}: {said!r}; run: docker login {registry_of(image)}", status=status, retryable=False
        )
    return refused(what, status, said)


def about_image(image: str) -> Callable[[str, int, str], DockerError]:
    """Return what tells the trouble with an image, or on the way to its registry, from another refusal."""

    def refusal(what: str, status: int, said: str) -> DockerError:
        about = status in (0, 401, 403, 404) or status >= 500
        return registry_fault(what, image, status, said) if about else refused(what, status, said)

    return refusal


def registry_of(image: str) -> str:
    """Return the host of an image's registry, as `docker login` takes it."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"
