"""What this plugin offers."""

import os
from collections.abc import Iterator
from typing import Any

from longshore import Task, hookimpl

from longshore_acme import AcmeShip, AcmeTrack


@hookimpl
def longshore_tasks() -> list[type[Task[Any]]]:
    return [AcmeShip, AcmeTrack]


@hookimpl
def longshore_doctor() -> Iterator[tuple[str, bool, str]]:
    found = "ACME_TOKEN" in os.environ
    yield "ACME_TOKEN", found, "is set" if found else "is not set; run: export ACME_TOKEN=..."
