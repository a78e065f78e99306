"""Fetches the batches of a result: a few ahead of the one that is read, in order.

The newer connector does so itself. The older one keeps six at a time, each of them twice (what came, and what
was made of it), so that we fetch them.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from longshore_snowflake.sessions import connector_version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

_AHEAD: Final = 2
"""Batches that are fetched while another one is read."""


def arrow_batches(cursor: Any) -> Iterator[Any]:
    """Yield the batches of a result as `pyarrow.Table`s, with timestamps in microseconds.

    Args:
        cursor: The connector's.
    """
    if connector_version()[0] >= 5:
        yield from cursor.fetch_arrow_batches(force_microsecond_precision=True)
        return
    waiting: deque[Future[Any]] = deque()
    pool = ThreadPoolExecutor(_AHEAD, "longshore-fetch")
    try:
        for batch in cursor.get_result_batches() or ():
            if len(waiting) == _AHEAD:
                yield waiting.popleft().result()
            waiting.append(pool.submit(batch.to_arrow, cursor.connection, force_microsecond_precision=True))
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
