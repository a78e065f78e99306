"""An engine reached by TLS: its certificate is checked, ours is shown, and nothing is sent otherwise."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docker_engine import IMAGE, DockerEngine
from docker_proxy import proxy

from longshore.testing import raises_saying
from longshore_docker import DockerConnection, DockerRun, DockerUnreachableError
from longshore_docker.client import engine

pytestmark = pytest.mark.gate("S14")


@pytest.fixture
def files(tmp_path: Path, require_service: Callable[[object, str], None]) -> Path:
    """A folder with an authority, what it signed for the server and for us, and another authority."""
    require_service(shutil.which("openssl"), "openssl is not installed")
    new = "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    for authority in ("ca", "other"):
        names = f"-subj /CN={authority} -keyout {authority}-key.pem -out {authority}.pem"
        _run(tmp_path, f"{new} -x509 -days 2 -addext keyUsage=critical,keyCertSign {names}")
    (tmp_path / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    for name in ("server", "client"):
        _run(tmp_path, f"{new} -subj /CN={name} -keyout {name}-key.pem -out {name}.csr")
        by = "-CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -extfile names"
        _run(tmp_path, f"openssl x509 -req -in {name}.csr {by} -out {name}.pem")
    return tmp_path


def _run(folder: Path, command: str) -> None:
    subprocess.run(command.split(), check=True, capture_output=True, cwd=folder)


@pytest.fixture
def url(docker: DockerEngine, files: Path) -> Iterator[str]:
    """The engine behind a server that speaks TLS and wants a certificate of its authority's."""
    with proxy(docker.url, "tls", str(files)) as (where, _):
        yield where


def test_both_certificates_are_checked(url: str, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = {"certificate": files / "client.pem", "certificate_key": files / "client-key.pem"}
    good = DockerConnection(base_url=url, ca=files / "ca.pem", **own)
    assert (
        DockerRun(IMAGE, command=("sh", "-c", "echo n=1 >> $LONGSHORE_OUTPUTS"), connection=good)()["n"]
        == "1"
    )
    with raises_saying(
        DockerUnreachableError, "has a certificate that is not trusted", "give DockerConnection(ca="
    ):
        engine(DockerConnection(base_url=url, ca=files / "other.pem", **own))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(files / "ca.pem"))
    monkeypatch.setenv("CURL_CA_BUNDLE", str(files / "ca.pem"))
    with raises_saying(DockerUnreachableError, "has a certificate that is not trusted"):
        engine(DockerConnection(base_url=url, ca=files / "other.pem", **own))
    with raises_saying(DockerUnreachableError, "has a certificate that is not trusted"):
        engine(DockerConnection(base_url=url, tls=True))
    with pytest.raises(DockerUnreachableError):
        engine(DockerConnection(base_url=url, ca=files / "ca.pem"))
    with pytest.raises(DockerUnreachableError):
        engine(DockerConnection(base_url=url))


def test_dockers_own_settings_for_tls_are_followed(
    url: str, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = files / "certificates"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("DOCKER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DOCKER_HOST", url)
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(folder))
    for name, source in (("ca", "ca"), ("cert", "client"), ("key", "client-key")):
        (folder / f"{name}.pem").write_bytes((files / f"{source}.pem").read_bytes())
    assert engine(DockerConnection()).about()["ApiVersion"]
    (folder / "ca.pem").write_bytes((files / "other.pem").read_bytes())
    other = DockerConnection(read_timeout=59.0)  # another value, and so another client
    with raises_saying(DockerUnreachableError, "has a certificate that is not trusted"):
        engine(other)
