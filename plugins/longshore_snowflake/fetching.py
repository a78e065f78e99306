"""Fetches the batches of a result: a few ahead of the one that is read, in order.

The newer connector does so itself, and bounds them. The older one keeps six at a time, each of them twice or
three times (what came, unpacked, and what was made of it), so that we fetch them.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from longshore_snowflake.logins import connector
from longshore_snowflake.sessions import connector_version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

SOME: Final = 4
"""Batches that are fetched while another one is read, where all of them are kept anyway."""


def arrow_batches(cursor: Any, ahead: int) -> Iterator[Any]:
    """Yield the batches of a result as `pyarrow.Table`s, with timestamps in microseconds.

    Args:
        cursor: The connector's.
        ahead: Batches that are fetched while another one is read.

    Raises:
        NotSupportedError: The connector's own: the older line has got JSON.
    """
    if connector_version()[0] >= 5:
        yield from cursor.fetch_arrow_batches(force_microsecond_precision=True)
        return
    batches: list[Any] = cursor.get_result_batches() or []
    if any(type(batch).__name__ == "JSONResultBatch" for batch in batches):
        raise connector("snowflake.connector.errors").NotSupportedError("not Arrow")
    waiting: deque[Future[Any]] = deque()
    pool = ThreadPoolExecutor(ahead, "longshore-fetch")
    try:
        for batch in batches:
            if len(waiting) == ahead:
                yield waiting.popleft().result()
            waiting.append(pool.submit(batch.to_arrow, cursor.connection, force_microsecond_precision=True))
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
