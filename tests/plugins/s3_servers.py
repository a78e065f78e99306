"""Two S3 servers of different makes, each in a process of its own, and buckets on them.

The fixtures are `moto`, `localstack`, `s3_server` (a test runs with each) and `s3_bucket` (a new one on it).
The processes of one test run share a server; it ends with the last of them.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import http.client
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from service_environments import UnavailableError, python_of

REGION = "us-east-1"
ACCESS_KEY, SECRET_KEY = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
_KEEPER = Path(__file__).parent / "service_keeper.py"
_PROBE = {  # which service is asked is read from the signature
    "Authorization": f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20300101/{REGION}/s3/aws4_request, "
    "SignedHeaders=host, Signature=0"
}


@dataclass(frozen=True, kw_only=True)
class Make:
    """A make of S3 server, and what it can do.

    Args:
        name: Its environment's, in `service_environments`.
        arguments: Of its Python; `{port}` and `{folder}` are filled in.
        environ: More variables, filled in likewise.
        checksums_verified: It compares `x-amz-checksum-*` and `Content-MD5` with the bytes that arrived.
        returns_checksums: It tells the checksum of an object that was written with one.
        composite_checksums: It computes checksums of checksums of multipart uploads.
        if_match_put: It knows `If-Match` on writes.
        if_match_delete: It knows `If-Match` on deletes.
        presigned_urls_expire: It refuses them afterwards.
        credentials_checked: It refuses unknown keys and wrong signatures.
    """

    name: str
    arguments: tuple[str, ...]
    environ: tuple[tuple[str, str], ...] = ()
    checksums_verified: bool = True
    returns_checksums: bool = True
    composite_checksums: bool = True
    if_match_put: bool = True
    if_match_delete: bool = True
    presigned_urls_expire: bool = True
    credentials_checked: bool = False


MAKES = (
    Make(
        name="moto",
        arguments=("-m", "moto.server", "-H", "127.0.0.1", "-p", "{port}"),
        checksums_verified=False,
        composite_checksums=False,
        presigned_urls_expire=False,
    ),
    Make(
        name="localstack",
        arguments=("-m", "localstack.runtime.main"),
        environ=(
            ("SERVICES", "s3"),
            ("GATEWAY_LISTEN", "127.0.0.1:{port}"),
            ("FILESYSTEM_ROOT", "{folder}"),
            ("DISABLE_EVENTS", "1"),
            ("SKIP_SSL_CERT_DOWNLOAD", "1"),
        ),
        if_match_delete=False,
    ),
)


@dataclass(frozen=True)
class S3Server:
    """A server that runs.

    Args:
        make: What it can do.
        endpoint: Its URL, without a slash at the end.
    """

    make: Make
    endpoint: str

    @property
    def port(self) -> int:
        return int(self.endpoint.rpartition(":")[2])

    def client(self, endpoint: str = "", **config: Any) -> Any:
        """Return the SDK's client, which asks once and says what it was answered.

        Args:
            endpoint: Of something in front of the server; its own when empty.
            config: Settings of botocore's Config.
        """
        import boto3
        from botocore.config import Config

        settings = {"retries": {"total_max_attempts": 1}, "s3": {"addressing_style": "path"}, **config}
        return boto3.Session().client(
            "s3",
            endpoint_url=endpoint or self.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(**settings),
        )

    def close(self) -> None:
        """Close what looks at the server; it goes on running for other processes."""
        if "own_client" in self.__dict__:
            self.own_client.close()

    @functools.cached_property
    def own_client(self) -> Any:
        """A client for looking at the server besides what is tested."""
        return self.client()

    def new_bucket(self, **settings: Any) -> str:
        """Make a bucket of a name that nobody has."""
        name = f"tests-{uuid.uuid4().hex[:16]}"
        self.own_client.create_bucket(Bucket=name, **settings)
        return name


@contextlib.contextmanager
def running(make: Make, folder: Path) -> Iterator[S3Server]:
    """Give the server that the processes which name one folder share; the first of them starts it.

    Raises:
        UnavailableError: It is not installed here.
    """
    python = python_of(make.name)
    in_use, starting, told = (folder / f"{make.name}.{suffix}" for suffix in ("lease", "lock", "port"))
    with in_use.open("a") as lease, starting.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        fcntl.flock(lease, fcntl.LOCK_SH)  # before a look at the port, so that the server stays
        port = int(told.read_text()) if told.exists() else 0
        if not port or not _answers(port):
            port = _start(make, python, folder)
            told.write_text(str(port))
        fcntl.flock(lock, fcntl.LOCK_UN)
        server = S3Server(make, f"http://127.0.0.1:{port}")
        yield server
        server.close()


def _start(make: Make, python: Path, folder: Path) -> int:
    port = free_port()
    files = tempfile.mkdtemp(prefix=f"{make.name}-", dir=folder)
    filled = [text.format(port=port, folder=files) for text in make.arguments]
    environ = {key: value.format(port=port, folder=files) for key, value in make.environ}
    start_kept(
        make.name,
        [str(python), *filled],
        {**_clean_environ(), **environ},
        folder,
        files,
        lambda: _answers(port),
    )
    return port


def start_kept(
    name: str,
    command: list[str],
    environ: Mapping[str, str],
    folder: Path,
    files: str,
    answers: Callable[[], bool],
) -> None:
    """Start a server that lives as long as anybody holds its lease, and wait until it answers.

    Args:
        name: What its lease and its log in the folder are called.
        command: Its command.
        environ: Its variables.
        folder: What the processes share that share the server.
        files: The server's own folder, which goes with it.
        answers: Says whether it answers.
    """
    log = folder / f"{name}.log"
    keeper = subprocess.Popen(
        [sys.executable, str(_KEEPER), str(folder / f"{name}.lease"), str(log), files, *command],
        env={**environ, "TMPDIR": files},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    end = time.monotonic() + 60
    while not answers():
        if keeper.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"{name} does not start: {log.read_text()[-2000:]}")
        time.sleep(0.1)
    keeper.returncode = 0  # it outlives us if others use it; nobody waits for it


def free_port() -> int:
    """Return a port that nobody who asks for any port is given."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/", headers=_PROBE)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _clean_environ() -> Mapping[str, str]:
    """Leave out what would change a server: a developer's own settings of AWS and Python."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_", "PYTHON"))
    }
    return {name: value for name, value in kept.items() if name not in ("VIRTUAL_ENV", "CI")}


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """Return a folder that the processes of this test run share."""
    base = factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


def _served(
    make: Make, factory: pytest.TempPathFactory, require_service: Callable[[object, str], None]
) -> Iterator[S3Server]:
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(running(make, shared_folder(factory)))
        except UnavailableError as error:
            require_service(None, str(error))
            raise
        yield server


@pytest.fixture(scope="session")
def moto(
    tmp_path_factory: pytest.TempPathFactory, require_service: Callable[[object, str], None]
) -> Iterator[S3Server]:
    """moto's server."""
    yield from _served(MAKES[0], tmp_path_factory, require_service)


@pytest.fixture(scope="session")
def localstack(
    tmp_path_factory: pytest.TempPathFactory, require_service: Callable[[object, str], None]
) -> Iterator[S3Server]:
    """LocalStack's S3, which compares checksums."""
    yield from _served(MAKES[1], tmp_path_factory, require_service)


@pytest.fixture(scope="session", params=[make.name for make in MAKES])
def s3_server(request: pytest.FixtureRequest) -> S3Server:
    """Each make in turn."""
    server: S3Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def s3_bucket(s3_server: S3Server) -> str:
    """A new bucket on the server."""
    return s3_server.new_bucket()
