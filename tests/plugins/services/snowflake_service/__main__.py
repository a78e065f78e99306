"""`python -m snowflake_service PORT FOLDER`: serve until the end of the process."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import uvicorn

from snowflake_service.app import Service, application


def main(port: str, folder: str) -> None:
    warnings.filterwarnings("ignore", "Arrow output on a DB-API result")  # fakesnow's own way
    service = Service(Path(folder))
    uvicorn.run(
        application(service), host="127.0.0.1", port=int(port), log_level="warning", timeout_keep_alive=60
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
