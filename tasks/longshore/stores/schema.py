"""The tables of the SQLite store, and how a file of an older version is brought up to date.

The version stands in `PRAGMA user_version`. Each migration is a tuple of statements that takes a file from
one version to the next, the first one from an empty file to version 1; what was released is never changed,
only added to. All that a file lacks is done in one transaction: a killed process leaves the old version or
the new one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from longshore.stores.errors import StoreCorruptError, StoreVersionError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    Migrations = Sequence[tuple[str, ...]]

APPLICATION: Final = 0x4C4F4E47
"""`LONG`, in the file's header: what `file runs.db` and we know it by."""

_VERSION_1: Final = (
    # AUTOINCREMENT: the number of a removed run never comes again, so one that is remembered cannot be wrong.
    # What is long stands last: reading the columns before it reads one page.
    """CREATE TABLE runs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run_id TEXT NOT NULL UNIQUE,
        flow TEXT NOT NULL,
        name TEXT NOT NULL,
        state TEXT NOT NULL,
        created REAL NOT NULL,
        started REAL,
        ended REAL,
        due REAL,
        tries INTEGER NOT NULL,
        schedule TEXT NOT NULL,
        cancel TEXT NOT NULL,
        target TEXT NOT NULL,
        tags TEXT NOT NULL,
        message TEXT NOT NULL,
        parameters TEXT NOT NULL,
        fingerprint TEXT NOT NULL
    )""",
    "CREATE INDEX runs_by_creation ON runs (created)",
    "CREATE INDEX runs_by_state ON runs (state, created)",
    """CREATE TABLE leases (
        run INTEGER PRIMARY KEY,
        token TEXT NOT NULL,
        host TEXT NOT NULL,
        boot TEXT NOT NULL,
        namespace TEXT NOT NULL,
        pid INTEGER NOT NULL,
        pid_started INTEGER NOT NULL,
        until REAL NOT NULL,
        until_wall REAL NOT NULL,
        since REAL NOT NULL
    )""",
    """CREATE TABLE transitions (
        run INTEGER NOT NULL,
        number INTEGER NOT NULL,
        step TEXT NOT NULL,
        map_index INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        state TEXT NOT NULL,
        message TEXT NOT NULL,
        time REAL NOT NULL,
        PRIMARY KEY (run, number)
    ) WITHOUT ROWID""",
    """CREATE TABLE steps (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        step TEXT NOT NULL,
        map_index INTEGER NOT NULL,
        state TEXT NOT NULL,
        message TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        began REAL,
        ended REAL,
        due REAL,
        serializer TEXT,
        place TEXT,
        size INTEGER,
        digest TEXT,
        text TEXT,
        error TEXT NOT NULL,
        traceback TEXT NOT NULL
    )""",
    "CREATE UNIQUE INDEX steps_by_run ON steps (run, step, map_index)",
    """CREATE TABLE jobs (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        key TEXT NOT NULL,
        step TEXT NOT NULL,
        map_index INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        serial INTEGER NOT NULL,
        state TEXT NOT NULL,
        time REAL NOT NULL,
        cursor TEXT NOT NULL,
        handle TEXT NOT NULL,
        task TEXT NOT NULL
    )""",
    "CREATE UNIQUE INDEX jobs_by_run ON jobs (run, key)",
    "CREATE INDEX jobs_open ON jobs (id) WHERE state IN ('intended', 'submitted')",
    """CREATE TABLE lines (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        step TEXT NOT NULL,
        map_index INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        time REAL NOT NULL,
        level INTEGER NOT NULL,
        text TEXT NOT NULL
    )""",
    "CREATE INDEX lines_by_attempt ON lines (run, step, map_index, attempt)",
    """CREATE TABLE slots (
        name TEXT NOT NULL,
        run INTEGER NOT NULL,
        holder TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (name, run, holder)
    ) WITHOUT ROWID""",
)

_VERSION_2: Final = (
    """CREATE TABLE alerts (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        channel TEXT NOT NULL,
        flow TEXT NOT NULL,
        step TEXT NOT NULL,
        kind TEXT NOT NULL,
        severity TEXT NOT NULL,
        time REAL NOT NULL,
        run_id TEXT NOT NULL,
        map_index INTEGER NOT NULL,
        text TEXT NOT NULL,
        body TEXT NOT NULL
    )""",
    "CREATE INDEX alerts_by_channel ON alerts (channel)",
    """CREATE TABLE incidents (
        id INTEGER PRIMARY KEY,
        incident TEXT NOT NULL UNIQUE,
        channel TEXT NOT NULL,
        flow TEXT NOT NULL,
        step TEXT NOT NULL,
        open INTEGER NOT NULL,
        waiting INTEGER NOT NULL,
        opened REAL NOT NULL,
        updated REAL NOT NULL,
        body TEXT NOT NULL
    )""",
    "CREATE INDEX incidents_by_channel ON incidents (channel)",
    "CREATE INDEX incidents_waiting ON incidents (channel) WHERE waiting",
    """CREATE TABLE channels (
        channel TEXT PRIMARY KEY,
        token TEXT NOT NULL,
        host TEXT NOT NULL,
        boot TEXT NOT NULL,
        namespace TEXT NOT NULL,
        pid INTEGER NOT NULL,
        pid_started INTEGER NOT NULL,
        until REAL NOT NULL,
        until_wall REAL NOT NULL,
        since REAL NOT NULL
    ) WITHOUT ROWID""",
)

MIGRATIONS: Final[Migrations] = (_VERSION_1, _VERSION_2)


def bring_up_to_date(connection: sqlite3.Connection, where: str, migrations: Migrations = MIGRATIONS) -> None:
    """Do what a file lacks of the migrations, all or nothing.

    Args:
        connection: To the file, outside a transaction.
        where: The file, for messages.
        migrations: The migrations, from an empty file on.

    Raises:
        StoreVersionError: A newer Longshore wrote the file.
        StoreCorruptError: The file is another program's.
    """
    if version_of(connection, where, len(migrations)) == len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Again, now that nobody else can be at it.
        version = version_of(connection, where, len(migrations))
        for statements in migrations[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def version_of(connection: sqlite3.Connection, where: str, newest: int = len(MIGRATIONS)) -> int:
    """Return the version of a file, 0 for an empty one.

    Raises:
        StoreVersionError: It is above the newest one that is known here.
        StoreCorruptError: The file is another program's.
    """
    # One statement, so that it sees one moment: another process may be making the file.
    version, application, tables = connection.execute(
        "SELECT user_version, application_id, (SELECT count(*) FROM sqlite_master) "
        "FROM pragma_user_version, pragma_application_id"
    ).fetchone()
    if application != APPLICATION and (application or version or tables):
        raise StoreCorruptError(
            f"cannot use run store {where!r}: it is another program's database; give another path"
        )
    if version > newest:
        raise StoreVersionError(
            f"cannot use run store {where!r}: a newer Longshore wrote it, its version is {version} and this "
            f"Longshore knows up to {newest}; run: pip install --upgrade longshore"
        )
    return int(version)
