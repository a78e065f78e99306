"""One idempotency key for each call: the same in each of its attempts, another for every other call.

The key is made of the call's id and the request, so a resumed run sends the key that the stopped one sent.
"""

from __future__ import annotations

import hashlib
import uuid
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from longshore import current

if TYPE_CHECKING:
    from longshore_http.client import Request

_NAMESPACE: Final = uuid.UUID("6f0e1f0a-9a2c-5d0c-8e55-6d9f8d1f2b12")
_counted: ContextVar[tuple[object, int]] = ContextVar("longshore_http_counted", default=(None, 0))


def key_for(request: Request) -> str:
    """Return the key of the call that is being made."""
    place = (current.call_id, _count())
    content = (request.method, request.url, request.params, request.body)
    return str(uuid.uuid5(_NAMESPACE, hashlib.sha256(repr((place, content)).encode()).hexdigest()))


def _count() -> int:
    """Return how many requests with a key this attempt has made before."""
    attempt = (current.call_id, current.attempt) if current.name else None
    known, count = _counted.get()
    count = count + 1 if attempt is not None and known == attempt else 0
    _counted.set((attempt, count))
    return count
