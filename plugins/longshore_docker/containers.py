"""One container from the outside: made and started once, read when it has ended."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

from longshore import (
    ConfigurationError,
    JobFailed,
    JobNotFoundError,
    JobRunning,
    LogLine,
    LongshoreError,
    Outputs,
    TaskCancelled,
    current,
    parse_outputs,
    parse_progress,
)
from longshore_docker import files
from longshore_docker.client import KEY
from longshore_docker.errors import DockerError, DockerImageNotFoundError
from longshore_docker.lines import LogReader
from longshore_docker.progress import follow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longshore import Secret
    from longshore_docker.client import Engine
    from longshore_docker.results import Ended

Json = dict[str, Any]
_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*", re.ASCII)
_ID: Final = re.compile(r"[0-9a-f]{12,64}", re.ASCII)
_MOST_REMEMBERED: Final = 10_000
_progress: dict[str, tuple[float, str]] = {}
"""How far containers said that they are, by their ids; logs are read after a look, so the next one tells."""
_APPEARS_WITHIN: Final = 10.0
"""Seconds."""
_TAIL: Final = 20
"""Lines of a failed container's log that its error shows."""


def checked_key(key: str) -> str:
    """Return a job's key, which is part of a container's name.

    Raises:
        ConfigurationError: It cannot be.
    """
    if not _KEY.fullmatch(key):
        raise ConfigurationError(f"{key!r} cannot be part of a container's name; give letters, digits, '-'")
    return key


def checked_id(handle: Any) -> str:
    """Return a container's id, which becomes part of a URL.

    Raises:
        JobNotFoundError: The handle is none of ours.
    """
    found: Any = cast("Json", handle).get("container") if isinstance(handle, dict) else None
    if not isinstance(found, str) or not _ID.fullmatch(found):
        raise JobNotFoundError(f"{handle!r} is the handle of no container")
    return found


def make(engine: Engine, key: str, name: str, platform: str | None, pull: str, config: Json) -> str:
    """Return the id of a job's container, made now or before.

    Args:
        engine: Where.
        key: The job's key, which stands in a label.
        name: The container's name: the engine has no two of one name at the same time.
        platform: Which of an image's platforms.
        pull: When to pull the image.
        config: What is created.

    Raises:
        DockerImageNotFoundError: There is no such image.
        DockerError: The engine refused, or a container of somebody else has the name.
    """
    image = str(config["image"])
    if pull == "always":
        follow(engine.pull(image, platform), f"pull {image!r}", image)
    go_on()
    try:
        made = engine.create(name, platform, config)
    except DockerImageNotFoundError:
        if pull != "missing":
            raise DockerImageNotFoundError(
                f"cannot run {image!r}: the engine does not have it; run: docker pull {image}",
                retryable=False,
            ) from None
        follow(engine.pull(image, platform), f"pull {image!r}", image)
        go_on()
        made = engine.create(name, platform, config)
    return made or _made_before(engine, key, name)


def _made_before(engine: Engine, key: str, name: str) -> str:
    """Return the id of the container that has a name, when it is this job's.

    Raises:
        DockerError: It is somebody else's.
    """
    end = time.monotonic() + _APPEARS_WITHIN
    while True:
        try:
            about = engine.inspect(name)
        except JobNotFoundError:  # its name is taken first, and then it is made
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
            continue
        labels: Json = about["Config"].get("Labels") or {}
        if labels.get(KEY) == key:
            return str(about["Id"])
        raise DockerError(
            f"cannot create container {name!r}: another one has that name; run: docker rm {name}",
            retryable=False,
        )


def begin(engine: Engine, container: str, secrets: Mapping[str, Secret]) -> None:
    """Start a container that never was started; leave any other as it is."""
    about = engine.inspect(container)
    if not is_new(about):
        return
    try:
        engine.put(container, files.for_start(engine, container, secrets, about))
        # Another submit with this key may have started it meanwhile; a second start would run it again.
        still_new = is_new(engine.inspect(container))
        go_on()
    except BaseException:
        with suppress(LongshoreError):
            engine.remove(container, force=False)  # not one that somebody has started
        raise
    # The engine notes in the container why it could not start it; without an answer nobody knows, and a look
    # at the container will tell.
    if still_new:
        with suppress(DockerError):
            engine.start(container)


def note_progress(container: str, line: LogLine) -> bool:
    """Remember how far a container is, when a line of its log says that; return whether it does."""
    told = line.stream == "stdout" and line.text.startswith("::progress ") and parse_progress(line.text)
    if not told:
        return False
    _progress.pop(container, None)
    _progress[container] = told
    for oldest in list(_progress)[:-_MOST_REMEMBERED]:
        _progress.pop(oldest, None)
    return True


def running(container: str, about: Json) -> JobRunning:
    """Return how a container that goes on stands."""
    fraction, message = _progress.get(container, (None, ""))
    return JobRunning(fraction=fraction, message=message or str(about["State"]["Status"]))


def is_new(about: Json) -> bool:
    """Whether nobody has tried to start a container."""
    state = about["State"]
    return bool(state["Status"] == "created" and not state["ExitCode"] and not state.get("Error"))


def goes_on(about: Json) -> bool:
    """Whether a container that was started has not ended."""
    return about["State"]["Status"] not in ("exited", "dead", "created")


def go_on() -> None:
    """Stop here when the attempt was told to: its job is looked for by its key, and must not come later.

    Raises:
        TaskCancelled: It was.
    """
    if current.cancelled:
        raise TaskCancelled(f"the container was not started: {current.cancel_reason}")


def outputs(engine: Engine, ended: Ended) -> Outputs:
    """Return what a container handed back.

    Raises:
        OutputsError: It cannot be read.
    """
    return parse_outputs(files.outputs(engine, str(ended.about["Id"]), ended.shown), ended.shown)


def failure(engine: Engine, ended: Ended, *, tty: bool, retry_codes: tuple[int, ...]) -> JobFailed:
    """Return the error that says how a container failed, with the end of its log and its outputs."""
    left: Outputs | LongshoreError
    try:
        left = outputs(engine, ended)
    except LongshoreError as error:
        left = error
    return ended.failure(_tail(engine, str(ended.about["Id"]), tty=tty), left, retry_codes)


def _tail(engine: Engine, container: str, *, tty: bool) -> tuple[str, ...]:
    reader = LogReader(None, tty=tty)
    try:
        lines = list(reader.read(engine.log(container, "0", tail=_TAIL), ended=True))
    except LongshoreError:
        return ()  # how it ended matters more
    return tuple(line.text for line in lines[-_TAIL:])
