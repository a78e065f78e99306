"""Flows that tests serve: each run tells in a file when it begins and ends, and which process it is."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from longshore import Dates, Interval, flow, task

FOLDER = Path(os.environ["SERVED_FOLDER"])
START = datetime.fromtimestamp(float(os.environ.get("SERVED_START", "0")), UTC)


def tell(word: str, flow_name: str, n: int) -> None:
    """Append one line: whole, also when several processes write."""
    with (FOLDER / f"{flow_name}.txt").open("a") as stream:
        stream.write(f"{word} {n} {os.getpid()} {time.time()}\n")


@task
def work(flow_name: str, n: int, seconds: float) -> int:
    tell("start", flow_name, n)
    time.sleep(seconds)
    tell("end", flow_name, n)
    return n


@flow
def many(n: int, seconds: float = 0.2):
    work("many", n, seconds)


SECONDS = [START + timedelta(seconds=number) for number in (1, 2, 3)]


def numbered(due: datetime) -> dict[str, int]:
    return {"n": round((due - START).total_seconds())}


@flow(schedule=Dates(SECONDS, parameters=numbered), overlap="queue")
def queued(n: int):
    work("queued", n, 1.5)


@flow(schedule=Dates(SECONDS, parameters=numbered), overlap="skip")
def skipping(n: int):
    work("skipping", n, 1.5)


@flow(schedule=Dates(SECONDS, parameters=numbered), overlap="together")
def together(n: int):
    work("together", n, 2.5)


@flow(schedule=Interval(3600))
def hourly():
    work("hourly", 1, 0.0)


@task
def die() -> None:
    tell("start", "doomed", 0)
    os.kill(os.getpid(), 9)


@flow
def doomed():
    die()
