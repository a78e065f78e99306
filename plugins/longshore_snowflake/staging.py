"""Brings files into a stage by the connector's own PUT, which uploads only what is not there yet."""

from __future__ import annotations

import contextvars
import hashlib
import os
import re
import shutil
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
    from collections.abc import Callable, Generator, Iterator, Mapping

    from longshore_snowflake.sessions import Session

_TARGET: Final = 1
"""Which column of PUT's result has the file's name in the stage: source, target, sizes, ... ("PUT",
docs.snowflake.com). The newer connector does not name them as the older one does."""
_SAFE: Final = re.compile(r"[A-Za-z0-9_./-]+")


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
        sizes = {name: path.stat().st_size for name, path in paths.items()}
        done, names = 0, dict.fromkeys(paths, "")
        with self._uploads() as uploads:
            for name, path in paths.items():
                uploads.start(name, _called(path, name, uploads.folder), compress=compress)
            for name, there in uploads.ended():
                names[name] = there
                done += sizes[name]
                current.progress(done=done, total=sum(sizes.values()), unit="B", message="uploaded")
        return tuple(names.values())

    def put_rows(self, value: Any, part_size: int) -> tuple[tuple[str, ...], int]:
        """Bring rows into the folder as Parquet files; return their names there, and how many bytes they are.

        A file is named for its content, is uploaded while the next one is written, and removed here then.

        Raises:
            SnowflakeError: One cannot be uploaded.
            TaskCancelled: The attempt was told to stop.
        """
        names: list[str] = []
        done = 0
        with self._uploads() as uploads:
            for part in written_parts(value, uploads.folder, part_size):
                done += part.stat().st_size
                path = part.rename(uploads.folder / _content_name(part, len(names)))
                names.append(path.name)
                uploads.start(path.name, path, compress=False, removed=True)
                current.progress(done=done, unit="B", message="written")
                uploads.wait_for_room()
            for _ in uploads.ended():
                pass
        return tuple(names), done

    @contextmanager
    def _uploads(self) -> Generator[_Uploads]:
        with private_folder() as folder, ThreadPoolExecutor(self._parallel, "longshore-put") as pool:
            uploads = _Uploads(self._put, pool, folder, self._parallel)
            try:
                yield uploads
            finally:
                pool.shutdown(cancel_futures=True)

    def _put(self, path: Path, compress: bool, removed: bool) -> str:
        """Upload a file, and return its name in the folder."""
        if current.cancelled:
            raise TaskCancelled(f"the upload was stopped: {current.cancel_reason}")
        words = (
            f"PUT {literal(f'file://{escape(str(path))}')} {literal(self._folder)} "
            f"PARALLEL = {self._parallel} AUTO_COMPRESS = {str(compress).upper()} OVERWRITE = FALSE"
        )
        with closing(queries.execute(self._session, Statement(words, tag=self._tag))) as outcome:
            name = str(next(outcome.rows())[_TARGET])
        if removed:
            path.unlink()
        return name


class _Uploads:
    """Uploads under way, some at a time."""

    def __init__(
        self, put: Callable[[Path, bool, bool], str], pool: ThreadPoolExecutor, folder: Path, parallel: int
    ) -> None:
        self._put = put
        self._pool = pool
        self.folder = folder
        self._parallel = parallel
        self._under_way: dict[Future[str], str] = {}
        self._ended: list[tuple[str, str]] = []

    def start(self, name: str, path: Path, *, compress: bool, removed: bool = False) -> None:
        context = contextvars.copy_context()
        self._under_way[self._pool.submit(context.run, self._put, path, compress, removed)] = name

    def wait_for_room(self) -> None:
        """Wait until a thread has nothing to do, so that few files wait on the disk."""
        while len(self._under_way) > self._parallel:
            self._collect()

    def ended(self) -> Iterator[tuple[str, str]]:
        """Yield the name of each upload, and that of its file in the stage, as they end."""
        while self._under_way or self._ended:
            while self._ended:
                yield self._ended.pop()
            if self._under_way:
                self._collect()

    def _collect(self) -> None:
        done, _ = wait(self._under_way, return_when=FIRST_COMPLETED)
        self._ended += [(self._under_way.pop(each), each.result()) for each in done]


def remove(session: Session, folder: str, tag: Mapping[str, Any]) -> None:
    """Remove what is in a folder of a stage; nothing there is no error."""
    queries.execute(session, Statement(f"REMOVE {literal(folder)}", tag=tag)).close()


@contextmanager
def private_folder() -> Generator[Path]:
    """Give a folder that this user alone can read, and remove it with what is in it."""
    with tempfile.TemporaryDirectory(prefix="longshore-load-", ignore_cleanup_errors=True) as folder:
        yield Path(os.path.realpath(folder))


def _called(path: Path, name: str, folder: Path) -> Path:
    """Return a path of a file that has another name, where its own is not good for a statement.

    No symbolic link: the newer connector uploads under the name of what that points to.
    """
    if path.name == name and _SAFE.fullmatch(str(path)):
        return path
    other = folder / name
    try:
        other.hardlink_to(path.resolve())
    except OSError:  # another file system, or somebody else's file
        shutil.copyfile(path, other)
    return other


def _content_name(path: Path, number: int) -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"part-{number:05d}-{digest[:16]}.parquet"
