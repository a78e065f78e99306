"""Certificates that nobody but a test trusts, made by openssl."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

CA = """[ca]
default_ca=d
[d]
database=index
new_certs_dir=.
rand_serial=yes
default_md=sha256
policy=p
x509_extensions=e
[p]
commonName=supplied
[e]
basicConstraints=CA:TRUE
subjectAltName={host}
"""


def make_certificate(folder: Path, name: str, host: str = "IP:127.0.0.1", *, expired: bool = False) -> Path:
    """Make a self-signed certificate and its key, in one file."""
    path = folder / f"{name}.pem"
    new = "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    new += f" -subj /CN={name} -keyout {path}.key"
    commands = [f"{new} -x509 -days 2 -addext subjectAltName={host} -out {path}.crt"]
    if expired:
        (folder / "index").touch()
        (folder / "ca.cnf").write_text(CA.format(host=host))
        files = f"-keyfile {path}.key -in {path}.csr -out {path}.crt"
        dates = "-startdate 20130101000000Z -enddate 20130102000000Z"
        commands = [f"{new} -out {path}.csr", f"openssl ca -batch -selfsign -config ca.cnf {dates} {files}"]
    for command in commands:
        subprocess.run(command.split(), check=True, capture_output=True, cwd=folder)
    path.write_bytes(Path(f"{path}.key").read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


def server_context(certificate: Path) -> ssl.SSLContext:
    """Return what a server needs to show a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
