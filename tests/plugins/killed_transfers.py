"""A process that transfers one object, to be killed: `python killed_transfers.py WHAT SPEC`, SPEC as JSON."""

from __future__ import annotations

import importlib
import json
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from longshore import flow, task
from longshore.stores.errors import RunNotFoundError
from longshore.stores.locations import open_store
from longshore_storage.locations import parse
from longshore_storage.protocol import ObjectStore
from longshore_storage.sources import FileSource
from longshore_storage.stores import store_for
from longshore_storage.transfers import Settings, download, upload

WHAT = sys.argv[1]
SPEC: dict[str, Any] = json.loads(sys.argv[2])


def store() -> ObjectStore:
    made = getattr(importlib.import_module(SPEC["module"]), SPEC["connection"])
    return store_for(made(**SPEC["fields"]))


def send() -> str:
    """Upload the file, in parts."""
    source = FileSource(Path(SPEC["path"]))
    try:
        return upload(
            source, store(), parse(SPEC["url"]), settings=Settings(part_size=SPEC["part_size"], concurrency=2)
        ).url
    finally:
        source.close()


@task
def sent() -> str:
    return send()


@flow
def exports() -> Any:
    return sent()


def run_or_resume() -> None:
    with closing(open_store(SPEC["store"])) as runs:
        try:
            runs.run(SPEC["run_id"])
        except RunNotFoundError:
            exports.run(run_id=SPEC["run_id"], store=runs, raise_on_failure=True)
        else:
            exports.resume(SPEC["run_id"], store=runs, raise_on_failure=True)


if WHAT == "download":
    download(store(), parse(SPEC["url"]), Path(SPEC["path"]), settings=Settings(part_size=SPEC["part_size"]))
elif WHAT == "upload":
    send()
elif WHAT == "run":
    run_or_resume()
