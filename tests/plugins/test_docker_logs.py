"""The log of a container: each line once, both streams apart, none lost at the end, whatever is written."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from docker_engine import IMAGE, DockerEngine, new_key

from longshore import JobFinished, JobRunning, LogLine
from longshore_docker import DockerConnection, DockerRun
from longshore_docker.lines import LONGEST_LINE, LogReader

Start = Callable[..., tuple[DockerRun, dict[str, str]]]


@pytest.fixture
def start(docker: DockerEngine) -> Start:
    def begin(script: str, **fields: Any) -> tuple[DockerRun, dict[str, str]]:
        connection = DockerConnection(base_url=docker.url)
        task = DockerRun(IMAGE, command=("sh", "-c", script), connection=connection, **fields)
        return task, task.submit(new_key())

    return begin


def to_the_end(task: DockerRun, handle: dict[str, str], pause: float = 0.02) -> list[LogLine]:
    """Read the log as it comes, each time behind the last line."""
    lines: list[LogLine] = []
    end = time.monotonic() + 30
    while True:
        finished = isinstance(task.poll(handle), JobFinished)
        lines += task.logs(handle, lines[-1].cursor if lines else None)
        if finished:
            return lines
        assert time.monotonic() < end
        time.sleep(pause)


def test_every_line_of_both_streams_comes_once_with_the_engines_time(start: Start) -> None:
    began = datetime.now(UTC)
    script = """
    for i in $(seq 300); do echo out $i; echo err $i >&2; [ $((i % 40)) = 0 ] && sleep 0.05; done; printf end
    """
    lines = to_the_end(*start(script))
    for stream in ("stdout", "stderr"):
        texts = [line.text for line in lines if line.stream == stream]
        last = ["end"] if stream == "stdout" else []
        assert texts == [f"{stream[3:]} {i}" for i in range(1, 301)] + last
    for line in lines:
        assert line.time is not None
        assert timedelta(minutes=-1) < line.time - began < timedelta(minutes=1)


def test_a_log_goes_on_behind_any_of_its_lines(start: Start) -> None:
    task, handle = start("for i in 1 2 3 4 5; do echo o$i; echo e$i >&2; done; sleep 0.1; echo last")
    lines = to_the_end(task, handle)
    assert len(lines) == 11
    for number, line in enumerate(lines, 1):
        assert list(task.logs(handle, line.cursor)) == lines[number:]


def test_a_last_line_without_a_newline_is_never_lost(start: Start) -> None:
    for _ in range(3):
        assert [line.text for line in to_the_end(*start("echo first; printf last"))] == ["first", "last"]


def test_long_lines_strange_bytes_and_carriage_returns_arrive(start: Start) -> None:
    script = r"""
    head -c 1000000 /dev/zero | tr '\0' x; echo; head -c 3000000 /dev/zero | tr '\0' y; echo
    printf 'a\377b\r\n'; printf 'nul\0here\n'; printf '\n\n'; printf 'caf\303\251\n'
    """
    texts = [line.text for line in to_the_end(*start(script))]
    assert texts[0] == "x" * 1_000_000
    assert texts[1] == "y" * LONGEST_LINE + f" [{3_000_000 - LONGEST_LINE} bytes of this line left out]"
    assert texts[2] in ("a\ufffdb", "a\\xffb")
    assert texts[3:] == ["nul\0here", "", "", "café"]


def test_the_begin_of_a_long_line_waits_for_its_end(start: Start) -> None:
    script = "head -c 40000 /dev/zero | tr '\\0' x; echo between >&2; sleep 1.2; echo y; echo after"
    task, handle = start(script)
    lines = to_the_end(task, handle)
    assert [line.text for line in lines] == ["between", "x" * 40_000 + "y", "after"]


def test_a_terminal_joins_the_streams_and_long_lines_stay_whole(start: Start) -> None:
    script = "echo out; echo err >&2; head -c 50000 /dev/zero | tr '\\0' x; echo; printf end"
    texts = [line.text for line in to_the_end(*start(script, tty=True))]
    assert texts == ["out", "err", "x" * 50_000, "end"]


def test_lines_of_progress_are_progress_and_not_part_of_the_log(start: Start) -> None:
    task, handle = start("echo one; echo '::progress 0.4 half way'; sleep 1; echo two; exit 1")
    seen = []
    lines: list[LogLine] = []
    while isinstance(status := task.poll(handle), JobRunning):
        seen.append((status.fraction, status.message))
        lines += task.logs(handle, lines[-1].cursor if lines else None)
        time.sleep(0.02)
    lines += task.logs(handle, lines[-1].cursor if lines else None)
    assert [line.text for line in lines] == ["one", "two"]
    assert seen[0] == (None, "running")
    assert seen[-1] == (0.4, "half way")


def test_a_log_that_its_driver_does_not_keep_is_empty(start: Start) -> None:
    task, handle = start("echo gone; exit 3", host_config={"LogConfig": {"Type": "none"}})
    assert to_the_end(task, handle) == []
    status = task.poll(handle)
    assert isinstance(status, JobFinished)
    assert status.failure is not None
    assert str(status.failure).endswith("it wrote nothing")


# The reader by itself: what an engine sends, made by hand


def stamp(nanoseconds: int) -> bytes:
    whole, rest = divmod(1_700_000_000_000_000_000 + nanoseconds, 10**9)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z ".encode()


def sent(pieces: list[tuple[str, int, bytes]], since: str) -> bytes:
    """What an engine answers: the pieces that are not older."""
    seconds, _, rest = since.partition(".")
    after = int(seconds) * 10**9 + int(rest) - 1_700_000_000_000_000_000
    frames = b""
    for stream, nanoseconds, text in pieces:
        if nanoseconds >= after:
            data = stamp(nanoseconds) + text
            frames += bytes([1 if stream == "stdout" else 2, 0, 0, 0]) + len(data).to_bytes(4, "big") + data
    return frames


def chunks(data: bytes, moments: random.Random) -> Iterator[bytes]:
    while data:
        size = moments.randint(1, 50)
        yield data[:size]
        data = data[size:]


@pytest.mark.parametrize("seed", range(40))
def test_reading_in_any_portions_gives_each_line_once(seed: int) -> None:
    """Lines of several pieces, equal times, streams that lag behind each other by up to four seconds."""
    moments = random.Random(seed)
    clock = {"stdout": 0, "stderr": 0}
    pieces: list[tuple[str, int, bytes]] = []
    expected: dict[str, list[str]] = {"stdout": [], "stderr": []}
    texts: dict[str, str] = {"stdout": "", "stderr": ""}
    for number in range(120):
        stream = moments.choice(("stdout", "stdout", "stderr"))
        other = clock["stderr" if stream == "stdout" else "stdout"]
        step = moments.choice((0, 1, 1000, 900_000_000, 7_000_000_000))
        clock[stream] = max(clock[stream] + step, other - 4_000_000_000)
        ends = moments.random() < 0.7
        texts[stream] += f"<{number}>"
        pieces.append((stream, clock[stream], f"<{number}>".encode() + b"\n" * ends))
        if ends:
            expected[stream].append(texts[stream])
            texts[stream] = ""
    lines: list[LogLine] = []
    known = 0
    while known < len(pieces):
        known = min(len(pieces), known + moments.randint(1, 30))
        reader = LogReader(lines[-1].cursor if lines else None, tty=False)
        lines += reader.read(chunks(sent(pieces[:known], reader.since), moments), ended=False)
    assert reader.waits == any(texts.values())
    lines += reader.read(chunks(sent(pieces, reader.since), moments), ended=True)
    for stream, texts_of_stream in expected.items():
        last = [texts[stream]] if texts[stream] else []
        assert [line.text for line in lines if line.stream == stream] == texts_of_stream + last


def test_a_reader_asks_only_for_what_may_be_new() -> None:
    pieces = [("stdout", second * 10**9, b"line\n") for second in range(100)]
    reader = LogReader(None, tty=False)
    lines = list(reader.read([sent(pieces, reader.since)], ended=False))
    later = LogReader(lines[-1].cursor, tty=False)
    assert later.since == "1700000094.000000000"


def test_times_without_fractions_and_in_other_zones_are_read() -> None:
    data = b"2026-11-22T22:00:00+01:00 one\n2026-11-22T21:00:00.5Z two\nno time at all\n"
    one, two, three = LogReader(None, tty=True).read([data], ended=True)
    assert one.time == datetime(2026, 11, 22, 21, tzinfo=UTC)
    assert two.time == datetime(2026, 11, 22, 21, 0, 0, 500_000, tzinfo=UTC)
    assert (three.text, three.time) == ("no time at all", two.time)
