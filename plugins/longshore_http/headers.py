"""`Headers`: HTTP headers as a value, for connections and answers alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, Self, TypeVar, cast

from longshore_http.masking import MASK, is_sensitive

V = TypeVar("V")


class Headers(Mapping[str, V], Generic[V]):
    """Headers that cannot change: hashable, found by name in any case, quiet about values that are secret.

    Args:
        items: Pairs or a mapping. A name that comes more than once keeps all its strings, joined by a comma.
    """

    __slots__ = ("_items", "_pairs")

    def __init__(self, items: Mapping[str, V] | Iterable[tuple[str, V]] = ()) -> None:
        mapping = cast("Mapping[str, V] | None", items if isinstance(items, Mapping) else None)
        self._items: dict[str, tuple[str, V]] = {}
        for name, value in cast("Iterable[tuple[str, V]]", items) if mapping is None else mapping.items():
            self._add(name, value)
        self._pairs = tuple(self._items.values())

    def _add(self, name: str, value: V) -> None:
        first = self._items.get(name.lower())
        if first is None:
            self._items[name.lower()] = (name, value)
        else:
            self._items[name.lower()] = (first[0], f"{first[1]}, {value}")  # type: ignore[assignment]

    def __getitem__(self, name: str) -> V:
        return self._items[name.lower()][1]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._items

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> frozenset[tuple[str, V]]:
        return frozenset((name, value) for name, (_, value) in self._items.items())

    def __repr__(self) -> str:
        shown = {name: MASK if isinstance(v, str) and is_sensitive(name) else v for name, v in self._pairs}
        return f"Headers({shown!r})"

    def __store__(self) -> list[tuple[str, V]]:
        """Return what a run store keeps of them."""
        return list(self._pairs)

    @classmethod
    def __restore__(cls, stored: list[tuple[str, V]]) -> Self:
        """Return what was stored."""
        return cls(stored)

    def __reduce__(self) -> tuple[Any, ...]:
        return Headers, (self._pairs,)
