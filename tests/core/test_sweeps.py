"""Jobs that no run owns any more: found in the system where they run, ended on request."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("click", reason="needs longshore[cli]")
if sys.platform == "win32":
    pytest.skip("needs signals", allow_module_level=True)

from job_server import JobServer
from recorded_flows import Command, until
from sample_jobs import RemoteJob

from longshore.stores.errors import RunTakenError
from longshore.stores.records import JobChanged, JobIntended, JobRecord, RunChanged, RunRecord
from longshore.stores.serializers import encode
from longshore.stores.sqlite import SQLiteStore
from longshore.sweeps import end_stray, find_strays, forget_stray


@pytest.fixture(scope="module")
def running_server() -> Iterator[JobServer]:
    with JobServer() as server:
        yield server


@pytest.fixture
def server(running_server: JobServer) -> JobServer:
    running_server.reset()
    return running_server


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(tmp_path / "runs.db")
    yield store
    store.close()


class Left:
    """A run that has ended, and left jobs open on record."""

    def __init__(self, store: SQLiteStore, server: JobServer, run_id: str = "left") -> None:
        self.store, self.run_id = store, run_id
        self.job = RemoteJob(url=server.url, cancel_grace=1.0, answer_timeout=1.0)
        store.create(RunRecord(run_id=run_id, flow="nightly", created=1.0))
        store.claim(run_id, "token")
        store.write(run_id, "token", [RunChanged(state="Cancelled", message="", time=2.0, finished=True)])
        store.release(run_id, "token")

    def add(self, key: str, *, handle: Any = None, task: str | None = None, when: float = 1.0) -> None:
        """Put a job on record."""
        record = JobRecord(
            run_id=self.run_id, step=key, map_index=-1, attempt=1, serial=1, key=key,
            task=encode(self.job) if task is None else task, time=when,
        )  # fmt: skip
        changes: list[JobIntended | JobChanged] = [JobIntended(job=record)]
        if handle is not None:
            changes.append(JobChanged(key=key, time=when, handle=encode(handle), state="submitted"))
        self.store.claim(self.run_id, "token")
        self.store.write(self.run_id, "token", changes)
        self.store.release(self.run_id, "token")


def test_jobs_of_runs_that_nobody_drives_are_found_by_handle_and_by_key(
    store: SQLiteStore, server: JobServer
) -> None:
    left = Left(store, server)
    left.add("by handle", handle=left.job.submit("by handle", 60))
    left.job.submit("by key", 60)
    left.add("by key")
    left.add("ended", handle=left.job.submit("ended", 0.0))
    left.add("failed", handle=left.job.submit("failed", 0.0, outcome="evicted"))
    left.add("never submitted")
    left.add("gone", handle={"id": "nothing"})
    found = {stray.label: (stray.found, stray.text) for stray in find_strays(store)}
    assert {label: how for label, (how, _) in found.items()} == {
        "by handle": "running", "by key": "running", "ended": "ended", "failed": "ended",
        "never submitted": "not there", "gone": "not there",
    }  # fmt: skip
    assert found["ended"][1] == "succeeded"
    assert "evicted" in found["failed"][1]


def test_a_job_that_runs_is_ended_and_its_record_closed(store: SQLiteStore, server: JobServer) -> None:
    left = Left(store, server)
    left.add("export", handle=left.job.submit("export", 60))
    [stray] = find_strays(store)
    assert end_stray(store, stray).found == "was ended"
    assert [job["state"] for job in server.jobs("export")] == ["cancelled"]
    assert [job.state for job in store.jobs(left.run_id)] == ["Cancelled"]
    assert find_strays(store) == []


def test_a_job_that_does_not_end_is_said_to_go_on(store: SQLiteStore, server: JobServer) -> None:
    left = Left(store, server)
    left.add("export", handle=left.job.submit("export", 60))
    server.fault("cancel", "status", status=500)
    [stray] = find_strays(store)
    ended = end_stray(store, stray)
    assert (ended.found, ended.text) == ("goes on", "it did not end within 1 s")
    assert [job.state for job in store.jobs(left.run_id, open_only=True)] == ["submitted"]


def test_jobs_of_a_run_that_is_driven_are_left_alone(store: SQLiteStore, server: JobServer) -> None:
    left = Left(store, server)
    left.add("export", handle=left.job.submit("export", 60))
    [stray] = find_strays(store)
    store.claim(left.run_id, "somebody")
    store.write(left.run_id, "somebody", [RunChanged(state="Running", message="", time=3.0)])
    assert find_strays(store) == []
    with pytest.raises(RunTakenError):
        end_stray(store, stray)
    assert [job["state"] for job in server.jobs("export")] == ["running"]


def test_a_class_that_is_not_imported_is_named_and_not_looked_for(
    store: SQLiteStore, server: JobServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "evil_module.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Evil: ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    left = Left(store, server)
    left.add("evil", task='{"$type":"dataclass","class":"evil_module:Evil","value":{}}', handle={"id": "1"})
    left.add("no task", task="", handle={"id": "2"})
    left.add("no job", task='{"a":1}', handle={"id": "2"})
    found = {stray.label: stray for stray in find_strays(store)}
    assert {stray.found for stray in found.values()} == {"cannot ask"}
    assert "'evil_module' is not imported" in found["evil"].text
    assert "evil_module" not in sys.modules
    assert not (tmp_path / "ran").exists()


def test_a_system_that_does_not_answer_holds_nothing_up(store: SQLiteStore, server: JobServer) -> None:
    left = Left(store, server)
    left.add("export", handle=left.job.submit("export", 60))
    server.fault("status", "silence")
    [stray] = find_strays(store, patience=0.3)
    assert (stray.found, stray.text) == ("cannot ask", "TimeoutError: not done after 0.3 s")


def test_records_of_ended_jobs_are_forgotten_but_not_those_of_jobs_that_may_still_show(
    store: SQLiteStore, server: JobServer
) -> None:
    left = Left(store, server)
    left.add("ended", handle=left.job.submit("ended", 0.0))
    left.add("long ago")
    left.add("just now", when=time.time())
    forgotten = {stray.label: forget_stray(store, stray) for stray in find_strays(store)}
    assert forgotten == {"ended": True, "long ago": True, "just now": False}
    assert [job.step for job in store.jobs(open_only=True)] == ["just now"]


FLOW = """
from longshore import flow
from sample_jobs import RemoteJob

open("imported", "a").close()


class Export(RemoteJob):
    pass


@flow
def exporting(url: str):
    return Export(url=url)(60.0)
"""


@pytest.fixture
def longshore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    command = Command(tmp_path)
    (tmp_path / "exports.py").write_text(FLOW)
    yield command
    command.end()


def test_the_command_finds_what_a_killed_run_left_and_ends_it(longshore: Command, server: JobServer) -> None:
    process = longshore.start("run", "exports.py", "--url", server.url)
    until(lambda: server.jobs())
    until(lambda: longshore.told("show", longshore.runs()[0]["run_id"])["steps"][0]["jobs"][0]["handle"])
    assert longshore("sweep").stdout == "nothing in other systems is without a run\n"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (longshore.folder / "imported").unlink()

    answer = longshore("sweep", "--end")
    assert answer.returncode == 1
    assert "cannot ask" in answer.stdout
    assert "name the file that defines it: --flow FILE" in answer.stdout
    assert not (longshore.folder / "imported").exists()

    lines = longshore("sweep", "--flow", "exports.py").stdout.splitlines()
    assert lines[1].split()[1:3] == ["Export", "running"]
    assert "1 job can be ended: longshore sweep --end --flow exports.py" in lines
    [swept] = longshore.told("sweep", "--end", "--flow", "exports.py")
    assert (swept["found"], swept["run_state"]) == ("was ended", "Crashed")
    assert [job["state"] for job in server.jobs()] == ["cancelled"]
    assert longshore("sweep", "--flow", "exports.py").stdout == "nothing in other systems is without a run\n"


def test_cancelling_a_killed_run_says_that_its_jobs_may_still_run(
    longshore: Command, server: JobServer
) -> None:
    store = SQLiteStore(longshore.store)
    Left(store, server, "crashed").add("export")
    store.claim("crashed", "token")
    store.write("crashed", "token", [RunChanged(state="Running", message="", time=3.0)])
    store.release("crashed", "token")
    store.close()
    answer = longshore("cancel", "crashed")
    assert answer.returncode == 0
    assert answer.stdout.splitlines()[1] == "1 job of it may still run: longshore sweep --end"
