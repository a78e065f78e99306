"""Brings files into a stage by the connector's own PUT, which uploads only what is not there yet."""

from __future__ import annotations

import contextvars
import hashlib
import os
import tempfile
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from longshore import TaskCancelled, current
from longshore_snowflake import queries
from longshore_snowflake.identifiers import literal
from longshore_snowflake.parts import written_parts
from longshore_snowflake.statements import Statement

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from longshore_snowflake.sessions import Session

_TOGETHER: Final = 256 << 20
"""Bytes of files that go by one PUT, behind which a cancelled load stops."""
_MOST: Final = 100
"""Files that go by one PUT."""


class Staging:
    """A folder of a stage into which a load brings its files.

    Args:
        session: Where.
        folder: `@...`, with a path that ends in `/`.
        parallel: Threads.
        tag: What stands in the tag of its statements.
    """

    def __init__(self, session: Session, folder: str, parallel: int, tag: Mapping[str, Any]) -> None:
        self._session = session
        self._folder = folder
        self._parallel = parallel
        self._tag = tag

    def put_files(self, paths: Mapping[str, Path], *, compress: bool) -> tuple[str, ...]:
        """Bring files into the folder, under other names; return their names there.

        Args:
            paths: The files, by their names there.
            compress: Whether those that are not compressed become `.gz`.

        Raises:
            SnowflakeError: One cannot be uploaded.
            TaskCancelled: The attempt was told to stop.
        """
        names: list[str] = []
        done, total = 0, sum(path.stat().st_size for path in paths.values())
        for batch in _batches(paths):
            with private_folder() as folder:
                for name, path in batch.items():
                    (folder / name).symlink_to(path.absolute())
                names += self._put(folder / "*", compress=compress)
            done += sum(path.stat().st_size for path in batch.values())
            current.progress(done=done, total=total, unit="B", message="uploaded")
        return tuple(names)

    def put_rows(self, value: Any, part_size: int) -> tuple[tuple[str, ...], int]:
        """Bring rows into the folder as Parquet files; return their names there, and how many bytes they are.

        A file is named for its content, is uploaded while the next one is written, and removed here then.

        Raises:
            SnowflakeError: One cannot be uploaded.
            TaskCancelled: The attempt was told to stop.
        """
        names: list[str] = []
        done = 0
        with private_folder() as folder, ThreadPoolExecutor(self._parallel, "longshore-put") as pool:
            under_way: set[Future[tuple[str, ...]]] = set()
            for part in written_parts(value, folder, part_size):
                done += part.stat().st_size
                path = part.rename(folder / _content_name(part, len(names)))
                names.append(path.name)
                under_way.add(pool.submit(contextvars.copy_context().run, self._put_part, path))
                if len(under_way) > self._parallel:
                    under_way = _collected(under_way)
                current.progress(done=done, unit="B", message="written")
            while under_way:
                under_way = _collected(under_way)
        return tuple(names), done

    def _put_part(self, path: Path) -> tuple[str, ...]:
        try:
            return self._put(path, compress=False, escaped=True)
        finally:
            path.unlink()

    def _put(self, path: Path, *, compress: bool, escaped: bool = False) -> tuple[str, ...]:
        if current.cancelled:
            raise TaskCancelled(f"the upload was stopped: {current.cancel_reason}")
        text = escape(str(path)) if escaped else str(Path(escape(str(path.parent))) / path.name)
        words = (
            f"PUT {literal(f'file://{text}')} {literal(self._folder)} PARALLEL = {self._parallel} "
            f"AUTO_COMPRESS = {str(compress).upper()} OVERWRITE = FALSE"
        )
        with closing(queries.execute(self._session, Statement(words, tag=self._tag))) as outcome:
            target = [name.lower() for name in outcome.columns].index("target")
            return tuple(str(row[target]) for row in outcome.rows())


def remove(session: Session, folder: str, tag: Mapping[str, Any]) -> None:
    """Remove what is in a folder of a stage; nothing there is no error."""
    queries.execute(session, Statement(f"REMOVE {literal(folder)}", tag=tag)).close()


@contextmanager
def private_folder() -> Generator[Path]:
    """Give a folder that this user alone can read, and remove it with what is in it."""
    with tempfile.TemporaryDirectory(prefix="longshore-load-", ignore_cleanup_errors=True) as folder:
        yield Path(os.path.realpath(folder))


def _batches(paths: Mapping[str, Path]) -> Iterator[dict[str, Path]]:
    batch: dict[str, Path] = {}
    size = 0
    for name, path in paths.items():
        batch[name] = path
        size += path.stat().st_size
        if size >= _TOGETHER or len(batch) >= _MOST:
            yield batch
            batch, size = {}, 0
    if batch:
        yield batch


def _collected(under_way: set[Future[tuple[str, ...]]]) -> set[Future[tuple[str, ...]]]:
    done, others = wait(under_way, return_when=FIRST_COMPLETED)
    for each in done:
        each.result()
    return others


def _content_name(path: Path, number: int) -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"part-{number:05d}-{digest[:16]}.parquet"
