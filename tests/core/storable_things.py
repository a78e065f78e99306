"""Classes of values that results may hold, at the top level of a module, where they are found again."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from longshore import Task


class Colour(enum.Enum):
    RED = "red"
    CRIMSON = "red"  # noqa: PIE796 - an alias
    BLUE = b"blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Word(enum.StrEnum):
    A = "a"


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: float
    y: float = 0.0


@dataclass
class Row:
    number: int
    names: list[str] = field(default_factory=list)
    where: Point | None = None

    def __post_init__(self) -> None:
        if self.number == 13:
            raise AssertionError("__init__ was called")

    @cached_property
    def doubled(self) -> int:
        return 2 * self.number


@dataclass(frozen=True, slots=True)
class Sealed:
    value: Any
    other: Any = ()


@dataclass
class Below(Row):
    depth: int = 0


class Outer:
    @dataclass
    class Inner:
        value: int


class Tags:
    """Neither a dataclass nor a dict: it says itself how it is stored."""

    def __init__(self, *words: str) -> None:
        self._words = frozenset(words)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tags) and self._words == other._words

    def __hash__(self) -> int:
        return hash(self._words)

    def __store__(self) -> list[str]:
        return sorted(self._words)

    @classmethod
    def __restore__(cls, stored: list[str]) -> Tags:
        return cls(*stored)


class Connection:
    """What cannot be stored."""


class Export(Task[str]):
    bucket: str
    point: Point = Point(1.0)

    def run(self, day: str) -> str:
        return f"{self.bucket}/{day}"


def effects() -> None:
    """Nothing that data may call."""
    raise AssertionError("called from data")
