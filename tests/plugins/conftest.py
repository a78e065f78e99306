"""What the tests of integrations share: helper modules of this folder can be imported by their names."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from http_server import HttpServer


@pytest.fixture
def server() -> Iterator[HttpServer]:
    """A real HTTP server that misbehaves when it is told to."""
    with HttpServer() as running:
        yield running
