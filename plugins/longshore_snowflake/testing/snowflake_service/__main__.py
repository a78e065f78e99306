"""`python -m snowflake_service PORT FOLDER`: serve until the end of the process.

`fd:N` in the place of a port is a socket that listens already; then the end of standard input is the end too.
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import uvicorn

from snowflake_service.app import Service, application
from snowflake_service.faults import Faulty


def main(port: str, folder: str) -> None:
    warnings.filterwarnings("ignore", "Arrow output on a DB-API result")  # fakesnow's own way
    service = Service(Path(folder))
    place: dict[str, Any] = {"host": "127.0.0.1"}
    if port.startswith("fd:"):
        place = {"fd": int(port.removeprefix("fd:"))}
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    else:
        place["port"] = int(port)
    uvicorn.run(Faulty(application(service), service), **place, log_level="warning", timeout_keep_alive=60)


def _end_with_stdin() -> None:
    while sys.stdin.buffer.read(1):
        pass
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
