"""Which engine is meant: fields, Docker's environment, its contexts; TLS is never turned off by itself."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from docker_engine import IMAGE, DockerEngine

from longshore import ConfigurationError
from longshore.plugins import host
from longshore.testing import assert_portable, raises_saying
from longshore_docker import (
    DockerBuildFailed,
    DockerConnection,
    DockerError,
    DockerImageNotFoundError,
    DockerInputError,
    DockerRun,
    DockerUnauthorizedError,
    DockerUnreachableError,
)
from longshore_docker.client import engine
from longshore_docker.connections import DEFAULT_SOCKET, resolve


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `~/.docker` of our own, and no variable of Docker's."""
    for name in [name for name in os.environ if name.startswith("DOCKER_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / ".docker"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    return folder


def context(settings: Path, name: str, url: str, *files: str) -> None:
    """Write a context as `docker context create` does."""
    folder = hashlib.sha256(name.encode()).hexdigest()
    meta = settings / "contexts" / "meta" / folder / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": url}}}))
    for file in files:
        path = settings / "contexts" / "tls" / folder / "docker" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def test_without_settings_it_is_the_usual_socket() -> None:
    assert resolve(DockerConnection()).url == DEFAULT_SOCKET


def test_the_environment_counts_before_the_context(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context(settings, "far", "unix:///far.sock")
    context(settings, "near", "unix:///near.sock")
    (settings / "config.json").write_text('{"currentContext": "far"}')
    assert resolve(DockerConnection()).url == "unix:///far.sock"
    monkeypatch.setenv("DOCKER_CONTEXT", "near")
    assert resolve(DockerConnection()).url == "unix:///near.sock"
    assert resolve(DockerConnection()).source == "the Docker context 'near'"
    monkeypatch.setenv("DOCKER_HOST", "unix:///host.sock")
    assert resolve(DockerConnection()).url == "unix:///host.sock"
    assert resolve(DockerConnection(base_url="unix:///own.sock")).url == "unix:///own.sock"


def test_settings_that_cannot_be_followed_are_named(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "none")
    with raises_saying(ConfigurationError, "cannot use the Docker context 'none'", "run: docker context ls"):
        resolve(DockerConnection())
    monkeypatch.delenv("DOCKER_CONTEXT")
    (settings / "config.json").write_text("{")
    with raises_saying(ConfigurationError, "cannot read Docker's settings in", "config.json"):
        resolve(DockerConnection())
    monkeypatch.setenv("DOCKER_HOST", "ssh://ada@build")
    with raises_saying(
        ConfigurationError, "DOCKER_HOST is 'ssh://ada@build'", "run: ssh -nNT -L ", " build,"
    ):
        resolve(DockerConnection())
    for url in ("docker.sock", "ftp://h", "tcp://user:pw@h:1", "tcp://[", "", "unix:///a\0b"):
        with raises_saying(ConfigurationError, "which names no engine; write unix:///path"):
            DockerConnection(base_url=url)


def test_other_hosts_are_reached_by_tls_unless_somebody_writes_that_they_are_not(tmp_path: Path) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).write_text("x")
    assert resolve(DockerConnection(base_url="tcp://build:2376")).tls
    assert resolve(DockerConnection(base_url="https://127.0.0.1:2376")).tls
    assert resolve(DockerConnection(base_url="tcp://127.0.0.1:2376", ca=tmp_path / "ca.pem")).tls
    assert not resolve(DockerConnection(base_url="tcp://127.0.0.1:2375")).tls
    assert not resolve(DockerConnection(base_url="tcp://build:2375", tls=False)).tls
    with raises_saying(ConfigurationError, "is not encrypted; write https://, or tls=False"):
        resolve(DockerConnection(base_url="http://build:2375"))
    with raises_saying(ConfigurationError, "DockerConnection(ca='", "there is no such file here"):
        resolve(DockerConnection(base_url="tcp://build:2376", ca=tmp_path / "none.pem"))
    with raises_saying(ConfigurationError, "give certificate and certificate_key, or neither"):
        DockerConnection(base_url="tcp://build:2376", certificate=tmp_path / "cert.pem")
    with raises_saying(ConfigurationError, "certificates are for a base_url reached by TLS"):
        DockerConnection(base_url="tcp://build:2376", ca=tmp_path / "ca.pem", tls=False)
    with raises_saying(ConfigurationError, "give seconds above 0"):
        DockerConnection(read_timeout=0)


@pytest.mark.parametrize(
    "files", [(), ("ca.pem",), ("ca.pem", "cert.pem"), ("ca.pem", "cert.pem", "key.pem")]
)
def test_a_certificate_that_is_missing_never_turns_tls_off(
    files: tuple[str, ...], settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK speaks HTTP without encryption for a context that has only two of the three files."""
    if files:
        context(settings, "far", "tcp://build:2376", *files)
        monkeypatch.setenv("DOCKER_CONTEXT", "far")
        found = resolve(DockerConnection())
        assert (found.tls, bool(found.ca), bool(found.key)) == (True, True, len(files) == 3)
    monkeypatch.setenv("DOCKER_HOST", "tcp://build:2376")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    assert resolve(DockerConnection()).tls
    monkeypatch.delenv("DOCKER_TLS_VERIFY")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(settings))
    assert resolve(DockerConnection()).tls
    monkeypatch.delenv("DOCKER_CERT_PATH")
    assert not resolve(DockerConnection()).tls


def test_a_connection_travels_and_is_a_value() -> None:
    one, same = DockerConnection(base_url="unix:///a"), DockerConnection(base_url="unix:///a")
    assert one == same
    assert hash(one) == hash(same)
    assert pickle.loads(pickle.dumps(DockerRun(IMAGE, connection=one))) == DockerRun(IMAGE, connection=same)


def test_each_thread_and_each_forked_process_has_its_own_client(docker: DockerEngine) -> None:
    connection = DockerConnection(base_url=docker.url)
    mine = engine(connection)
    assert engine(connection) is mine
    others: list[Any] = []
    thread = threading.Thread(target=lambda: others.append(engine(connection)))
    thread.start()
    thread.join()
    assert others[0] is not mine
    child = os.fork()
    if child == 0:
        new = engine(connection)
        os._exit(0 if new is not mine and new.about()["ApiVersion"] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_server_that_is_no_engine_is_told(server: Any) -> None:
    pytest.importorskip("docker", reason="needs longshore[docker]")
    connection = DockerConnection(base_url=server.url("").rstrip("/"))
    with raises_saying(DockerError, "cannot use Docker"):
        engine(connection)


def test_no_permission_says_how_to_get_it(tmp_path: Path) -> None:
    pytest.importorskip("docker", reason="needs longshore[docker]")
    if os.geteuid() != 0:
        pytest.skip("becoming another user needs root")
    program = f"""
import os, socket, sys
held = socket.socket(socket.AF_UNIX)
held.bind({str(tmp_path / "x.sock")!r})
held.listen()
os.chmod({str(tmp_path / "x.sock")!r}, 0o600)
from longshore_docker import DockerConnection
from longshore_docker.client import engine
import docker, requests
os.setuid(65534)
try:
    engine(DockerConnection(base_url="unix://{tmp_path}/x.sock"))
except Exception as error:
    print(type(error).__name__, error.retryable, error)
"""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.startswith("DockerUnreachableError False cannot use Docker: "), done
    assert "may not be used by 'nobody'; run: sudo usermod -aG docker nobody" in done.stdout


def test_every_error_pickles_and_says_whether_to_try_again() -> None:
    for kind in (DockerError, DockerUnreachableError, DockerImageNotFoundError, DockerUnauthorizedError):
        assert_portable(kind("cannot x 'y': no; do z", status=409))
    assert_portable(DockerBuildFailed("cannot x", log_tail=("a",)))
    assert_portable(DockerInputError("cannot x"))
    found = {status: DockerError("x", status=status).retryable for status in (0, 400, 404, 409, 429, 500)}
    assert found == {0: True, 400: False, 404: False, 409: False, 429: True, 500: True}


def test_importing_the_package_imports_no_sdk() -> None:
    program = (
        "import sys, longshore_docker.plugin; print({'docker', 'requests', 'urllib3'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_the_doctor_says_whether_the_engine_answers(
    docker: DockerEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker.url)
    checks = {check.subject: check for check in host().check("docker")}
    assert checks["engine"].ok
    assert f"version {docker.api.version()['Version']}" in str(checks["engine"])
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    checks = {check.subject: check for check in host().check("docker")}
    assert not checks["engine"].ok
    assert "has no socket there" in str(checks["engine"])
