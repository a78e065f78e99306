"""What submitting a small Spark application costs, over the command `spark-submit` itself."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from environments import UnavailableError, run_program
from tables import Table

PROGRAMS = Path(__file__).parent / "programs"
ROUNDS = int(os.environ.get("LONGSHORE_BENCH_ROUNDS", "5"))
APPLICATION = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
assert spark.range(1000).count() == 1000
"""


def measure(peers: bool) -> Iterator[Table]:
    """Yield the seconds of each way, by turns, and what it takes more than the command."""
    ways = {
        "spark-submit, by hand": ("longshore", "spark_submit_plain.py"),
        "longshore, SparkSubmit": ("longshore", "spark_submit_longshore.py"),
        **({"luigi, SparkSubmitTask": ("luigi", "spark_submit_luigi.py")} if peers else {}),
    }
    found: dict[str, list[float]] = {way: [] for way in ways}
    notes = ["Each is one submission of `spark.range(1000).count()` to `local[2]`, from the call to its end."]
    with tempfile.TemporaryDirectory() as folder:
        application = Path(folder, "app.py")
        application.write_text(APPLICATION)
        for _ in range(ROUNDS):
            for way, (library, program) in ways.items():
                try:
                    printed = run_program(library, PROGRAMS / program, application, spark_home())
                    found[way].append(json.loads(printed.splitlines()[-1])["seconds"])
                except UnavailableError as error:
                    notes.append(f"{way}: {error}")
    medians = {way: statistics.median(times) for way, times in found.items() if times}
    plain = medians["spark-submit, by hand"]
    yield Table(
        title=f"One submission: seconds, median of {ROUNDS}",
        columns=("way", "s", "over the command"),
        rows=[(way, seconds, seconds - plain) for way, seconds in medians.items()],
        notes=notes,
    )


def spark_home() -> Path:
    """Return the Spark of the package `pyspark`."""
    from longshore_spark import SparkConnection
    from longshore_spark.homes import spark_home

    return spark_home(SparkConnection())
