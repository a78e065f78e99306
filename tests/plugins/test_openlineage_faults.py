"""Lineage harms no run: backends that are down, slow or refuse, wrong settings, keys that stay here."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("openlineage.client", reason="needs longshore[openlineage]")

from lineage_backend import Backend
from lineage_rig import backend, nowhere

from longshore import Flow, InlineExecutor, current, plugins, redact, task
from longshore_openlineage import flush_lineage, senders
from longshore_openlineage.facts import Fact
from longshore_openlineage.identities import Link
from longshore_openlineage.senders import Refused, Sender, Unreachable
from longshore_openlineage.totals import Total

__all__ = ["backend", "nowhere"]  # fixtures


@task
def load(n: int) -> int:
    current.reads(f"s3://lake/{n}.csv", bytes=n)
    return n


with Flow("nightly") as nightly:
    load(1)


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("fault", [500, 503, 429, "html", "reset"])
def test_what_a_backend_in_trouble_did_not_take_comes_later_in_order(
    backend: Backend, caplog: pytest.LogCaptureFixture, fault: int | str
) -> None:
    backend.faults = [fault]
    assert nightly.run().succeeded
    while flush_lineage(10):
        pass
    assert backend.told() == [
        ("START", "nightly"),
        ("START", "nightly.load"),
        ("COMPLETE", "nightly.load"),
        ("COMPLETE", "nightly"),
    ]
    assert len(backend.bodies) == 5
    [said] = warnings_in(caplog)
    assert said.startswith(f"cannot tell lineage to {backend.url}: ")
    assert said.endswith("runs go on, and what is not sent when the process ends is lost")


def test_an_event_that_is_refused_is_not_sent_again_and_holds_up_no_other(
    backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    backend.faults = [422, 401]
    assert nightly.run().succeeded
    assert flush_lineage(10) == 0
    assert backend.told() == [("COMPLETE", "nightly.load"), ("COMPLETE", "nightly")]
    assert len(backend.bodies) == 4
    [said] = warnings_in(caplog)
    assert "422" in said


def test_a_backend_that_is_gone_delays_nothing_and_is_said_once(
    nowhere: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:1")
    for _ in range(3):
        began = time.monotonic()
        assert nightly.run(executor=InlineExecutor()).succeeded
        assert time.monotonic() - began < 5
        began = time.monotonic()
        assert flush_lineage(10) > 0
        assert time.monotonic() - began < 8, "one that is down is not waited for"
    assert len(warnings_in(caplog)) == 1


def test_a_backend_that_never_answers_delays_nothing(
    backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    backend.always = "hang"
    began = time.monotonic()
    with Flow("many") as many:
        load.map(list(range(200)))
    assert many.run(executor=InlineExecutor()).succeeded
    assert time.monotonic() - began < 10
    assert flush_lineage(0.2) == 4
    assert warnings_in(caplog) == []


def test_the_end_of_a_process_waits_for_a_silent_backend_a_few_seconds_at_most(
    backend: Backend, tmp_path: Path
) -> None:
    backend.always = "hang"
    program = (
        "from longshore import flow, task\nt = task(lambda: 1, name='t')\n@flow\ndef f():\n    t()\nf.run()"
    )
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, timeout=60)
    assert time.monotonic() - began < senders.AT_EXIT + 6


def test_a_run_whose_process_ends_under_it_is_told_as_aborted(backend: Backend, tmp_path: Path) -> None:
    program = """
import signal, os, threading
from longshore import flow, task

@task
def stuck():
    os.kill(os.getpid(), signal.SIGINT)
    threading.Event().wait(0.3)
    os.kill(os.getpid(), signal.SIGINT)
    threading.Event().wait(60)

@flow
def nightly():
    stuck()

try:
    nightly.run()
except KeyboardInterrupt:
    pass
"""
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, timeout=60, check=False)
    assert dict(reversed(pair) for pair in backend.told()) == {"nightly": "ABORT", "nightly.stuck": "ABORT"}


def test_settings_that_are_wrong_are_said_once_and_harm_no_run(
    nowhere: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "no.such.Transport")
    for _ in range(2):
        assert nightly.run().succeeded
        assert flush_lineage(10) == 0
    mine = [text for text in warnings_in(caplog) if "cannot tell lineage" in text]
    assert len(mine) == 1
    assert "Transport" in mine[0], "older clients do not name it"


def test_a_file_of_settings_that_names_no_transport_prints_nothing(
    nowhere: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "openlineage.yml").write_text("facets:\n  environment_variables: [PATH]\n")
    assert nightly.run().succeeded
    assert flush_lineage(10) == 0
    assert "eventType" not in "".join(capsys.readouterr())
    assert warnings_in(caplog) == []


def test_events_are_printed_where_that_is_asked_for(
    nowhere: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "console")
    nightly.run()
    assert flush_lineage(10) == 0
    assert len([text for text in caplog.messages if "eventType" in text]) == 4


def test_new_settings_count_from_the_next_run_on(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nightly.run()
    flush_lineage(10)
    monkeypatch.delenv("OPENLINEAGE_URL")
    told = tmp_path / "told.jsonl"
    (tmp_path / "mine.yml").write_text(f"transport: {{type: file, log_file_path: {told}, append: true}}")
    monkeypatch.setenv("OPENLINEAGE_CONFIG", str(tmp_path / "mine.yml"))
    nightly.run()
    flush_lineage(10)
    assert len(backend.events) == len(told.read_text().splitlines()) == 4
    monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
    nightly.run()
    flush_lineage(10)
    assert len(backend.events) == len(told.read_text().splitlines()) == 4


KEY = "k3y-of-the-backend"


@pytest.mark.parametrize("way", ["environment", "dynamic", "file"])
def test_the_key_reaches_the_backend_and_shows_nowhere_else(
    backend: Backend,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    way: str,
) -> None:
    caplog.set_level(logging.DEBUG, "longshore")
    auth = {"type": "api_key", "apiKey": KEY}
    if way == "environment":
        monkeypatch.setenv("OPENLINEAGE_API_KEY", KEY)
    elif way == "dynamic":
        monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "http")
        monkeypatch.setenv("OPENLINEAGE__TRANSPORT__URL", backend.url)
        monkeypatch.setenv("OPENLINEAGE__TRANSPORT__AUTH", json.dumps(auth))
    else:
        monkeypatch.delenv("OPENLINEAGE_URL")
        (tmp_path / "openlineage.yml").write_text(
            json.dumps({"transport": {"type": "http", "url": backend.url, "auth": auth}})
        )
    before = dict(os.environ)
    backend.faults = [403]

    @task
    def leaking() -> None:
        current.reads(f"https://example.com/{KEY}")
        raise ValueError(f"the key is {KEY}")

    with Flow("leaks") as leaks:
        leaking()
    nightly.run()
    flush_lineage(10)
    leaks.run()
    flush_lineage(10)
    assert {headers["Authorization"] for headers in backend.headers} == {f"Bearer {KEY}"}
    assert all(KEY.encode() not in body for body in backend.bodies)
    assert KEY not in caplog.text
    assert redact(KEY) == "***"
    assert dict(os.environ) == before, "the client's own settings stay its own"


def test_a_password_in_a_remote_of_git_stays_here(backend: Backend, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("0" * 40 + "\n")
    (tmp_path / ".git" / "config").write_text(
        '[remote "origin"]\n\turl = https://ann:s3cr3t-of-ann@example.com/flows.git\n'
    )
    nightly.run()
    flush_lineage(10)
    assert all(b"s3cr3t-of-ann" not in body for body in backend.bodies)
    places = [event["job"]["facets"].get("sourceCodeLocation") for event in backend.events]
    assert {place["url"] for place in places if place} <= {"https://example.com/flows.git"}


def test_doctor_says_where_lineage_goes(
    nowhere: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def transport() -> tuple[bool, str]:
        found = {f.subject: (f.ok, f.text) for f in plugins.host().check("openlineage")}
        assert found["openlineage-python"] == (True, "installed")
        return found["transport"]

    assert transport()[0] is True
    assert "no lineage is told" in transport()[1]
    monkeypatch.setenv("OPENLINEAGE_URL", "http://ann:s3cret-1@marquez:5000")
    assert transport() == (True, "http://marquez:5000")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "no.such.Transport")
    assert transport()[0] is False
    monkeypatch.delenv("OPENLINEAGE__TRANSPORT__TYPE")
    monkeypatch.delenv("OPENLINEAGE_URL")
    (tmp_path / "openlineage.yml").write_text("filters: []\n")
    assert transport() == (False, "the settings name none; give transport.type, or set OPENLINEAGE_URL")


def fact(number: int, datasets: int = 0) -> Fact:
    from datetime import UTC, datetime

    many = tuple(Total("read", f"s3://lake/{n}") for n in range(datasets))
    link = Link("default", f"job{number}", "0" * 8)
    return Fact(kind="START", time=datetime.now(UTC), link=link, job_type="TASK", datasets=many)


class Fake:
    """A backend that answers as it is told: it stands for transports that cannot run here."""

    where = "kafka"

    def __init__(self, *answers: Exception | None) -> None:
        self.answers = list(answers)
        self.taken: list[str] = []
        self.asked = 0
        self.open = threading.Event()
        self.open.set()

    def emit(self, told: Fact) -> None:
        self.open.wait(30)
        self.asked += 1
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        self.taken.append(told.link.job)

    def close(self, seconds: float) -> None:
        self.taken.append("closed")


def test_an_event_that_no_backend_can_digest_is_left_out_in_the_end() -> None:
    fake = Fake(
        *[Unreachable("500", answered=True)] * 5, Unreachable("gone"), *[Refused("400")], ValueError("x")
    )
    sender = Sender(lambda: fake, pause=0.001)
    for number in range(5):
        sender.put(fact(number))
    deadline = time.monotonic() + 10
    while fake.asked < 10 and time.monotonic() < deadline:
        time.sleep(0.005)
    assert sender.flush(5) == 0
    assert fake.taken == ["job3", "job4"]
    sender.close(0)
    assert fake.taken[-1] == "closed"


def test_what_waits_is_bounded_and_what_finds_no_room_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    fake = Fake()
    fake.open.clear()
    sender = Sender(lambda: fake, pause=0.001)
    for number in range(100):
        sender.put(fact(number, datasets=499))
    fake.open.set()
    assert sender.flush(10) == 0
    assert fake.taken == [f"job{number}" for number in range(40)]
    assert len(warnings_in(caplog)) == 1
    sender.put(fact(100))
    assert sender.flush(10) == 0
    assert fake.taken[-1] == "job100"
