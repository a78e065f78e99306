"""What OpenLineage calls a dataset: a namespace and a name, by the naming rules of its specification."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_BUCKETS: Final = {"s3": "s3", "s3a": "s3", "s3n": "s3", "gs": "gs", "gcs": "gs"}
_ALIASES: Final = {
    "postgresql": "postgres",
    "redshift+psycopg2": "redshift",
    "mariadb": "mysql",
    "sqlserver": "mssql",
    "wasb": "wasbs",
    "abfs": "abfss",
}
_PORTS: Final = {
    "postgres": 5432,
    "mysql": 3306,
    "mssql": 1433,
    "oracle": 1521,
    "trino": 8080,
    "redshift": 5439,
    "cassandra": 9042,
    "db2": 50000,
    "kafka": 9092,
}
_TABLES: Final = frozenset(
    {"postgres", "mysql", "mssql", "oracle", "trino", "redshift", "cassandra", "db2", "snowflake"}
    | {"bigquery", "awsathena", "teradata", "clickhouse", "databricks", "duckdb", "sqlite", "spanner"}
)
"""Schemes whose path is the parts of a table's name."""
_WITH_SLASH: Final = frozenset({"hdfs", "dbfs"})


def dataset_name(uri: str) -> tuple[str, str]:
    """Return the namespace and the name of what a URI stands for, by the naming rules of OpenLineage.

    Args:
        uri: As `current.reads(...)` takes it: `s3://lake/2013.csv`, `snowflake://account/db/schema/table`.

    Example:
        >>> dataset_name("s3://lake/2013/flights.csv")
        ('s3://lake', '2013/flights.csv')
    """
    found = _SCHEME.match(uri)
    if found is None:
        return "file", uri or "/"
    scheme, rest = found[1].lower(), uri[found.end() :]
    host, _, path = rest.partition("/")
    if scheme == "file":
        return f"file://{host}" if host and host != "localhost" else "file", _folded(f"/{path}")
    if scheme in _BUCKETS:
        return f"{_BUCKETS[scheme]}://{host}", _folded(path)
    scheme = _ALIASES.get(scheme.partition("+")[0], scheme.partition("+")[0])
    if scheme in _TABLES:
        return _table(scheme, host, path)
    if scheme == "kafka":
        host = _with_port(scheme, host)
    name = _folded(path)
    return f"{scheme}://{host}", f"/{name.lstrip('/')}" if scheme in _WITH_SLASH else name


def _table(scheme: str, host: str, path: str) -> tuple[str, str]:
    parts = [unquote(part) for part in path.partition("?")[0].split("/") if part]
    if scheme == "bigquery":  # one namespace for all; the project is a part of the name
        return "bigquery", ".".join(filter(None, (host, *parts))) or "/"
    return f"{scheme}://{_with_port(scheme, host)}", ".".join(parts) or "/"


def _with_port(scheme: str, host: str) -> str:
    known = scheme in _PORTS and host and not re.search(r":\d+$", host)
    return f"{host}:{_PORTS[scheme]}" if known else host


def _folded(path: str) -> str:
    """Return the name of an object or folder: a folder has no slash at its end."""
    return path.rstrip("/") or "/"
