"""How values are written down and read again: as JSON, or by a serializer that a store was given."""

from __future__ import annotations

from dataclasses import MISSING, fields
from math import inf
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, cast

from longshore.stores.decoding import from_text
from longshore.stores.encoding import Blobs, to_text
from longshore.stores.errors import ResultError
from longshore.tasks import SERVICE_FIELDS

if TYPE_CHECKING:
    from longshore.tasks import Task


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


def encode_task(task: Task[Any]) -> str:
    """Return a task as JSON text, so that another process can ask about its job.

    The settings that are code (its trigger, its handlers, what it retries on) are left out: the task that
    `decode` makes has the class's own.

    Raises:
        ResultError: One of its own fields cannot be written.
    """
    changes: dict[str, Any] = {}
    for field in fields(cast("Any", task)):
        if field.name in SERVICE_FIELDS and field.default is not MISSING:
            try:
                encode(getattr(task, field.name))
            except ResultError:
                changes[field.name] = field.default
    return encode(task.replace(**changes) if changes else task, "task")


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
