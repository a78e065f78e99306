"""What a detached job writes: in its log with times and streams, bounded, each line once; its progress."""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from detached_jobs import lines_of, new_key, open_gate, run_program, wait_for_end

from longshore import JobRunning
from longshore_shell import ShellJob

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="jobs need Linux")


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    return tmp_path / "state" / "jobs"


def test_lines_have_their_stream_and_the_time_when_they_came(jobs: Path) -> None:
    job = ShellJob("echo one; sleep 0.3; echo two >&2", jobs_folder=jobs)
    before = datetime.now(UTC)
    handle = job.submit(new_key())
    assert wait_for_end(job, handle) is None
    first, second = job.logs(handle, None)
    assert (first.text, first.stream, second.text, second.stream) == ("one", "stdout", "two", "stderr")
    assert first.time is not None
    assert second.time is not None
    assert before - timedelta(seconds=1) < first.time < second.time
    assert timedelta(seconds=0.2) < second.time - first.time < timedelta(seconds=5)
    assert list(job.logs(handle, first.cursor)) == [second]
    assert list(job.logs(handle, second.cursor)) == []


def test_a_line_shows_when_it_is_complete_and_each_line_once(jobs: Path, tmp_path: Path) -> None:
    job = ShellJob("printf 'one\\nhal'; cat fifo; echo f; printf last", jobs_folder=jobs, cwd=tmp_path)
    os.mkfifo(tmp_path / "fifo")
    handle = job.submit(new_key())
    seen: list[str] = []
    until = time.monotonic() + 15
    while not seen and time.monotonic() < until:
        seen = [line.cursor for line in job.logs(handle, None)]
        time.sleep(0.01)
    assert lines_of(job, handle) == ["one"]
    open_gate(tmp_path / "fifo")
    assert wait_for_end(job, handle) is None
    assert lines_of(job, handle, seen[-1]) == ["half", "last"]


@pytest.mark.gate("P3")
def test_any_bytes_are_logged_as_a_terminal_shows_them(jobs: Path) -> None:
    script = r"""
    printf '\377\376\200|\000|\303\244\n'
    printf 'crlf\r\n'; printf '\033[1mbold\033[0m\n'; printf '10%%\r50%%\r'; sleep 0.05; printf '100%%\n'
    printf '\303'; sleep 0.05; printf '\244\n\n'
    printf '1\r'; sleep 0.05; printf '2\r'; sleep 0.05; printf '3'
    """
    job = ShellJob(script, jobs_folder=jobs, output_file=jobs.parent / "out")
    handle = job.submit(new_key())
    assert wait_for_end(job, handle) is None
    assert lines_of(job, handle) == [
        "\\xff\\xfe\\x80|\0|ä",
        "crlf",
        "\x1b[1mbold\x1b[0m",
        "100%",
        "ä",
        "",
        "3",
    ]
    assert b"\xff\xfe\x80|\0|\xc3\xa4\ncrlf\r\n\x1b[1m" in (jobs.parent / "out").read_bytes()


def test_progress_is_told_and_not_logged(jobs: Path, tmp_path: Path) -> None:
    script = """
    echo a; echo ::progress 0.25 quarter; echo b; cat fifo; echo ::progress 0.5; cat fifo
    echo '::progress 2 much'; echo ::progress
    """
    job = ShellJob(script, jobs_folder=jobs, cwd=tmp_path)
    os.mkfifo(tmp_path / "fifo")
    handle = job.submit(new_key())
    for expected in (JobRunning(fraction=0.25, message="quarter"), JobRunning(fraction=0.5)):
        until = time.monotonic() + 15
        while job.poll(handle) != expected:
            assert time.monotonic() < until, job.poll(handle)
            time.sleep(0.01)
        open_gate(tmp_path / "fifo")
    assert wait_for_end(job, handle) is None
    assert lines_of(job, handle) == ["a", "b", "::progress 2 much", "::progress"]


@pytest.mark.gate("P1")
def test_a_flood_is_cut_in_the_middle_and_its_end_is_exact(jobs: Path, tmp_path: Path) -> None:
    script = "head -c 39500000 /dev/zero | tr '\\0' 0 | fold -w 79; echo; echo the end; cat fifo"
    job = ShellJob(script, jobs_folder=jobs, log_limit=1_000_000, cwd=tmp_path)
    os.mkfifo(tmp_path / "fifo")
    handle = job.submit(new_key())
    open_gate(tmp_path / "fifo")  # the whole flood has been taken by then
    assert wait_for_end(job, handle) is None
    assert (Path(handle["folder"]) / "log").stat().st_size < 1_000_000 + 80_000
    texts = lines_of(job, handle)
    mark = next(n for n, text in enumerate(texts) if text.endswith("bytes of the log left out]"))
    assert set(texts[:mark]) == {"0" * 79}
    assert set(texts[mark + 1 : -1]) == {"0" * 79}
    assert texts[-1] == "the end"
    assert [line.stream for line in job.logs(handle, None)][mark] == "log"
    assert job.result(handle).stdout_tail.endswith("0\nthe end\n")


@pytest.mark.gate("P1")
def test_a_line_of_100_mb_needs_little_memory_and_says_how_much_was_left_out(
    jobs: Path, tmp_path: Path
) -> None:
    job = ShellJob(
        "head -c 100000000 /dev/zero | tr '\\0' x; cat fifo; echo; echo next", jobs_folder=jobs, cwd=tmp_path
    )
    os.mkfifo(tmp_path / "fifo")
    handle = job.submit(new_key())
    open_gate(tmp_path / "fifo")
    watcher = json.loads((Path(handle["folder"]) / "start").read_text())["watcher"]
    peak = Path(f"/proc/{watcher}/status").read_text().partition("VmHWM:")[2].split()[0]
    assert int(peak) < 40_000
    assert wait_for_end(job, handle) is None
    first, second = lines_of(job, handle)
    assert first == "x" * 65536 + f" [{100_000_000 - 65536} bytes of this line left out]"
    assert second == "next"


@pytest.mark.gate("D5")
def test_a_full_disk_costs_the_log_and_not_the_result(jobs: Path) -> None:
    """A limit on the size of files makes the watcher's writes fail as a full disk does."""
    out = run_program(
        """
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        job = ShellJob("seq 100000; echo rows=3 >> $LONGSHORE_OUTPUTS; seq 3 >&2", jobs_folder=sys.argv[1])
        handle = job.submit(new_key())
        print(wait_for_end(job, handle), job.result(handle), job.result(handle).stderr_tail.split())
        print(len(lines_of(job, handle)) > 1000, job.result(handle).stdout_tail[-7:].strip())
        """,
        str(jobs),
    )
    assert out == "None CommandOutputs({'rows': '3'}) ['1', '2', '3']\nTrue 100000\n"
