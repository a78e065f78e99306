"""How values are written down and read again: as JSON, or by a serializer that a store was given."""

from __future__ import annotations

from math import inf
from typing import Any, NoReturn, Protocol

from longshore.stores.decoding import from_text
from longshore.stores.encoding import Blobs, to_text
from longshore.stores.errors import ResultError


def encode(value: Any, what: str = "result") -> str:
    """Return a value as JSON text, one line of ASCII, from which `decode` makes an equal value of its type.

    JSON's own types, the containers and values of the standard library that parameters may have, enums,
    NamedTuples and dataclasses can be written, and classes that say how by `__store__` and `__restore__`.

    Args:
        value: The value.
        what: What messages call it: `result['rows'][3]`.

    Raises:
        ResultError: A part of it cannot be written; the message names it.
    """
    return to_text(value, what, Blobs(inf))


def decode(text: str, what: str = "the result") -> Any:
    """Return the value that `encode` was given.

    Its classes are looked for among the modules that are imported already. No class is called: a dataclass
    gets its fields and not its `__init__`.

    Args:
        text: What `encode` returned.
        what: What messages call it.

    Raises:
        ResultError: The text is damaged, or a class is not there; the message says what to import.
    """
    return from_text(text, what, _no_more)


def _no_more(size: int) -> NoReturn:
    raise ResultError(f"{size} bytes of it are missing")


class Serializer(Protocol):
    """Writes results for which JSON has no form. Give one to the store, for writing and for reading."""

    @property
    def name(self) -> str:
        """What it is called in the store, and the end of its files' names: a short lower-case word."""
        ...

    def dumps(self, value: Any) -> bytes:
        """Return a value as bytes, or raise."""
        ...

    def loads(self, data: bytes) -> Any:
        """Return the value that bytes were made of, or raise."""
        ...


class PickleSerializer:
    """Writes results by pickling.

    Whoever can write to the store then runs code in the processes that read it: use it where nobody else can.
    """

    name = "pickle"

    def dumps(self, value: Any) -> bytes:
        """Return a pickle."""
        import pickle

        return pickle.dumps(value, protocol=5)

    def loads(self, data: bytes) -> Any:
        """Return what was pickled."""
        import pickle

        return pickle.loads(data)  # noqa: S301 - what it is for, where a store was given it
