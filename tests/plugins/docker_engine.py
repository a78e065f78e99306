"""A Docker engine for tests: that of LONGSHORE_TEST_DOCKER_HOST, or one of our own, with a tiny image.

The image is made of the host's busybox, so that no registry is needed. The engine dies with this process,
also when that is killed.
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

IMAGE = "busybox:1"
GIVEN = "LONGSHORE_TEST_DOCKER_HOST"
"""An engine that is there for tests: all containers that Longshore made on it are removed."""
_PASSWD = b"root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000::/:/bin/sh\n"
_DIES_WITH_US = 1  # PR_SET_PDEATHSIG


class DockerEngine:
    """A running engine.

    Attributes:
        clean_since: When the last test's containers were removed; keys may come again after that.
        url: Where it is.
        api: The SDK's client of it.
    """

    def __init__(self, url: str) -> None:
        import docker

        self.url = url
        self.clean_since = 0.0
        self.api: Any = docker.APIClient(base_url=url, timeout=30)

    def containers(self, key: str = "") -> list[dict[str, Any]]:
        """The containers that Longshore made, or those of one key."""
        label = f"longshore.key={key}" if key else "longshore.key"
        return list(self.api.containers(all=True, filters={"label": label}))

    def starts(self, key: str) -> int:
        """How often a test started containers of a key, also if they are gone: by the engine's 256 events."""
        return self._events(key).count("start")

    def made(self, key: str) -> int:
        """How many containers of a key a test made, or how often it started one, if that is more."""
        events = self._events(key)
        return max(events.count("create"), events.count("start"))

    def _events(self, key: str) -> list[str]:
        filters = json.dumps({"label": [f"longshore.key={key}"]})
        params = {"since": f"{self.clean_since:.9f}", "until": f"{time.time():.9f}", "filters": filters}
        answer = self.api.get(
            f"{self.api.base_url}/v{self.api.api_version}/events", params=params, timeout=30
        )
        return [str(json.loads(line)["Action"]) for line in answer.text.splitlines()]

    def clean(self) -> None:
        for container in self.containers():
            with suppress(Exception):  # somebody was faster
                self.api.remove_container(container["Id"], v=True, force=True)
        self.clean_since = time.time()

    def ensure_image(self) -> None:
        if not self.api.images(IMAGE):
            with tempfile.NamedTemporaryFile(suffix=".tar") as file:
                file.write(image_archive())
                file.flush()
                self.api.import_image_from_file(file.name, *IMAGE.split(":"))


def image_archive() -> bytes:
    """The root of a file system with busybox in it."""
    program = Path(shutil.which("busybox") or "/bin/busybox").read_bytes()
    applets = subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True).stdout.split()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("bin", "etc", "tmp", "proc", "sys", "dev", "run"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            archive.addfile(folder)
        for name, mode, content in (("bin/busybox", 0o755, program), ("etc/passwd", 0o644, _PASSWD)):
            file = tarfile.TarInfo(name)
            file.mode, file.size = mode, len(content)
            archive.addfile(file, io.BytesIO(content))
        for applet in applets:
            if applet != "busybox":
                link = tarfile.TarInfo(f"bin/{applet}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                archive.addfile(link)
    return buffer.getvalue()


def what_is_missing() -> str:
    """Why no engine can be had here; empty when one can."""
    if os.environ.get(GIVEN):
        return ""
    if os.geteuid() != 0 or sys.platform != "linux":
        return f"{GIVEN} names none, and only root on Linux can start one"
    programs = ("dockerd", "iptables", "busybox")
    gone = [name for name in programs if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")]
    return f"not installed: {', '.join(gone)}" if gone else ""


@contextmanager
def running_engine() -> Iterator[DockerEngine]:
    """Give an engine that has the image; one that we started is gone afterwards."""
    given = os.environ.get(GIVEN)
    if given:
        engine = DockerEngine(given)
        engine.ensure_image()
        yield engine
        engine.clean()
        return
    folder = Path(tempfile.mkdtemp(prefix="longshore-docker-"))
    process = _start(folder)
    try:
        engine = _when_ready(f"unix://{folder}/docker.sock", process, folder / "log")
        engine.ensure_image()
        yield engine
        engine.clean()
        engine.api.close()
    finally:
        _end(process)
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path) -> subprocess.Popen[bytes]:
    (folder / "daemon.json").write_text("{}")
    command = [
        shutil.which("dockerd", path=f"{os.environ['PATH']}:/usr/sbin") or "dockerd",
        f"--config-file={folder}/daemon.json",
        f"--host=unix://{folder}/docker.sock",
        f"--data-root={folder}/data",
        f"--exec-root={folder}/exec",
        f"--pidfile={folder}/dockerd.pid",
        "--shutdown-timeout=2",
    ]
    libc = ctypes.CDLL(None)
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
            preexec_fn=lambda: libc.prctl(_DIES_WITH_US, signal.SIGTERM),
        )


def _when_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> DockerEngine:
    end = time.monotonic() + 30
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(url.removeprefix("unix://"))
            return DockerEngine(url)
        except Exception as error:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"dockerd does not start: {error}\n{log.read_text()[-2000:]}") from error
            time.sleep(0.1)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def new_key() -> str:
    return str(uuid.uuid4())
