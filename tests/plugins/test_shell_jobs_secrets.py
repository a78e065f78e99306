"""A secret that a detached job is given lies nowhere on disk and in no argument vector; the job has it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from detached_jobs import lines_of, new_key, open_gate, wait_for_end, watchers_of

from longshore import Secret, register_secret
from longshore.redaction import isolated
from longshore_shell import ShellJob, SubprocessJob

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="jobs need Linux"),
    pytest.mark.gate("S1"),
]
CANARY = "canary-4f1d%c2' \"8e b7"
SECRET = Secret("env:LONGSHORE_CANARY")


@pytest.fixture(autouse=True)
def canary(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LONGSHORE_CANARY", CANARY)
    with isolated():
        yield


def sightings(folder: Path) -> list[str]:
    """The files below a folder, and the processes, that show the value."""
    files = [path for path in folder.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]
    found = [path.name for path in files]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if CANARY.encode() in path.read_bytes():
                found.append(str(path))
        except OSError:
            continue
    return found


def test_no_way_of_giving_a_secret_puts_it_on_disk_and_every_way_arrives(tmp_path: Path) -> None:
    script = """
    value="$(cat)"
    [ "$value" = "$GIVEN" ] && [ "$value" = {value} ] && [ "$value" = "$LONGSHORE_CANARY" ] && echo same
    echo "out $value"; echo "err $value" >&2; echo "::progress 0.5 $value"
    printf '%s' "${{value:0:9}}"; sleep 0.1; printf '%s\\n' "${{value:9}}"
    bash -xc 'true "$GIVEN"'
    head -c 65531 /dev/zero | tr '\\\\0' x; echo "$value"
    cat fifo; echo last; exit 3
    """
    os.mkfifo(tmp_path / "fifo")
    job = ShellJob(script, jobs_folder=tmp_path / "jobs", cwd=tmp_path, output_file=tmp_path / "out")
    handle = job.submit(new_key(), env={"GIVEN": SECRET}, stdin=SECRET, values={"value": SECRET})
    until = time.monotonic() + 15
    while len(lines_of(job, handle)) < 6 and time.monotonic() < until:
        assert sightings(tmp_path) == []
        time.sleep(0.02)
    assert sightings(tmp_path) == []
    open_gate(tmp_path / "fifo")
    failure = wait_for_end(job, handle)
    assert failure is not None
    assert sightings(tmp_path) == []
    texts = [text for text in lines_of(job, handle) if len(text) < 100]
    assert texts[:2] == ["same", "out ***"]
    assert {"err ***", "***", "last"} <= set(texts)
    assert (tmp_path / "out").exists()
    for text in (str(failure), repr(failure.log_tail), repr(vars(failure)), *lines_of(job, handle)):
        assert CANARY[:6] not in text


def test_a_secret_that_the_command_inherits_is_masked_in_its_log(tmp_path: Path) -> None:
    SECRET.get()
    job = ShellJob("env | grep ^LONGSHORE_CANARY=; echo rows=3 >> $LONGSHORE_OUTPUTS", jobs_folder=tmp_path)
    handle = job.submit(new_key())
    assert wait_for_end(job, handle) is None
    assert lines_of(job, handle) == ["LONGSHORE_CANARY=***"]
    assert job.result(handle).stdout_tail == "LONGSHORE_CANARY=***\n"
    assert sightings(tmp_path) == []


def test_a_script_with_a_secret_in_it_runs_from_memory(tmp_path: Path) -> None:
    register_secret("horse-battery")
    job = ShellJob('[ "$1" = a ] && cat <<< "horse-battery $0"', jobs_folder=tmp_path)
    handle = job.submit(new_key(), args=("a",))
    assert not (Path(handle["folder"]) / "script").exists()
    assert wait_for_end(job, handle) is None
    assert lines_of(job, handle) == ["*** /dev/fd/9"]


@pytest.mark.gate("P9")
def test_a_script_without_one_lies_in_a_private_file_until_the_end(tmp_path: Path) -> None:
    job = ShellJob("echo $0; sleep 0.1", jobs_folder=tmp_path)
    handle = job.submit(new_key())
    script = Path(handle["folder"]) / "script"
    assert script.stat().st_mode & 0o777 == 0o700
    assert wait_for_end(job, handle) is None
    assert lines_of(job, handle) == [str(script)]
    assert not script.exists()


def test_without_secrets_a_watcher_is_small(tmp_path: Path) -> None:
    job = SubprocessJob(("sleep", "300"), jobs_folder=tmp_path)
    handle = job.submit("k")
    [watcher] = watchers_of(tmp_path / "k")
    maps = Path(f"/proc/{watcher}/status").read_text()
    job.cancel(handle)
    assert int(maps.partition("VmRSS:")[2].split()[0]) < 20_000
    failure = wait_for_end(job, handle)
    assert failure is not None
    assert failure.reason == "cancelled"
