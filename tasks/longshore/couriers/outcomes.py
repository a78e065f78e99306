"""What an attempt came to, as bytes; a large result stays where it was made."""

from __future__ import annotations

import pickle
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from longshore.secrets import has_secrets
from longshore.states import Success
from longshore.stores.guards import Guard
from longshore.travel import masked, one_line, unsendable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from longshore.runner import Call
    from longshore.states import State


@dataclass(frozen=True, slots=True)
class PackedState:
    """What an attempt came to.

    Args:
        state: The state, pickled; without its result when that stays.
        size: Bytes of the result, when it stays; else 0.
        length: How many items it then has, if it is a list.
        private: Whether a secret that the driver may not know is in it.
        tail: The last lines that it logged.
    """

    state: bytes
    size: int = 0
    length: int | None = None
    private: bool = False
    tail: tuple[str, ...] = ()


def pack_state(
    call: Call,
    state: State,
    limit: int,
    picklers: Sequence[Callable[[Any], pickle.Pickler]],
    tail: tuple[str, ...] = (),
) -> PackedState:
    """Return what an attempt came to; its result stays when it takes more than `limit` bytes.

    Args:
        call: The attempt.
        state: Its last state.
        limit: Bytes.
        picklers: Make picklers that write to a file; the next one is tried when one fails.
        tail: The last lines that it logged.
    """
    error: Exception | None = None
    for pickler in picklers:
        try:
            pickled = _Measured(limit if isinstance(state, Success) else sys.maxsize)
            pickler(pickled).dump(state)
        except Exception as failed:  # noqa: BLE001 - a lambda, a lock, an open connection
            error = failed
            continue
        if pickled.size <= limit or not isinstance(state, Success):
            return PackedState(pickled.data(), 0, None, pickled.private, tail)
        result: Any = cast("Any", state).result
        length = len(result) if isinstance(result, list | tuple) else None  # pyright: ignore[reportUnknownArgumentType]
        bare = pickle.dumps(replace(state, result=None))
        return PackedState(bare, pickled.size, length, pickled.private, tail)
    what = f"result of {call.name!r} cannot be sent back: {one_line(getattr(state, 'result', state))}"
    assert error is not None
    return PackedState(pickle.dumps(unsendable(what, error)), tail=tail)


class _Measured:
    """Counts what is written, looks for secrets in it, and keeps it while that is not too much."""

    def __init__(self, limit: int) -> None:
        self.size = 0
        self._limit = limit
        self._parts: list[bytes] = []
        self._guard = Guard() if has_secrets() else None

    @property
    def private(self) -> bool:
        """Whether there was a secret in it."""
        return self._guard is not None and self._guard.found_in(b"")

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self.size += len(view)
        if self._guard is not None:
            self._guard.look(bytes(view))
        if self.size <= self._limit:
            self._parts.append(bytes(view))
        return len(view)

    def data(self) -> bytes:
        return b"".join(self._parts)


def unpack_state(
    call: Call, packed: PackedState, held: Any = None, loads: Callable[[bytes], Any] = pickle.loads
) -> State:
    """Return, in the driver, the state of an attempt; `held` stands for its result if that stays."""
    call.private, call.log_tail = packed.private, packed.tail
    try:
        state: State = masked(loads(packed.state))
    except Exception as error:  # noqa: BLE001 - a class the driver cannot import, say
        return unsendable(f"result of {call.name!r} cannot be read here", error)
    return replace(state, result=held) if packed.size and isinstance(state, Success) else state
