"""Whether lineage is wanted, and where: the settings of OpenLineage's own clients, looked at without them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from longshore import register_secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FILE: Final = "openlineage.yml"
_TRANSPORT: Final = "OPENLINEAGE__TRANSPORT"
_SECRET: Final = re.compile(r"key|token|secret|password|auth|headers", re.IGNORECASE)
_HARMLESS: Final = re.compile(r"__(TYPE|URL|TOKENENDPOINT|TOKEN_ENDPOINT)$", re.IGNORECASE)
SHORTEST_SECRET: Final = 6
"""Characters from which a setting is taken for a secret: masking `api` everywhere would help nobody."""


def is_configured() -> bool:
    """Tell whether somebody said where lineage goes; it costs some microseconds."""
    environment = os.environ
    if environment.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true":
        return False
    if environment.get("OPENLINEAGE_URL") or any(name.startswith(_TRANSPORT) for name in environment):
        return True
    return config_file() is not None


def config_file() -> Path | None:
    """Return the file with settings that OpenLineage's clients read."""
    named = os.environ.get("OPENLINEAGE_CONFIG")
    places = [Path(named)] if named else []
    places += [Path(_FILE), Path("~/.openlineage").expanduser() / _FILE]
    return next((place for place in places if os.path.isfile(place)), None)  # noqa: PTH113 - half the time


def fingerprint() -> tuple[object, ...]:
    """Return what is another value when the settings are."""
    file = config_file()
    status = file.stat() if file is not None else None
    seen = (file, status.st_mtime_ns, status.st_size) if status is not None else ()
    return (*sorted(_own(os.environ)), *seen)


def job_namespace() -> str:
    """Return the namespace of the jobs: `OPENLINEAGE_NAMESPACE`, or `default`."""
    return os.environ.get("OPENLINEAGE_NAMESPACE") or "default"


def register_secrets() -> None:
    """Have the keys and passwords among the settings masked wherever they show up."""
    for name, value in _own(os.environ):
        if _SECRET.search(name.removeprefix("OPENLINEAGE")) and not _HARMLESS.search(name):
            for text in _texts(value):
                if len(text) >= SHORTEST_SECRET:
                    register_secret(text)
        elif name.upper().endswith("URL"):
            register_password(value)


def register_password(url: str) -> None:
    """Have the password in a URL masked."""
    try:
        password = urlsplit(url).password
    except ValueError:
        return
    if password:
        register_secret(password)
        register_secret(unquote(password))


def _own(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in environment.items() if name.startswith("OPENLINEAGE")]


def _texts(value: str) -> Iterator[str]:
    """Yield the values in a setting, which may be JSON: `{"type": "api_key", "apiKey": "..."}`."""
    if value.lstrip()[:1] not in ("{", "["):
        yield value
        return
    import json

    try:
        yield from secret_texts(json.loads(value), known=True)
    except ValueError:
        yield value


def secret_texts(value: object, *, known: bool = False) -> Iterator[str]:
    """Yield the secrets in settings as they are written in a file.

    Args:
        value: The settings.
        known: Whether all texts in it are secrets, but for those whose name says otherwise.
    """
    if isinstance(value, str):
        if known:
            yield value
    elif isinstance(value, dict):
        for name, one in value.items():  # pyright: ignore[reportUnknownVariableType]
            word = str(name)  # pyright: ignore[reportUnknownArgumentType]
            inside = bool(known or _SECRET.search(word)) and not _HARMLESS.search(f"__{word}")
            yield from secret_texts(one, known=inside)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(value, list):
        for one in value:  # pyright: ignore[reportUnknownVariableType]
            yield from secret_texts(one, known=known)  # pyright: ignore[reportUnknownArgumentType]
