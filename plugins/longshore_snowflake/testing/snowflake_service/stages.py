"""Stages, which are folders, and file formats; LIST and REMOVE.

https://docs.snowflake.com/en/sql-reference/sql/create-stage, .../list, .../remove
"""

from __future__ import annotations

import hashlib
import re
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakesnow import statement_type

from snowflake_service import scanning
from snowflake_service.refusals import RefusedError, missing
from snowflake_service.results import Result, told

if TYPE_CHECKING:
    from snowflake_service.accounts import Session
    from snowflake_service.queries import Query

STAGE = r"(?P<stage>'@(?:[^']|'')+'|@(?:\"(?:[^\"]|\"\")*\"|[^\s;\"(),])+)"
_CREATE = re.compile(
    r"create\s+(?P<replace>or\s+replace\s+)?(?P<temporary>temp(?:orary)?\s+)?stage\s+"
    r"(?P<exists>if\s+not\s+exists\s+)?(?P<name>(?:\"[^\"]*\"|[\w.$])+)\s*(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_FORMAT = re.compile(
    r"create\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+)?file\s+format\s+(?:if\s+not\s+exists\s+)?"
    r"((?:\"[^\"]*\"|[\w.$])+)\s*(.*)",
    re.IGNORECASE | re.DOTALL,
)
_DROP_FORMAT = re.compile(
    r"drop\s+file\s+format\s+(?:if\s+exists\s+)?((?:\"[^\"]*\"|[\w.$])+)\s*", re.IGNORECASE
)
_DROP = re.compile(r"drop\s+stage\s+(if\s+exists\s+)?((?:\"[^\"]*\"|[\w.$])+)\s*", re.IGNORECASE)
_LIST = re.compile(rf"(?:list|ls)\s+{STAGE}(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_REMOVE = re.compile(rf"(?:remove|rm)\s+{STAGE}(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
REFERENCE = re.compile(STAGE)


@dataclass
class Stage:
    """A named stage: its options, and the session of a temporary one."""

    options: dict[str, Any] = field(default_factory=dict)
    session: Session | None = None


@dataclass(frozen=True)
class Place:
    """Somewhere in a stage.

    Attributes:
        folder: Of the whole stage.
        path: Within it: a folder, a file, or the beginning of some names.
        label: What comes before the paths of a named stage's files in lists.
        options: Of the stage.
    """

    folder: Path
    path: str
    label: str
    options: dict[str, Any]

    def files(self, pattern: str = "") -> list[Path]:
        """Return the files whose paths begin with this one's, and that match a pattern as a whole."""
        found = sorted(each for each in self.folder.rglob("*") if each.is_file() and each.suffix != ".part")
        found = [each for each in found if self.name(each).startswith(self.path)]
        return [each for each in found if not pattern or re.fullmatch(pattern, self.shown(each))]

    def name(self, file: Path) -> str:
        return file.relative_to(self.folder).as_posix()

    def shown(self, file: Path) -> str:
        """Return a file's name as lists and reports show it."""
        return self.label + self.name(file)


class Stages:
    """All stages.

    Args:
        folder: For their files.
    """

    def __init__(self, folder: Path) -> None:
        self.root = folder
        self._named: dict[tuple[str, ...], Stage] = {}
        self._formats: dict[tuple[str, ...], dict[str, Any]] = {}

    def run(self, query: Query, text: str) -> Result | None:
        """Run a statement about stages; None when it is about something else."""
        for pattern, work in (
            (_CREATE, self._create),
            (_DROP, self._drop),
            (_FORMAT, self._create_format),
            (_DROP_FORMAT, self._drop_format),
            (_LIST, self._list),
            (_REMOVE, self._remove),
        ):
            if found := pattern.fullmatch(text):
                return work(query, found)
        return None

    def place(self, query: Query, reference: str) -> Place:
        """Return where a reference points to, such as `@db.schema.stage/path`, `@~/path`, `@%table`.

        Raises:
            RefusedError: There is no such stage.
        """
        plain = scanning.literal(reference) if reference.startswith("'") else reference
        found = re.fullmatch(r"@((?:\"(?:[^\"]|\"\")*\"|[^/\"])+)/?(.*)", plain, re.DOTALL)
        if found is None:
            raise RefusedError(1003, f"SQL compilation error:\ninvalid stage reference {reference!r}")
        name, path = found[1], found[2]
        if name == "~":
            return Place(self.folder(("~", query.session.user)), path, "", {})
        names = scanning.parts(name)
        full = qualified(query.session, names)
        if full[-1].startswith("%"):
            number = _table_number(query, (*full[:-1], full[-1][1:]))
            return Place(self.folder((*full, number)), path, "", {})
        stage = self._named.get(full)
        if stage is None or stage.session not in (None, query.session):
            raise missing("Stage", ".".join(full))
        return Place(self.folder(full), path, f"{names[-1].lower()}/", stage.options)

    def folder(self, names: tuple[str, ...]) -> Path:
        folder = self.root / hashlib.sha256(repr(names).encode()).hexdigest()[:20]
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _create(self, query: Query, found: re.Match[str]) -> Result:
        full = qualified(query.session, scanning.parts(found["name"]))
        if full in self._named and not found["replace"]:
            if found["exists"]:
                return _said(f"{full[-1]} already exists, statement succeeded.")
            raise RefusedError(2002, f"SQL compilation error:\nObject '{full[-1]}' already exists.", "42710")
        shutil.rmtree(self.folder(full), ignore_errors=True)
        own = query.session if found["temporary"] else None
        self._named[full] = Stage(scanning.options(found["rest"]), own)
        return _said(f"Stage area {full[-1]} successfully created.")

    def format(self, query: Query, given: Any, place: Place) -> dict[str, Any]:
        """Return the options of the format that a statement or a stage names.

        Raises:
            RefusedError: There is no format of that name.
        """
        own = place.options.get("FILE_FORMAT") or {}
        options = given if isinstance(given, dict) else {"FORMAT_NAME": given} if given else {}
        options = {**({} if options.keys() & {"TYPE", "FORMAT_NAME"} else own), **options}
        name = options.pop("FORMAT_NAME", None)
        if name is None:
            return options
        full = qualified(query.session, scanning.parts(str(name)))
        if full not in self._formats:
            raise missing("File format", ".".join(full))
        return {**self._formats[full], **options}

    def _create_format(self, query: Query, found: re.Match[str]) -> Result:
        full = qualified(query.session, scanning.parts(found[1]))
        self._formats[full] = scanning.options(found[2])
        return _said(f"File format {full[-1]} successfully created.")

    def _drop_format(self, query: Query, found: re.Match[str]) -> Result:
        full = qualified(query.session, scanning.parts(found[1]))
        self._formats.pop(full, None)
        return _said(f"{full[-1]} successfully dropped.")

    def _drop(self, query: Query, found: re.Match[str]) -> Result:
        full = qualified(query.session, scanning.parts(found[2]))
        if self._named.pop(full, None) is None and not found[1]:
            raise missing("Stage", ".".join(full))
        shutil.rmtree(self.folder(full), ignore_errors=True)
        return _said(f"{full[-1]} successfully dropped.")

    def _list(self, query: Query, found: re.Match[str]) -> Result:
        place = self.place(query, found["stage"])
        files = place.files(str(scanning.options(found["rest"]).get("PATTERN", "")))
        rows: list[list[Any]] = [
            [place.shown(file), file.stat().st_size, etag(file), _http_date(file.stat().st_mtime)]
            for file in files
        ]
        return told(["name", "size", "md5", "last_modified"], rows, statement_type.UNKNOWN)

    def _remove(self, query: Query, found: re.Match[str]) -> Result:
        place = self.place(query, found["stage"])
        files = place.files(str(scanning.options(found["rest"]).get("PATTERN", "")))
        for file in files:
            file.unlink()
        return told(["name", "result"], [[place.shown(file), "removed"] for file in files])


def qualified(session: Session, names: list[str]) -> tuple[str, ...]:
    """Return a name with its database and schema.

    Raises:
        RefusedError: The session has none, and the name neither.
    """
    full = [*[session.connection.database, session.connection.schema][: max(3 - len(names), 0)], *names]
    if len(full) != 3 or not all(full):
        raise RefusedError(
            90105, "Cannot perform operation. This session does not have a current database.", "22000"
        )
    return tuple(str(each) for each in full)


def etag(file: Path) -> str:
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()


def _table_number(query: Query, full: tuple[str, ...]) -> str:
    """Return the number of a table, which is another when it is made anew."""
    asked = (
        "SELECT table_oid FROM duckdb_tables() WHERE table_name = ? AND "
        "(temporary OR (database_name = ? AND schema_name = ?))"
    )
    with query.session.alone(query.stop) as connection:
        found = connection._duck_conn.execute(asked, [full[2], full[0], full[1]]).fetchone()
    if not found:
        raise missing("Table", ".".join(full))
    return str(found[0])


def _said(text: str) -> Result:
    return told(["status"], [[text]], statement_type.DDL)


def _http_date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
