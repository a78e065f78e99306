"""What a container is given: arguments, environment, names; each arrives byte for byte or is refused."""

from __future__ import annotations

import re
import shlex
from datetime import date, time
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final

from longshore import Secret, current, redact
from longshore_docker.errors import DockerInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Value = str | int | float | Path | date | time
"""What may be an argument: `true` and `false` for a bool, ISO 8601 for dates."""
EnvValue = Value | Secret | None
"""What an environment variable may be set to; None takes out what the image sets."""

OUTPUTS: Final = "/longshore/outputs"
"""Where a container finds its outputs file."""
_SIZE: Final = re.compile(r"(\d+)([bkmg]?)b?", re.IGNORECASE)
_UNITS: Final = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_HOST: Final = r"(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::\d+)?|\[[0-9A-Fa-f:]+\](?::\d+)?)"
_PART: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_IMAGE: Final = re.compile(
    rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::\w[\w.-]{{0,127}})?(?:@[a-z0-9]+:[0-9a-f]{{32,}})?"
    r"|sha256:[0-9a-f]{12,64}",
    re.ASCII,
)
"""A reference as the engine reads it (the registry's documentation, "reference grammar"), or an id."""


def text_of(value: object, what: str) -> str:
    """Return a value as a program will see it.

    Args:
        value: A `Value`.
        what: Its name in messages.

    Raises:
        DockerInputError: A value of another type, with a NUL, or no text in UTF-8, which the engine speaks.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Secret):
        raise DockerInputError(
            f"{what} is a secret, which everybody on the engine's host could read there; give it by secrets="
        )
    if isinstance(value, date | time):
        return value.isoformat()
    if not isinstance(value, str | int | float | PurePath):
        raise DockerInputError(f"{what} is a {type(value).__name__}; give text, a number, a path or a date")
    text = str(value)
    if "\0" in text:
        raise DockerInputError(f"{what} holds a NUL, which no argument or variable can hold")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise DockerInputError(f"{what} holds a lone surrogate, which is no text") from None
    return text


def words_of(command: str | Sequence[Value], what: str) -> list[str]:
    """Return a command's words; a text is split at its spaces, with quotes as in a shell, and by no shell.

    Raises:
        DockerInputError: As for `text_of`; a quote is not closed, or a word holds a registered secret.
    """
    if isinstance(command, str):
        try:
            command = shlex.split(text_of(command, what))
        except ValueError as error:
            raise DockerInputError(f"cannot split {what} {command!r}: {error}; give a list") from None
    words = [text_of(word, f"word {number} of {what}") for number, word in enumerate(command, 1)]
    for number, word in enumerate(words, 1):
        if redact(word) != word:
            raise DockerInputError(
                f"word {number} of {what} holds a secret, which everybody on the engine's host could read; "
                "give it by secrets="
            )
    return words


def environment(*given: Mapping[str, EnvValue]) -> list[str]:
    """Return variables as the engine takes them, with Longshore's own; a later mapping counts over others."""
    found: dict[str, str | None] = {}
    for name, value in ((n, v) for mapping in given for n, v in mapping.items()):
        what = f"environment variable {name!r}"
        if not text_of(name, what) or "=" in name:
            raise DockerInputError(f"cannot set {what}: a name is not empty and has no '='")
        found[name] = None if value is None else _env_text(value, what)
    found |= {
        "LONGSHORE_OUTPUTS": OUTPUTS,
        "LONGSHORE_RUN_ID": current.run_id,
        "LONGSHORE_STEP": current.name,
        "LONGSHORE_ATTEMPT": str(current.attempt),
    }
    # A name alone takes a variable out of those that the image sets (Engine API, "ContainerCreate").
    return [name if value is None else f"{name}={value}" for name, value in found.items()]


def _env_text(value: EnvValue, what: str) -> str:
    return text_of(value.get() if isinstance(value, Secret) else value, what)


def image_name(image: object) -> str:
    """Return an image's name.

    Raises:
        DockerInputError: It cannot be one.
    """
    if not isinstance(image, str) or not _IMAGE.fullmatch(image):
        raise DockerInputError(
            f"{image!r} is no name of an image; write it in lower case, such as 'busybox:1.36'"
        )
    return image


def size_of(size: int | str, what: str) -> int:
    """Return bytes for a number of them, or a text such as `512m`.

    Raises:
        DockerInputError: It is neither.
    """
    if isinstance(size, int) and not isinstance(size, bool) and size > 0:
        return size
    found = _SIZE.fullmatch(size) if isinstance(size, str) else None
    if found is None or int(found[1]) == 0:
        raise DockerInputError(f"{what}={size!r} is no size; give bytes, or a text such as '512m'")
    return int(found[1]) * _UNITS[found[2].lower()]
