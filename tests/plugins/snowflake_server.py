"""A Snowflake account on this machine: fakesnow (DuckDB), served and extended by `snowflake_service`.

`python tests/plugins/snowflake_server.py` starts one until Ctrl-C and prints its port. What it can and cannot
do stands in `longshore_snowflake/testing/snowflake_service/__init__.py`.

In tests: the fixture `snowflake_server` (the test processes of one run share the server), and what its
`connect_arguments(...)` gives to `snowflake.connector.connect(**...)`. A test takes a database of its own
(`new_database()`), which is made at login, and a user of its own, so that the history, the faults and the
record of requests are its own:

- `ask("/_faults", {"kind": "status", "status": 503, "path": "query-request", "user": ..., "times": 2})`:
  kinds `status`, `html`, `answer` (with `body`), `slow` (`seconds`), `cut`, `cut_after`, `truncated`; also
  `sql` (a pattern), `skip`, `headers`. Files of stages are below `/gcs/` and `/signed/`, parts of results
  below `/chunks/`. `DELETE /_faults?user=...` takes them back.
- `ask("/_requests?user=...")`: what was asked; `ask("/_queries?user=...")`: queries and how often they ran.
- `ask("/_expire", {"what": "session" | "master" | "gone", "user": ...})`: tokens expire.
- `ask("/_lose", {"query_id": ...})`: nobody knows the query any more.
- `ask("/_settings", {"user": ..., "patience": 0.1})`: seconds after which a query is told to be in progress.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from s3_servers import free_port, shared_folder, start_kept
from service_environments import UnavailableError, python_of

NAME = "fakesnow"
USER, PASSWORD, ACCOUNT = "LOADER", "correct-horse", "acme-tests"
REFUSED = "refused"
"""A user whom the server never lets in."""
_SERVICE = Path(__file__).parents[2] / "plugins" / "longshore_snowflake" / "testing"


@dataclass(frozen=True)
class SnowflakeServer:
    """A server that runs.

    Args:
        port: Of localhost.
    """

    port: int

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def connect_arguments(self, **more: Any) -> dict[str, Any]:
        """Return the arguments of `snowflake.connector.connect`.

        Args:
            more: Over the usual ones; None leaves one out.
        """
        usual = {
            "account": ACCOUNT,
            "user": USER,
            "password": PASSWORD,
            "host": "localhost",
            "port": self.port,
            "protocol": "http",
            "database": "TESTS",
            "schema": "PUBLIC",
            "warehouse": "TEST_WH",
        }
        return {name: value for name, value in {**usual, **more}.items() if value is not None}

    def new_database(self) -> str:
        """Return a name for a database that nobody has; it is made when somebody logs in with it."""
        return f"T{uuid.uuid4().hex[:12].upper()}"

    def ask(self, path: str, body: Any = None) -> Any:
        """Ask the server by plain HTTP: GET, or POST of JSON when a body is given."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")


@contextlib.contextmanager
def running(folder: Path) -> Iterator[SnowflakeServer]:
    """Give the server that the processes which name one folder share; the first of them starts it.

    Raises:
        UnavailableError: It is not installed here.
    """
    python = python_of(NAME)
    in_use, starting, told = (folder / f"{NAME}.{suffix}" for suffix in ("lease", "lock", "port"))
    with in_use.open("a") as lease, starting.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        fcntl.flock(lease, fcntl.LOCK_SH)  # before a look at the port, so that the server stays
        port = int(told.read_text()) if told.exists() else 0
        if not port or not _answers(port):
            port = _start(python, folder)
            told.write_text(str(port))
        fcntl.flock(lock, fcntl.LOCK_UN)
        yield SnowflakeServer(port)


def _start(python: Path, folder: Path) -> int:
    port = free_port()
    files = tempfile.mkdtemp(prefix=f"{NAME}-", dir=folder)
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("SNOWFLAKE_", "PYTHON"))
    }
    start_kept(
        NAME,
        [str(python), "-m", "snowflake_service", str(port), files],
        {**kept, "PYTHONPATH": str(_SERVICE)},
        folder,
        files,
        lambda: _answers(port),
    )
    return port


def _answers(port: int) -> bool:
    try:
        SnowflakeServer(port).ask("/")
    except (OSError, ValueError):
        return False
    return True


@pytest.fixture(scope="session")
def snowflake_server(
    tmp_path_factory: pytest.TempPathFactory, require_service: Callable[[object, str], None]
) -> Iterator[SnowflakeServer]:
    """The server; the processes of one test run share it."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(running(shared_folder(tmp_path_factory)))
        except UnavailableError as error:
            require_service(None, str(error))
            raise
        yield server


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place, running(Path(place)) as started:
        print(started.port, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)
