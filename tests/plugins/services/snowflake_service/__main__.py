"""`python -m snowflake_service PORT FOLDER`: serve until the end of the process."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import uvicorn

from snowflake_service.app import Service, application
from snowflake_service.faults import Faulty


def main(port: str, folder: str) -> None:
    warnings.filterwarnings("ignore", "Arrow output on a DB-API result")  # fakesnow's own way
    service = Service(Path(folder))
    uvicorn.run(
        Faulty(application(service), service),
        host="127.0.0.1",
        port=int(port),
        log_level="warning",
        timeout_keep_alive=60,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
