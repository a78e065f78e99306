"""Applications in a standalone cluster: what they are given and give back, and a master that is not there."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from http_server import Handler, HttpServer, chunked, hang_up, reset, truncated
from naughty_strings import NAUGHTY
from spark_cluster import SparkCluster

from longshore import JobFailed, JobFinished, JobNotFoundError, JobRunning, Secret
from longshore_spark import SparkConnection, SparkError, SparkInputError, SparkSubmit, SparkUnreachableError
from longshore_spark.driverlogs import DriverFiles

REFUSED = {text for text in NAUGHTY if "\r" in text or "\udcff" in text}
WORDS = [text for text in NAUGHTY if text not in REFUSED and len(text) < 10_000]
TRIMMED = "".join(map(chr, range(0x21)))
VALUES = {
    str(n): text for n, text in enumerate(WORDS) if text and text == text.strip(TRIMMED) and "{{" not in text
}


@pytest.fixture
def submit(spark_cluster: SparkCluster, spark_jar: Path) -> SparkSubmit:
    return SparkSubmit(spark_jar, main_class="App", connection=spark_cluster.connection(), poll_interval=0.2)


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    return f"{request.node.name[:40].strip('[]')}-{time.time_ns()}"


def finished(job: SparkSubmit, handle: Any, seconds: float = 60.0) -> JobFailed | None:
    until = time.monotonic() + seconds
    while not isinstance(stands := job.poll(handle), JobFinished):
        assert time.monotonic() < until, stands
        time.sleep(0.05)
    return stands.failure


def wait_for_line(job: SparkSubmit, handle: Any, text: str, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while text not in [line.text for line in job.logs(handle, None)]:
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.05)


@pytest.mark.gate("P10")
@pytest.mark.gate("S1")
def test_arguments_properties_and_variables_arrive_in_a_cluster_as_they_are(
    submit: SparkSubmit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY", "canary-51 '\"\\ é")
    env = {f"GIVEN_{n}": text for n, text in VALUES.items()}
    job = submit.replace(conf={f"spark.given.{n}": text for n, text in VALUES.items()})
    result = job(["echo", *WORDS], env={**env, "GIVEN_SECRET": Secret("env:CANARY")})
    assert result["args"] == WORDS
    assert result["conf"] == job.conf
    assert result["env"] == {**env, "GIVEN_SECRET": "canary-51 '\"\\ é"}
    assert result.driver.startswith("driver-")
    assert not Path("pwned").exists()


@pytest.mark.parametrize(
    ("args", "env", "conf", "says"),
    [
        (["{{USER_JAR}}"], {}, {}, "double braces"),
        ([], {"A": "{{HOME}}"}, {}, "double braces"),
        ([], {}, {"spark.a": "{{PATH}}"}, "double braces"),
        ([], {}, {"spark.a": Secret("env:HOME")}, "spark.a is a Secret"),
        (["a\rb"], {}, {}, "carriage return"),
        (["a\0b"], {}, {}, "NUL"),
    ],
)
@pytest.mark.gate("P10")
def test_what_a_cluster_would_change_or_show_is_refused(
    submit: SparkSubmit, key: str, args: list[str], env: dict[str, str], conf: dict[str, Any], says: str
) -> None:
    with pytest.raises(SparkInputError, match=says):
        submit.replace(conf=conf).submit(key, args, env=env)
    assert submit.find(key) is None


def test_an_application_in_the_cluster_computes_and_says_how_far_it_is(
    submit: SparkSubmit, key: str, tmp_path: Path
) -> None:
    job = submit.replace(app_name="counting")
    handle = job.submit(key, ["count", tmp_path / "go"])
    wait_until_told(job, handle)
    stands = job.poll(handle)
    assert isinstance(stands, JobRunning)
    assert (stands.fraction, stands.message) == (0.5, "counting")
    assert f"driverId={handle['driver']}" in stands.link
    (tmp_path / "go").touch()
    assert finished(job, handle) is None
    result = job.result(handle)
    assert result["rows"] == 1000
    assert result.application_id.startswith("app-")
    assert result.duration > 0


def wait_until_told(job: SparkSubmit, handle: Any) -> None:
    until = time.monotonic() + 60
    while getattr(job.poll(handle), "fraction", None) is None:
        assert time.monotonic() < until
        assert all("::progress" not in line.text for line in job.logs(handle, None))
        time.sleep(0.05)


def test_an_exception_in_the_cluster_is_told_by_its_cause(submit: SparkSubmit, key: str) -> None:
    handle = submit.submit(key, ["throw"])
    failure = finished(submit, handle)
    assert failure is not None
    assert failure.reason == "exit code"
    assert "IOException: the disk is gone" in str(failure)
    assert handle["driver"] in str(failure)
    assert any("the disk is gone" in line for line in failure.log_tail)


def test_a_cancelled_driver_ends_and_says_so(submit: SparkSubmit, key: str, tmp_path: Path) -> None:
    handle = submit.submit(key, ["wait", tmp_path / "never"])
    wait_for_line(submit, handle, "waiting")
    submit.cancel(handle)
    failure = finished(submit, handle)
    assert failure is not None
    assert failure.reason == "cancelled"


def test_a_driver_that_waits_for_room_is_not_taken_for_another_and_can_be_cancelled(
    submit: SparkSubmit, key: str, tmp_path: Path
) -> None:
    large = submit.replace(driver_memory="64g")
    handle = large.submit(key, ["wait", tmp_path / "never"])
    assert large.find(key) == handle
    stands = large.poll(handle)
    assert isinstance(stands, JobRunning)
    assert stands.message == "submitted"
    assert list(large.logs(handle, None)) == []
    large.cancel(handle)
    failure = finished(large, handle)
    assert failure is not None
    assert failure.reason == "cancelled"


def test_where_nobody_can_say_whose_a_waiting_driver_is_that_is_said(
    submit: SparkSubmit, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a process that did not submit it."""
    from longshore_spark import clusterdrivers
    from longshore_spark.memories import Memory

    handle = submit.replace(driver_memory="64g").submit(key, ["wait", tmp_path / "never"])
    try:
        monkeypatch.setattr(clusterdrivers, "_keys", Memory[Any, str]())
        with pytest.raises(SparkUnreachableError, match=r"cannot tell whether driver-.*resume the run"):
            submit.find(key)
    finally:
        submit.cancel(handle)
    assert finished(submit, handle) is not None


def test_the_log_goes_on_in_the_middle_of_a_line_and_over_any_bytes(
    submit: SparkSubmit, key: str, tmp_path: Path
) -> None:
    handle = submit.submit(key, ["flood", 3000])
    assert finished(submit, handle) is None
    lines = [line for line in submit.logs(handle, None) if line.stream == "stdout"]
    assert [line.text for line in lines] == [f"{n} é\u4e16\U0001f986 " + "x" * 200 for n in range(3000)]
    middle = lines[1234]
    assert next(iter(submit.logs(handle, middle.cursor))) == lines[1235]


def test_a_driver_that_the_master_does_not_know_is_said(submit: SparkSubmit) -> None:
    gone = {"driver": "driver-20130101000000-0000", "app": "a", "class": "App"}
    with pytest.raises(JobNotFoundError, match="knows no driver 'driver-20130101000000-0000'"):
        submit.poll(gone)
    submit.cancel(gone)
    submit.discard(gone)


def test_applications_that_a_cluster_cannot_run_are_refused(submit: SparkSubmit, key: str) -> None:
    with pytest.raises(SparkInputError, match="use deploy_mode='client'"):
        submit.replace(application="/somewhere/app.py", main_class=None).submit(key)
    with pytest.raises(SparkInputError, match="main_class="):
        submit.replace(main_class=None).submit(key)


def test_a_jar_that_is_not_there_is_named(submit: SparkSubmit, key: str, tmp_path: Path) -> None:
    handle = submit.replace(application=tmp_path / "no.jar").submit(key)
    failure = finished(submit, handle)
    assert failure is not None
    assert "no.jar" in str(failure)


def at(url: str, timeout: float = 2.0) -> SparkSubmit:
    connection = SparkConnection(
        "spark://127.0.0.1:7077", deploy_mode="cluster", rest_url=url, web_url=url, timeout=timeout
    )
    return SparkSubmit("/a.jar", main_class="App", connection=connection)


@pytest.fixture
def mute() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_master_that_is_not_there_or_says_nothing_or_is_none_is_said(mute: str, server: HttpServer) -> None:
    handle = {"driver": "driver-1", "app": "a", "class": "App"}
    began = time.monotonic()
    for url, says in [
        ("http://127.0.0.1:1", "cannot reach http://127.0.0.1:1 .*rest.enabled"),
        (mute, "timed out"),
        (server.url("/").rstrip("/"), "and no JSON"),
    ]:
        with pytest.raises(SparkUnreachableError, match=says):
            at(url, 1.0).poll(handle)
        with pytest.raises(SparkUnreachableError):
            at(url, 1.0).submit("k")
        with pytest.raises(SparkUnreachableError):
            at(url, 1.0).cancel(handle)
    assert time.monotonic() - began < 30


PAGE = b"==== Bytes 0-4 of 4 of /srv/driver-1/out ====\nn=42"


@pytest.mark.parametrize(
    "answer",
    [truncated(PAGE, 1), truncated(PAGE, 1, how="chunked"), truncated(PAGE, 1, how="reset"), hang_up, reset],
)
def test_outputs_that_are_cut_are_not_taken_for_whole(server: HttpServer, answer: Handler) -> None:
    server.on("/log/", answer, chunked(PAGE, 7))
    files = DriverFiles(server.url("/").rstrip("/"), "driver-1", 5.0)
    with pytest.raises(SparkUnreachableError, match="cannot reach"):
        files.outputs()
    assert files.outputs() == b"n=42"


def test_what_a_master_refuses_is_its_own_word(submit: SparkSubmit, key: str) -> None:
    with pytest.raises(SparkError, match="cannot submit to http"):
        submit.replace(driver_memory="99999999999999g").submit(key)


def test_many_drivers_at_once_are_found_by_their_own_keys(submit: SparkSubmit, tmp_path: Path) -> None:
    keys = [f"many-{n}-{time.time_ns()}" for n in range(2)]
    handles: dict[str, Any] = {}
    threads = [
        threading.Thread(
            target=lambda key=key: handles.update({key: submit.submit(key, ["echo", key])})  # type: ignore[misc]
        )
        for key in keys
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [finished(submit, handles[key]) for key in keys] == [None] * 2
    assert [submit.find(key) for key in keys] == [handles[key] for key in keys]
    assert [submit.result(handles[key])["args"] for key in keys] == [[key] for key in keys]
