"""What the engine says while it pulls, pushes or builds: progress, a log, an id at the end, or an error."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Any, Final, cast

from longshore import TaskCancelled, current, redact
from longshore_docker.errors import DockerBuildFailed
from longshore_docker.faults import registry_fault

if TYPE_CHECKING:
    from collections.abc import Iterable

Json = dict[str, Any]
_STEP: Final = re.compile(r"Step (\d+)/(\d+) : (.*)")
_TAIL: Final = 20


def follow(events: Iterable[Json], what: str, image: str) -> Json:
    """Follow a pull or push to its end, and return what it says of what it made.

    Args:
        events: What the engine says.
        what: `pull 'busybox:1'`.
        image: The image's name.

    Raises:
        DockerError: An error stands among the events: the answer's status was 200 by then.
        TaskCancelled: The attempt was told to stop.
    """
    made: Json = {}
    layers: dict[str, tuple[int, int]] = {}
    for event in _until_cancelled(events, what):
        if "error" in event:
            raise registry_fault(what, image, int(_detail(event).get("code") or 0), _error(event))
        if isinstance(event.get("aux"), dict):
            made |= event["aux"]
        _count(layers, event)
        status = str(event.get("status", ""))
        if "id" not in event and status:
            current.log.info("%s", redact(status))
        elif layers:
            done, size = (sum(numbers) for numbers in zip(*layers.values(), strict=True))
            current.progress(done=done, total=size, unit="B", message=f"{what}: {status.lower()}")
    return made


def _count(layers: dict[str, tuple[int, int]], event: Json) -> None:
    """Note how many bytes of a layer are done; the same layer is downloaded first and then extracted."""
    detail: Json = event.get("progressDetail") or {}
    size = int(detail.get("total") or 0)
    layer = str(event.get("id", ""))
    if size and event.get("status") in ("Downloading", "Pushing"):
        layers[layer] = (min(int(detail.get("current") or 0), size), size)
    elif layer in layers and event.get("status") in ("Download complete", "Pull complete", "Pushed"):
        layers[layer] = (layers[layer][1], layers[layer][1])


def follow_build(events: Iterable[Json]) -> str:
    """Follow a build to its end, log what it prints, and return the image's id.

    Raises:
        DockerBuildFailed: A step failed; it has the last lines.
        TaskCancelled: The attempt was told to stop.
    """
    image = ""
    tail: deque[str] = deque(maxlen=_TAIL)
    for event in _until_cancelled(events, "build the image"):
        if "error" in event:
            said = redact(" ".join(_error(event).split()))
            raise DockerBuildFailed(f"cannot build the image: {said}", log_tail=tuple(map(redact, tail)))
        if isinstance(event.get("aux"), dict):
            image = str(event["aux"].get("ID", "")) or image
        for line in str(event.get("stream") or "").splitlines():
            if line.strip():
                _log_line(line)
                tail.append(line)
    return image


def _log_line(line: str) -> None:
    step = _STEP.match(line)
    if step:
        current.progress((int(step[1]) - 1) / int(step[2]), step[3])
    current.log.info("%s", line)


def _until_cancelled(events: Iterable[Json], what: str) -> Iterable[Json]:
    try:
        yield from events
    except Exception as error:
        if current.cancelled:  # which cut the connection
            raise TaskCancelled(f"cannot {what}: {current.cancel_reason}") from error
        raise
    if current.cancelled:
        raise TaskCancelled(f"cannot {what}: {current.cancel_reason}")


def _detail(event: Json) -> Json:
    found = event.get("errorDetail")
    return cast("Json", found) if isinstance(found, dict) else {}


def _error(event: Json) -> str:
    return str(_detail(event).get("message") or event["error"])
