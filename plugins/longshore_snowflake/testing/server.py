"""`SnowflakeServer`: a process that answers as Snowflake does, while somebody needs it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, Self

from longshore import ConfigurationError, Secret
from longshore_snowflake.connections import SnowflakeConnection

_SERVICE: Final = Path(__file__).parent
"""Where the service's package is: a program of its own, since fakesnow may need another environment."""
_PASSWORD: Final = "correct-horse"  # noqa: S105 - of nobody
_PATIENCE: Final = 30.0


class SnowflakeServer:
    """A Snowflake account on this machine, empty, until it is stopped or this process ends.

    Args:
        python: The interpreter of an environment that has `fakesnow[server]` and a connector below 5, which
            fakesnow needs; by default this one. What connects may have any connector.
        database: It is made at the first login.
        schema: Likewise.
    """

    def __init__(
        self, *, python: str | Path = sys.executable, database: str = "LAKE", schema: str = "PUBLIC"
    ):
        self._python = str(python)
        self._database, self._schema = database, schema
        self._process: subprocess.Popen[bytes] | None = None
        self._files: tempfile.TemporaryDirectory[str] | None = None
        self.port = 0

    def start(self) -> None:
        """Start it.

        Raises:
            ConfigurationError: The environment lacks something.
        """
        self._files = tempfile.TemporaryDirectory(prefix="longshore-snowflake-")
        Path(self._files.name, "password").write_text(_PASSWORD)
        log = Path(self._files.name, "log")
        with socket.create_server(("127.0.0.1", 0)) as listening, log.open("wb") as output:
            self.port = listening.getsockname()[1]
            self._process = subprocess.Popen(  # noqa: S603 - the user's own interpreter
                [self._python, "-m", "snowflake_service", f"fd:{listening.fileno()}", self._files.name],
                env=self._environment(),
                stdin=subprocess.PIPE,  # its end is the server's
                stdout=output,
                stderr=output,
                pass_fds=[listening.fileno()],
                start_new_session=True,  # Ctrl-C is for us
            )
        if not self._answers():
            said = log.read_text(errors="replace").strip().splitlines()[-1:]
            self.stop()
            raise ConfigurationError(
                f"cannot start a Snowflake with {self._python!r}: {''.join(said) or 'it does not answer'}; "
                "run: pip install 'fakesnow[server]' 'snowflake-connector-python<5'"
            )

    def stop(self) -> None:
        """Stop it, and remove its files."""
        process, self._process = self._process, None
        files, self._files = self._files, None
        if process is not None:
            process.kill()  # it has nothing that anybody needs
            process.communicate()
        if files is not None:
            files.cleanup()

    @property
    def connection(self) -> SnowflakeConnection:
        """How to reach it, from any process of this machine.

        Raises:
            ConfigurationError: It is not started.
        """
        if self._files is None:
            raise ConfigurationError("no Snowflake is started; write: with SnowflakeServer() as server:")
        return SnowflakeConnection(
            account="acme-tests",
            user="LOADER",
            password=Secret(f"file:{self._files.name}/password"),
            host="localhost",
            port=self.port,
            protocol="http",
            database=self._database,
            schema=self._schema,
            warehouse="TEST_WH",
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _environment(self) -> dict[str, str]:
        names = ("PYTHONPATH", "PYTHONHOME", "SNOWFLAKE_HOME")
        kept = {name: value for name, value in os.environ.items() if name not in names}
        return {**kept, "PYTHONPATH": str(_SERVICE)}

    def _answers(self) -> bool:
        """Whether it answers; what it is asked waits in the socket until it does."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), _PATIENCE) as asking:
                asking.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return asking.recv(5) == b"HTTP/"
        except OSError:
            return False
