"""`SparkSubmit` on this machine: what is given arrives, what comes of it is told, nothing leaks or stays."""

from __future__ import annotations

import json
import os
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
from naughty_strings import NAUGHTY
from spark_rig import FAST

from longshore import ConfigurationError, Failed, JobFailed, Secret, flow
from longshore.redaction import isolated
from longshore_spark import SparkConnection, SparkInputError, SparkResult, SparkSubmit

pytestmark = pytest.mark.usefixtures("java")
CANARY = "canary-7a%c2' \"\\ =:#é\U0001f986 z"
REFUSED = {text for text in NAUGHTY if "\r" in text or "\udcff" in text}
TRIMMED = "".join(map(chr, range(0x21)))
"""What Java takes away at either end of a property."""
WORDS = [text for text in NAUGHTY if text not in REFUSED]
HERE = SparkConnection("local[2]", conf=FAST)


def program(folder: Path, text: str) -> Path:
    """Write an application."""
    path = folder / "app.py"
    path.write_text("from pyspark.sql import SparkSession\n" + textwrap.dedent(text))
    return path


def sightings(*folders: Path) -> list[str]:
    """The files and processes that show the canary."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    found = [str(path) for path in files if CANARY[:9].encode() in path.read_bytes()]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [str(path)] if CANARY[:9].encode() in path.read_bytes() else []
        except OSError:
            continue
    return found


def private(folder: Path) -> list[str]:
    """The files and folders that others may read."""
    return [str(path) for path in folder.rglob("*") if path.stat().st_mode & 0o077 and not in_private(path)]


def in_private(path: Path) -> bool:
    return any(not parent.stat().st_mode & 0o077 for parent in path.parents)


@pytest.mark.gate("P10")
@pytest.mark.gate("S1")
@pytest.mark.gate("S12")
def test_arguments_properties_and_secrets_arrive_as_they_are_and_are_seen_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = program(
        tmp_path,
        """
        import json, os, sys
        spark = SparkSession.builder.getOrCreate()
        conf = dict(spark.sparkContext.getConf().getAll())
        told = {"args": sys.argv[1:], "conf": {k: v for k, v in conf.items() if k.startswith("spark.given.")}}
        told["same"] = conf["spark.given.hidden"] == os.environ["GIVEN"] == os.environ["CANARY"]
        told["env"] = [os.environ[f"V{n}"] for n in range(int(os.environ["VALUES"]))]
        del told["conf"]["spark.given.hidden"]
        told["rows"] = spark.range(1000).repartition(3).count()
        print("said", conf["spark.given.hidden"])
        open(os.environ["LONGSHORE_OUTPUTS"], "a").write(json.dumps(told) + "\\n")
        """,
    )
    monkeypatch.setenv("CANARY", CANARY)
    seen: list[str] = []
    values = [text for text in WORDS if text == text.strip(TRIMMED) and text]
    conf = {f"spark.given.n{n}": text for n, text in enumerate(values)}
    secret = Secret("env:CANARY")
    task = SparkSubmit(
        app,
        conf={**conf, "spark.given.hidden": secret},
        connection=HERE,
        jobs_folder=tmp_path / "jobs",
        app_name="naughty",
    )
    old = os.umask(0)
    try:
        with isolated():
            env = {f"V{n}": text for n, text in enumerate(values)} | {"VALUES": str(len(values))}
            handle = task.submit("one", WORDS, env={**env, "GIVEN": secret})
            seen += look_until_end(task, handle, tmp_path / "jobs")
            log = [line.text for line in task.logs(handle, None)]
            result = task.result(handle)
            assert private(tmp_path / "jobs") == []
    finally:
        os.umask(old)
    assert seen == []
    assert "said ***" in log
    assert result["args"] == WORDS
    assert result["env"] == values
    assert result["conf"] == conf
    assert (result["same"], result["rows"]) == (True, 1000)
    assert not (tmp_path / "pwned").exists()
    assert not Path("pwned").exists()
    told(result)
    task.discard(handle)
    assert [path.name for path in (tmp_path / "jobs").iterdir() if path.name != ".tidied"] == []


def told(result: SparkResult) -> None:
    """What Spark says of the application above."""
    assert result.metrics is not None
    assert result.application_id == result.metrics.application_id
    assert result.application_id.startswith("local-")
    assert (result.metrics.application_name, result.metrics.jobs >= 1) == ("naughty", True)
    assert result.metrics.tasks_failed == 0
    assert result.metrics.shuffle_bytes_written > 0


def look_until_end(task: SparkSubmit, handle: Any, folder: Path) -> list[str]:
    seen: list[str] = []
    until = time.monotonic() + 90
    while time.monotonic() < until:
        stands = task.poll(handle)
        seen += sightings(folder)
        if not hasattr(stands, "message"):
            assert stands.failure is None  # type: ignore[union-attr]
            return seen
        time.sleep(0.1)
    raise AssertionError("it does not end")


def test_a_cancelled_application_leaves_no_process(tmp_path: Path) -> None:
    app = program(
        tmp_path,
        """
        import sys, time
        spark = SparkSession.builder.getOrCreate()
        print("::progress 0.25 a quarter", flush=True)
        spark.sparkContext.parallelize([1], 1).foreach(lambda _: time.sleep(300))
        """,
    )
    task = SparkSubmit(app, connection=HERE, jobs_folder=tmp_path / "jobs")
    handle = task.submit("two", ["a mark of ours 51"])
    until = time.monotonic() + 60
    while getattr(task.poll(handle), "fraction", None) != 0.25:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert processes("a mark of ours 51")
    task.cancel(handle)
    until = time.monotonic() + 20
    while not (stands := task.poll(handle)).__class__.__name__.endswith("Finished"):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert stands.failure.reason == "cancelled"  # type: ignore[union-attr]
    assert processes("a mark of ours 51") == []


def processes(mark: str) -> list[str]:
    found: list[str] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [str(path)] if mark.encode() in path.read_bytes() else []
        except OSError:
            continue
    return found


def test_a_flow_gets_the_result_of_a_jar_and_the_reason_of_a_failure(tmp_path: Path, spark_jar: Path) -> None:
    failing = program(
        tmp_path,
        """
        def total(rows):
            raise ValueError(f"{rows} rows are too few")
        total(3)
        """,
    )

    @flow
    def day(application: str, main_class: str | None = None) -> Any:
        submit = SparkSubmit(
            application, main_class=main_class, connection=HERE, jobs_folder=tmp_path / "jobs"
        )
        return submit(["echo", "a b"])

    result = day.run(application=str(spark_jar), main_class="App").result
    assert result["args"] == ["a b"]
    assert (result.application_id, result.metrics) == ("", None), "it made no session"
    [step] = day.run(application=str(failing)).states.values()
    assert isinstance(step, Failed)
    assert isinstance(step.error, JobFailed)
    assert "ValueError: 3 rows are too few" in str(step.error)
    assert "app.py" in str(step.error)


@pytest.mark.parametrize("text", sorted(REFUSED))
@pytest.mark.gate("P10")
def test_an_argument_that_sparks_launcher_would_change_is_refused(tmp_path: Path, text: str) -> None:
    app = program(tmp_path, "")
    with pytest.raises(SparkInputError, match="argument 1"):
        SparkSubmit(app, jobs_folder=tmp_path / "jobs").submit("three", [text])
    assert not (tmp_path / "jobs").exists()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"conf": {"--conf": "a"}}, "no Spark property"),
        ({"conf": {"spark.a": "b\0c"}}, "NUL"),
        ({"conf": {"spark.a": " b"}}, "begins or ends with a space"),
        ({"conf": {"spark.a b": "c"}}, "no Spark property"),
        ({"conf": {"spark.master": "yarn"}}, "given by connection"),
        ({"conf": {"spark.app.name": "x"}}, "given by app_name"),
        ({"main_class": "--verbose"}, "no name of a class"),
        ({"driver_memory": "2g --verbose"}, "no amount of memory"),
        ({"packages": ["--repositories"]}, "group:artifact:version"),
        ({"packages": "org.example:a:1"}, "list of"),
        ({"repositories": ["ftp://x"]}, "no URL of a repository"),
        ({"jars": ["a,b.jar"]}, "separates files by commas"),
        ({"files": ["a.txt#../b"]}, "no name for a file"),
        ({"jars": "a.jar"}, "give a list"),
        ({"connection": "--deploy-mode"}, "cannot use '--deploy-mode' as a Spark master"),
        ({"connection": "sc://host:15002"}, "takes no applications"),
        ({"main_class": "org.example.Main"}, "main_class is for a JAR"),
        ({"grace": 10.0}, "below cancel_grace"),
    ],
)
@pytest.mark.gate("P10")
def test_no_field_becomes_an_option_of_the_launcher(fields: dict[str, Any], says: str) -> None:
    with pytest.raises((ConfigurationError, SparkInputError), match=says):
        SparkSubmit("app.py", **fields)


def test_a_missing_file_and_a_secret_argument_are_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(SparkInputError, match=r"cannot find the application 'nowhere.py' here"):
        SparkSubmit("nowhere.py").submit("four")
    app = program(tmp_path, "")
    with pytest.raises(SparkInputError, match="argument 1 holds a secret"):
        SparkSubmit(app).submit("five", [Secret("env:HOME")])  # type: ignore[list-item]
    with pytest.raises(SparkInputError, match="launcher sets the variable COUNT itself"):
        SparkSubmit(app).submit("eight", env={"COUNT": "3"})
    with pytest.raises(SparkInputError, match="cannot find jars"):
        SparkSubmit(app, jars=[tmp_path / "no.jar"]).submit("six")
    assert json.dumps(SparkSubmit(app).find("seven")) == "null"
