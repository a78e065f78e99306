"""Which plugins are installed, read from the metadata of distributions; nothing is imported.

A plugin is an entry point of the group `longshore`: its name is the plugin's, its value the module with
the hooks.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

GROUP: Final = "longshore"
OWN_DISTRIBUTION: Final = "longshore"

_REQUIREMENT: Final = re.compile(
    r"\s*(?P<name>[A-Za-z0-9][\w.-]*)\s*(?:\[[^]]*\])?\s*\(?(?P<spec>[^;@()]*)\)?\s*(?:@[^;]*)?(?:;(?P<marker>.*))?$"
)
_MARKER: Final = re.compile(r"\(*\s*(\w+)\s*([<>=!~]+)\s*['\"]([^'\"]*)['\"]\s*\)*$")
_CLAUSE: Final = re.compile(r"(~=|==|!=|<=|>=|<|>)\s*(\d+(?:\.\d+)*)(\.\*)?$")
_RELEASE: Final = re.compile(r"v?(?:\d+!)?(\d+(?:\.\d+)*)")
_OFF: Final = frozenset({"", "0", "false", "no", "off"})
DEFAULT_TIMEOUT: Final = 4.0


def canonical(name: str) -> str:
    """Return a distribution's or extra's name as indexes compare them."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry point, with what its distribution says of itself."""

    name: str
    module: str
    distribution: str
    version: str
    requires: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        return f"{self.distribution} {self.version}"

    def longshore_needed(self) -> str:
        """Return the versions of Longshore that the distribution requires, such as `>=0.2`, or nothing."""
        for text in self.requires:
            match = _REQUIREMENT.match(text)
            if match and canonical(match["name"]) == OWN_DISTRIBUTION and not match["marker"]:
                return match["spec"].strip()
        return ""

    def missing_requirements(self) -> tuple[str, ...]:
        """Return what the extra of the plugin's own name would install and is not there."""
        wanted = (_REQUIREMENT.match(text) for text in self.requires)
        names = {m["name"] for m in wanted if m and m["marker"] and _wanted_by_extra(m["marker"], self.name)}
        return tuple(sorted(name for name in names if not _installed(name)))


def _wanted_by_extra(marker: str, extra: str) -> bool:
    """Tell whether this extra brings the requirement on this machine; what we cannot read does not count."""
    if re.search(r"\bor\b", marker):
        return False
    clauses = [_MARKER.match(clause.strip()) for clause in re.split(r"\band\b", marker)]
    return "extra" in marker and all(c is not None and _holds(c[1], c[2], c[3], extra) for c in clauses)


def _holds(variable: str, operator: str, value: str, extra: str) -> bool:
    if variable == "extra":
        return operator == "==" and canonical(value) == canonical(extra)
    if variable in {"python_version", "python_full_version"}:
        length = 2 if variable == "python_version" else 3
        return satisfies(".".join(map(str, sys.version_info[:length])), operator + value)
    here = {"sys_platform": sys.platform, "platform_system": platform.system(), "os_name": os.name}
    if variable not in here or operator not in {"==", "!="}:
        return False
    return (here[variable] == value) is (operator == "==")


def _installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def satisfies(version: str, specifier: str) -> bool:
    """Compare releases: `satisfies("0.2.1", ">=0.2,<1")`. A pre-release counts as its release.

    Raises:
        ValueError: The specifier, or the version, is none.
    """
    have = _release(version)
    return all(_compare(have, clause.strip()) for clause in specifier.split(",") if clause.strip())


def _release(version: str) -> tuple[int, ...]:
    match = _RELEASE.match(version.strip())
    if match is None:
        raise ValueError(f"{version!r} is not a version")
    return tuple(int(part) for part in match[1].split("."))


def _compare(have: tuple[int, ...], clause: str) -> bool:
    match = _CLAUSE.match(clause)
    if match is None:
        raise ValueError(f"{clause!r} is not a version specifier such as '>=0.2'")
    operator, wanted = match[1], _release(match[2])
    prefix = wanted[:-1] if operator == "~=" else wanted
    size = max(len(have), len(wanted))
    left, right = have + (0,) * (size - len(have)), wanted + (0,) * (size - len(wanted))
    same = left[: len(prefix)] == prefix if match[3] or operator == "~=" else left == right
    return {
        "==": same,
        "!=": not same,
        "~=": same and left >= right,
        ">=": left >= right,
        "<=": left <= right,
        ">": left > right,
        "<": left < right,
    }[operator]


def own_version() -> str | None:
    """Return Longshore's version, or None where it runs without its metadata."""
    try:
        return metadata.version(OWN_DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return None


def installed() -> list[Entry]:
    """Return every plugin's entry, Longshore's own first, then by name and distribution."""
    entries = [_entry(point) for point in _points()]
    return sorted(entries, key=lambda e: (e.distribution != OWN_DISTRIBUTION, e.name, e.source))


def _points() -> Iterable[metadata.EntryPoint]:
    try:
        return metadata.entry_points(group=GROUP)
    except Exception:  # noqa: BLE001 - one unreadable distribution must not hide the plugins of the others
        return _points_of_readable()


def _points_of_readable() -> Iterable[metadata.EntryPoint]:
    seen: set[str] = set()
    for distribution in metadata.distributions():
        try:
            name, points = canonical(distribution.name), distribution.entry_points.select(group=GROUP)
        except Exception:  # noqa: BLE001, S112 - as above
            continue
        if name not in seen:
            yield from points
        seen.add(name)


def _entry(point: metadata.EntryPoint) -> Entry:
    distribution = point.dist
    if distribution is None:
        return Entry(name=point.name, module=point.value, distribution="unknown distribution", version="")
    try:
        requires = tuple(distribution.requires or ())
        name, version = str(distribution.name), str(distribution.version)
    except Exception:  # noqa: BLE001 - entry points without readable metadata; the plugin itself may be well
        return Entry(name=point.name, module=point.value, distribution="unknown distribution", version="")
    return Entry(name=point.name, module=point.value, distribution=name, version=version, requires=requires)


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which plugins may load, as the environment says."""

    block: frozenset[str] = frozenset()
    allow: frozenset[str] = frozenset()
    none: bool = False
    strict: bool = False
    timeout: float = DEFAULT_TIMEOUT

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        return cls(
            block=_names(environment.get("LONGSHORE_BLOCK_PLUGINS", "")),
            allow=_names(environment.get("LONGSHORE_ALLOW_PLUGINS", "")),
            none=_on(environment.get("LONGSHORE_NO_PLUGINS", "")),
            strict=_on(environment.get("LONGSHORE_STRICT_PLUGINS", "")),
            timeout=_seconds(environment.get("LONGSHORE_PLUGIN_TIMEOUT", "")),
        )

    def why_not(self, entry: Entry) -> str:
        """Return why the plugin is left out, or nothing."""
        names = {canonical(entry.name), canonical(entry.distribution)}
        if self.none:
            return "left out by LONGSHORE_NO_PLUGINS"
        if names & self.block:
            return "left out by LONGSHORE_BLOCK_PLUGINS"
        if self.allow and not names & self.allow:
            return "not in LONGSHORE_ALLOW_PLUGINS"
        return ""


def _names(text: str) -> frozenset[str]:
    return frozenset(canonical(name) for name in re.split(r"[,\s]+", text) if name)


def _on(text: str) -> bool:
    return text.strip().lower() not in _OFF


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        return DEFAULT_TIMEOUT
    return seconds if seconds > 0 else DEFAULT_TIMEOUT
