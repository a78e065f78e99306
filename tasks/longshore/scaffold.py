"""Writes a plugin of one's own: a distribution that works at once, with its tests, page and checks."""

from __future__ import annotations

import importlib.util
import keyword
import re
import shutil
from importlib import resources
from string import Template
from typing import TYPE_CHECKING, Final

from longshore.entrypoints import installed, own_version
from longshore.errors import ConfigurationError, PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable
    from pathlib import Path

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*$")
_LONGEST: Final = 40
_SUFFIX: Final = ".tmpl"


def new_plugin(name: str, folder: Path) -> Path:
    """Write a new distribution `longshore-<name>` into a folder, and return where.

    It holds one task that works, which its tests, mypy and ruff accept as it stands.

    Args:
        name: The plugin's short word, such as `acme`; the package is `longshore_acme`.
        folder: Where to put it; it is made if it is missing.

    Raises:
        ConfigurationError: The name cannot be one, or there is something in the way.
        PluginError: An installed plugin, or package, has this name.
    """
    _check_word(name)
    _check_free(name)
    words = _words(name)
    target = folder / words["distribution"]
    try:
        target.mkdir(parents=True)
    except FileExistsError as error:
        raise ConfigurationError(
            f"cannot write plugin {name!r} to '{target}': it exists; remove it, or choose another folder"
        ) from error
    try:
        for path, template in _templates(resources.files("longshore") / "templates" / "plugin"):
            file = target / _filled(path, words)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(Template(template).substitute(words), encoding="utf-8")
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    return target


def _check_word(name: str) -> None:
    if keyword.iskeyword(name):
        raise ConfigurationError(
            f"cannot name a plugin {name!r}: it is a word of Python's own; choose another"
        )
    if _NAME.match(name) and len(name) <= _LONGEST:
        return
    nearest = re.sub(r"[^a-z0-9]+", "_", name.lower().removeprefix("longshore"))
    example = nearest.lstrip("0123456789_")[:_LONGEST].strip("_") or "acme"
    raise ConfigurationError(
        f"cannot name a plugin {name!r}: a name is a word of at most {_LONGEST} lower-case letters, digits "
        f"and single underscores; try {example!r}"
    )


def _check_free(name: str) -> None:
    for entry in installed():
        if entry.name == name:
            raise PluginError(
                f"cannot name a plugin {name!r}: {entry.source} has one of this name; choose another, "
                "or uninstall it"
            )
    if importlib.util.find_spec(f"longshore_{name}") is not None:
        raise PluginError(
            f"cannot name a plugin {name!r}: there is a package 'longshore_{name}'; choose another"
        )


def _words(name: str) -> dict[str, str]:
    version = own_version() or "0"
    return {
        "name": name,
        "package": f"longshore_{name}",
        "distribution": f"longshore-{name.replace('_', '-')}",
        "title": "".join(part.capitalize() for part in name.split("_")),
        "longshore": ".".join(version.split(".")[:2]),
    }


def _templates(folder: Traversable, inside: str = "") -> Iterator[tuple[str, str]]:
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        path = f"{inside}{item.name}"
        if item.is_dir():
            yield from _templates(item, f"{path}/")
        elif path.endswith(_SUFFIX):
            yield path.removesuffix(_SUFFIX), item.read_text(encoding="utf-8")


def _filled(path: str, words: dict[str, str]) -> str:
    return path.replace("PACKAGE", words["package"]).replace("NAME", words["name"]).replace("dot-", ".")
