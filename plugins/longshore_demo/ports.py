"""The two object stores between which the demo ships its files."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from longshore import Resource, Secret, require
from longshore_gcs.testing import GCSServer
from longshore_s3 import S3Connection

if TYPE_CHECKING:
    from longshore_gcs import GCSConnection

# In each process that runs a step.
os.environ.setdefault("LONGSHORE_DEMO_KEY", "nobody-checks-this-key")
for name in ("no_proxy", "NO_PROXY"):  # a proxy could not reach a server on this machine
    os.environ[name] = ",".join(filter(None, ("127.0.0.1", "localhost", os.environ.get(name))))

KEY = Secret("env:LONGSHORE_DEMO_KEY")


@dataclass(frozen=True)
class Connections:
    """How to reach them."""

    s3: S3Connection
    gs: GCSConnection


class Ports(Resource[Connections]):
    """An S3 and a Google Cloud Storage on 127.0.0.1, empty, in memory."""

    def setup(self) -> Connections:
        """Start them."""
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # moto's server tells of each request
        moto = require("moto.server", extra="demo")
        s3 = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        s3.start()
        host, port = s3.get_host_and_port()
        google = GCSServer()
        google.start()
        connections = Connections(
            s3=S3Connection(
                endpoint=f"http://{host}:{port}", region="us-east-1", access_key_id=KEY, secret_access_key=KEY
            ),
            gs=google.connection,
        )
        _open[connections] = (s3, google)
        return connections

    def cleanup(self, value: Connections) -> None:
        """Stop them."""
        s3, google = _open.pop(value, (None, None))
        if s3 is not None:
            s3.stop()
            google.stop()


_open: dict[Connections, tuple[Any, Any]] = {}
