"""One idempotency key for each call: the same in each of its attempts, another for every other call.

In a flow the key is made of the run, the step, its map index and the request, so that a resumed run sends the
key that the stopped one sent. A call outside a flow draws one at its first attempt and keeps it for the
others.
"""

from __future__ import annotations

import hashlib
import uuid
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from longshore import current

if TYPE_CHECKING:
    from collections.abc import Generator

    from longshore_http.client import Request

_NAMESPACE: Final = uuid.UUID("6f0e1f0a-9a2c-5d0c-8e55-6d9f8d1f2b11")


class _Drawn:
    """The key of a call outside a flow, held where all attempts see it, whichever thread they run in."""

    def __init__(self, task: object) -> None:
        self.task = task
        self.key = ""


_call: ContextVar[_Drawn | None] = ContextVar("longshore_http_call", default=None)
_counted: ContextVar[tuple[object, int]] = ContextVar("longshore_http_counted", default=(None, 0))


@contextmanager
def one_call(task: object) -> Generator[None]:
    """Hold the key of a call, or of several one after the other, that is made here and now."""
    token = _call.set(_Drawn(task))
    try:
        yield
    finally:
        _call.reset(token)


def key_for(task: object, request: Request) -> str:
    """Return the key of the call that is being made."""
    drawn = _call.get()
    if drawn is not None and drawn.task is task:
        if current.attempt == 1 or not drawn.key:
            drawn.key = str(uuid.uuid4())
        return drawn.key
    if not current.run_id:
        return str(uuid.uuid4())
    place = (current.run_id, current.name, current.map_index, _count())
    content = (request.method, request.url, request.params, request.body)
    return str(uuid.uuid5(_NAMESPACE, hashlib.sha256(repr((place, content)).encode()).hexdigest()))


def _count() -> int:
    """Return how many requests with a key this attempt has made before."""
    attempt = (current.run_id, current.name, current.map_index, current.attempt)
    known, count = _counted.get()
    count = count + 1 if known == attempt else 0
    _counted.set((attempt, count))
    return count
