"""COPY INTO a stage: the statement, what it says of each file, and the files fetched to where they go.

Snowflake's rules are those of "COPY INTO <location>" and "GET" (docs.snowflake.com).
"""

from __future__ import annotations

import contextvars
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from longshore import TaskCancelled, current
from longshore_snowflake import queries
from longshore_snowflake.copying import FileFormat
from longshore_snowflake.errors import SnowflakeInputError
from longshore_snowflake.identifiers import TableName, literal
from longshore_snowflake.staging import private_folder
from longshore_snowflake.statements import Statement
from longshore_storage.locations import parse
from longshore_storage.names import check_key
from longshore_storage.sources import FileSource
from longshore_storage.stores import connection_for, store_for
from longshore_storage.transfers import upload

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longshore_snowflake.results import Outcome
    from longshore_snowflake.sessions import Session
    from longshore_storage.protocol import Connection

_OPTION: Final = re.compile(r"[A-Za-z_]+")
_PREFIX: Final = re.compile(r"[A-Za-z0-9_.=-]+(/[A-Za-z0-9_.=-]+)*")
_QUERY: Final = re.compile(r"(?:\s|\()*(select|with|values|show|table)\b", re.IGNORECASE)
_DEFAULTS: Final[dict[str, dict[str, Any]]] = {
    # A null is nothing between two commas, an empty text is "".
    "CSV": {"COMPRESSION": "GZIP", "FIELD_OPTIONALLY_ENCLOSED_BY": '"', "NULL_IF": [""]},
    "JSON": {"COMPRESSION": "GZIP"},
    "PARQUET": {},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SnowflakeUnloadedFile:
    """One file that was unloaded.

    Attributes:
        name: In its folder.
        rows: How many it has.
        bytes: How large it is.
        url: Where it was brought; empty when it is in the stage.
    """

    name: str
    rows: int
    bytes: int
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnowflakeUnloadResult:
    """What an unload came to.

    Attributes:
        query_id: The query's id.
        rows: How many rows were unloaded.
        bytes: Bytes of the files.
        files: The files.
        root: Their folder in the stage, `@~/longshore/.../`; it is removed when they were fetched.
        url: Where Snowsight shows the query; empty when the account is not named with its organization.
    """

    query_id: str
    rows: int
    bytes: int
    files: tuple[SnowflakeUnloadedFile, ...]
    root: str
    url: str = ""


def root_of(stage: str, prefix: str, key: str) -> str:
    """Return the folder of a stage to which a job writes.

    Raises:
        SnowflakeInputError: There is no such name.
    """
    if not _PREFIX.fullmatch(prefix) or ".." in prefix.split("/"):
        raise SnowflakeInputError(
            f"cannot unload below {prefix!r}: give a folder of letters, digits and '_.=-', such as 'exports'"
        )
    named = "~" if stage == "~" else TableName.parse(stage).quoted
    return f"@{named}/{prefix}/{key}/"


def select_of(source: str | TableName, *, as_json: bool) -> str:
    """Return what stands behind FROM for a table or a query.

    Raises:
        SnowflakeInputError: It is neither.
    """
    if not isinstance(source, TableName) and _QUERY.match(source):
        query = source.strip().removesuffix(";")
        inner = f"({query}\n)"  # its last line may be a comment
    else:
        name = source if isinstance(source, TableName) else TableName.parse(source)
        inner = name.quoted
    return f"(SELECT OBJECT_CONSTRUCT_KEEP_NULL(*) FROM {inner})" if as_json else inner  # noqa: S608 - quoted


def unload_format(given: str | Mapping[str, Any], kind: str) -> FileFormat:
    """Return the format of the files.

    Raises:
        SnowflakeInputError: An option is none.
    """
    if isinstance(given, str) and given:
        return FileFormat(options={}, name=TableName.parse(given).quoted)
    options = dict(given or {})
    for name in options:
        if not _OPTION.fullmatch(str(name)):
            raise SnowflakeInputError(f"cannot use {name!r} as an option of a file format: it is none")
    upper = {str(name).upper(): value for name, value in options.items()}
    return FileFormat(type=kind.upper(), options={**_DEFAULTS[kind.upper()], **upper})


def unload_statement(
    root: str, source: str, form: FileFormat, *, header: bool, single: bool, max_file_size: int
) -> str:
    """Return the statement; files that an earlier one under the same key has left are replaced."""
    target = f"{root}data.{form.type.lower() or 'out'}" if single else root
    words = [
        f"COPY INTO {literal(target)} FROM {source}",
        form.clause,
        "OVERWRITE = TRUE DETAILED_OUTPUT = TRUE",
        f"HEADER = {str(header).upper()}",
        f"SINGLE = {str(single).upper()} MAX_FILE_SIZE = {max_file_size}",
    ]
    return " ".join(words)


def unloaded_files(outcome: Outcome, root: str) -> tuple[SnowflakeUnloadedFile, ...]:
    """Return the files that the statement's result names."""
    columns = [name.upper() for name in outcome.columns]
    name, size, rows = (columns.index(word) for word in ("FILE_NAME", "FILE_SIZE", "ROW_COUNT"))
    folder = root.partition("/")[2]
    return tuple(
        SnowflakeUnloadedFile(
            name=str(row[name]).rpartition(folder)[2], rows=int(row[rows]), bytes=int(row[size])
        )
        for row in outcome.rows()
    )


class Fetching:
    """Brings the files of a stage's folder to a folder at a storage URL.

    Args:
        session: Where the stage is.
        root: The folder in the stage.
        to: The folder that they are brought to.
        storage: Connections, by the beginning of a URL.
        parallel: Files at a time.
        tag: What stands in the tag of the statements.
    """

    def __init__(
        self,
        session: Session,
        root: str,
        to: str,
        storage: Mapping[str, Connection],
        parallel: int,
        tag: Mapping[str, Any],
    ) -> None:
        self._session = session
        self._root = root
        self._to = parse(to)
        self._store = store_for(connection_for(self._to, storage))
        self._parallel = parallel
        self._tag = tag

    def fetch(self, files: tuple[SnowflakeUnloadedFile, ...]) -> tuple[SnowflakeUnloadedFile, ...]:
        """Return the files, with where they were brought.

        Raises:
            SnowflakeError: One cannot be fetched.
            StorageError: One cannot be written.
            TaskCancelled: The attempt was told to stop.
        """
        total, done = sum(file.bytes for file in files), 0
        found: list[SnowflakeUnloadedFile] = []
        with private_folder() as folder, ThreadPoolExecutor(self._parallel, "longshore-get") as pool:
            # A folder for each: GET leaves out the folders of the stage.
            jobs = [
                pool.submit(contextvars.copy_context().run, self._bring, file, folder / str(number))
                for number, file in enumerate(files)
            ]
            try:
                for job in jobs:
                    found.append(job.result())
                    done += found[-1].bytes
                    current.progress(done=done, total=total, unit="B", message="fetched")
            finally:
                pool.shutdown(cancel_futures=True)
        return tuple(found)

    def _bring(self, file: SnowflakeUnloadedFile, folder: Path) -> SnowflakeUnloadedFile:
        if current.cancelled:
            raise TaskCancelled(f"the files were not fetched: {current.cancel_reason}")
        check_key(file.name)
        at = self._to.with_key(
            f"{self._to.key.rstrip('/')}/{file.name}".lstrip("/" if self._to.bucket else "")
        )
        folder.mkdir()
        path = folder / Path(file.name).name
        words = f"GET {literal(self._root + file.name)} {literal(f'file://{folder}/')}"
        queries.execute(self._session, Statement(words, tag=self._tag)).close()
        if not path.is_file():
            raise SnowflakeInputError(
                f"cannot fetch {self._root + file.name!r}: GET brought nothing; it was removed, or the "
                "stage is an external one: leave out `to`, and read its files from the bucket"
            )
        with closing(FileSource(path)) as source:
            info = upload(source, self._store, at)
        path.unlink()
        current.writes(info.url, rows=file.rows, bytes=info.size)
        return replace(file, url=info.url, bytes=info.size)
