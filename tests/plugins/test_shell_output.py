"""What a command writes: streamed, masked, bounded, and never lost from what was asked for."""

from __future__ import annotations

import logging
import resource
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longshore import ConfigurationError, flow
from longshore.context import Attempt, active
from longshore.secrets import isolated, register
from longshore_shell import CommandFailed, Shell, ShellBytes, ShellLines, SubprocessBytes
from longshore_shell.linelogs import LONGEST_LINE
from longshore_shell.output import last_line
from longshore_shell.tails import TAIL_SIZE, Tail

MB = 1_000_000


class Records(logging.Handler):
    """Keeps what was logged, with its stream and time."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, str, float]] = []

    def emit(self, record: logging.LogRecord) -> None:
        stream = getattr(record, "stream", record.levelname)
        self.seen.append((stream, record.getMessage(), time.monotonic()))

    def lines(self, stream: str) -> list[str]:
        """The lines of one stream without their label."""
        found: list[str] = []
        for name, message, _ in self.seen:
            if name == stream:
                found += message.removeprefix(f"{stream}:")[1:].split("\n")
        return found


@pytest.fixture
def records() -> Iterator[Records]:
    log = logging.getLogger("longshore.task")
    handler, level = Records(), log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield handler
    log.removeHandler(handler)
    log.setLevel(level)


def test_lines_are_logged_as_they_come_with_the_name_of_their_stream(records: Records) -> None:
    Shell("echo a; echo b >&2; sleep 0.3; echo c")()
    assert {(stream, text) for stream, text, _ in records.seen} == {
        ("stdout", "stdout: a"), ("stderr", "stderr: b"), ("stdout", "stdout: c"),
    }  # fmt: skip
    times = {text: at for _, text, at in records.seen}
    assert times["stdout: c"] - times["stdout: a"] > 0.1


def test_lines_that_come_together_are_one_record(records: Records) -> None:
    Shell("seq 100")()
    assert records.lines("stdout") == [str(n) for n in range(1, 101)]
    assert len(records.seen) < 10


def test_a_quiet_level_and_none_log_nothing(records: Records) -> None:
    Shell("echo a", log_level="DEBUG")()
    Shell("echo a", log_level=None)()
    assert records.seen == []
    Shell("echo a", log_level=logging.ERROR)()
    assert len(records.seen) == 1


def test_of_a_progress_bar_only_the_latest_of_each_moment_is_logged(records: Records) -> None:
    Shell(
        r"printf '1%%\r2%%\r3%%\r'; sleep 0.3; printf '99%%\r100%%\r\n'; printf 'done\r'; "
        r"sleep 0.3; printf '\nend\n'"
    )()
    assert records.lines("stdout") == ["3%", "100%", "done", "end"]


def test_an_endless_line_is_cut_with_a_mark_that_says_how_much(records: Records) -> None:
    Shell("head -c 300000 /dev/zero | tr '\\0' x; echo; echo after")()
    first, second = records.lines("stdout")
    assert first == "x" * LONGEST_LINE + f" [{300_000 - LONGEST_LINE} bytes of this line left out]"
    assert second == "after"


def test_what_is_over_the_rate_is_counted_and_left_out_of_the_log_alone(
    records: Records, tmp_path: Path
) -> None:
    Shell("seq 200000", log_rate=100_000, output_file=tmp_path / "all", log_level="WARNING")()
    expected = "".join(f"{n}\n" for n in range(1, 200_001))
    assert (tmp_path / "all").read_text() == expected
    logged = sum(len(line) + 1 for line in records.lines("stdout"))
    [warning] = [text for stream, text, _ in records.seen if stream == "WARNING"]
    assert 0 < logged <= 200_000
    assert (
        warning
        == f"{len(expected) - logged} bytes of output were left out of the log; the output file has them"
    )


def test_without_a_rate_everything_is_logged_in_order(records: Records) -> None:
    Shell("seq 200000", log_rate=None)()
    assert records.lines("stdout") == [str(n) for n in range(1, 200_001)]


def test_progress_lines_become_progress_and_not_log(records: Records) -> None:
    heard: list[tuple[float | None, str]] = []

    token = active.set(Attempt("x", progress=lambda _, told: heard.append((told.fraction, told.message))))
    try:
        Shell("echo a; echo ::progress 0.4 half; echo '::progress 4 no'; echo ::progress 1; echo b").run()
    finally:
        active.reset(token)
    assert heard == [(0.4, "half"), (1.0, "")]
    assert records.lines("stdout") == ["a", "::progress 4 no", "b"]


@pytest.mark.gate("P2")
@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 4000), min_size=1, max_size=40))
def test_lines_are_the_same_wherever_the_writer_splits_them(cuts: list[int]) -> None:
    expected = [f"line {n} ümlaut" for n in range(1200)]
    script = f"""
        import os, sys
        data = "".join(f"line {{n}} ümlaut\\n" for n in range(1200)).encode()
        place = 0
        for size in {cuts!r} + [len(data)]:
            os.write(1, data[place:place + size]); place += size
    """
    assert ShellLines(textwrap.dedent(script), interpreter="python3")() == expected


@pytest.mark.gate("P2")
def test_a_million_lines_are_a_million_lines(gate_count: Callable[[int, int], int], records: Records) -> None:
    count = gate_count(300_000, 1_000_000)
    expected = [str(n) for n in range(1, count + 1)]
    assert (
        ShellLines(f"seq {count} | perl -e '$/ = \\7777; $| = 1; print while <>'", log_rate=None)()
        == expected
    )
    assert records.lines("stdout") == expected


@pytest.mark.gate("P3")
def test_bytes_that_are_no_text_are_shown_and_kept(records: Records) -> None:
    raw = b"\xff\xfe\x80 \0 \x1b[31mred\r\nlast \xc3"
    assert SubprocessBytes(("cat",))(stdin=raw) == raw
    assert records.lines("stdout") == ["\\xff\\xfe\\x80 \0 \x1b[31mred", "last \\xc3"]
    assert ShellLines("cat")(stdin=raw) == ["\\xff\\xfe\\x80 \0 \x1b[31mred", "last \\xc3"]


@pytest.mark.gate("P3")
def test_a_character_that_is_split_across_writes_is_whole(records: Records) -> None:
    Shell(r"printf 'a\303'; sleep 0.2; printf '\274b\n'")()
    assert records.lines("stdout") == ["aüb"]


@pytest.mark.gate("P1")
@pytest.mark.parametrize("what", ["no newline", "lines", "standard error", "both"])
def test_output_of_any_size_and_form_takes_little_memory(
    what: str, gate_count: Callable[[int, int], int], tmp_path: Path
) -> None:
    size = gate_count(100 * MB, 1 << 30)
    line = "x" * 79
    script = {
        "no newline": f"head -c {size} /dev/zero",
        "lines": f"yes {line} | head -c {size}",
        "standard error": f"yes {line} | head -c {size} >&2",
        "both": f"yes {line} | head -c {size // 2} & yes {line} | head -c {size // 2} >&2; wait",
    }[what]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = Shell(script, strict=False)()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < 64 * MB
    written = {"both": size // 2}.get(what, size)
    tail = result.stderr_tail if what == "standard error" else result.stdout_tail
    assert tail.startswith(f"[{written - TAIL_SIZE} bytes left out] ")
    content = "\0" * size if what == "no newline" else (line + "\n") * (TAIL_SIZE // 80 + 2)
    cut = written % 80 if what != "no newline" else 0
    content = content[: len(content) - 80 + cut] if cut else content
    assert tail.endswith(content[-TAIL_SIZE:])


@given(st.lists(st.binary(max_size=50), max_size=30), st.integers(1, 60))
def test_a_tail_is_exactly_the_end(chunks: list[bytes], size: int) -> None:
    tail = Tail(size)
    for chunk in chunks:
        if chunk:
            tail.add(chunk)
    whole = b"".join(chunks)
    assert (tail.data(), tail.total) == (whole[-size:], len(whole))


def test_a_tail_that_begins_within_a_character_leaves_its_rest_out() -> None:
    tail = Tail(4)
    tail.add("aüüü".encode())
    assert tail.text() == "[3 bytes left out] üü"
    tail.add(b"!")
    assert tail.text() == "[5 bytes left out] ü!"


@pytest.mark.parametrize(
    ("text", "expected"), [("", ""), ("a\nb\n\n \n", "b"), ("10%\r20%\r", "20%"), ("a\r\n", "a"), ("x", "x")]
)
def test_the_last_line_is_the_last_that_shows_something(text: str, expected: str) -> None:
    assert last_line(text) == expected


def test_an_output_file_has_both_streams_and_is_made_anew_by_each_attempt(tmp_path: Path) -> None:
    task = Shell("echo out; sleep 0.1; echo err >&2", output_file=tmp_path / "all")
    for _ in range(2):
        task()
        assert (tmp_path / "all").read_text() == "out\nerr\n"


def test_an_output_file_has_its_places_filled_and_mapped_calls_need_their_own(tmp_path: Path) -> None:
    @flow
    def mapped() -> None:
        Shell("echo $1", name="good", output_file=tmp_path / "{step}-{map_index}-{attempt}").map(
            args=[("a",), ("b",)]
        )
        Shell("echo $1", name="bad", output_file=tmp_path / "one").map(args=[("a",), ("b",)])

    run = mapped.run()
    assert [(tmp_path / f"good-{n}-1").read_text() for n in (0, 1)] == ["a\n", "b\n"]
    error = run.mapped_states["bad"][0].error
    assert isinstance(error, ConfigurationError)
    assert "{map_index}" in str(error)


def test_an_output_file_that_cannot_be_written_ends_the_command() -> None:
    with pytest.raises(OSError, match="cannot write the output file: No space left") as caught:
        Shell("yes", output_file="/dev/full")()
    assert caught.value.filename == "/dev/full"


@pytest.mark.gate("S1")
def test_a_secret_in_the_output_is_masked_in_log_tail_error_and_file(
    records: Records, tmp_path: Path
) -> None:
    secret = "s3cr3t-canary-of-24-char"
    with isolated():
        register(secret)
        task = Shell(
            'cat; echo "$T" >&2; printf "%s" "${T:0:9}"; sleep 0.2; echo "${T:9}"; exit 3',
            output_file=tmp_path / "f",
        )
        with pytest.raises(CommandFailed) as caught:
            task(env={"T": secret}, stdin=f"x {secret} y\n")
        seen = [
            *(text for _, text, _ in records.seen),
            (tmp_path / "f").read_text(),
            repr(vars(caught.value)),
            str(caught.value),
        ]
    assert not any(secret[i : i + 6] in text for text in seen for i in range(len(secret) - 5))
    assert "x *** y" in (tmp_path / "f").read_text()
    assert "x *** y" in records.lines("stdout")


@pytest.mark.gate("S2")
def test_a_secret_across_a_cut_leaves_no_part_of_itself(records: Records) -> None:
    secret = "s3cr3t-canary-of-24-char"
    with isolated():
        register(secret)
        for shift in (0, 1, 7, 20, 23, 24):
            before = "x" * (LONGEST_LINE - shift)
            after = "y" * (TAIL_SIZE - shift)
            result = Shell("cat")(stdin=f"{before}{secret}{after}\n")
            seen = [*(text for _, text, _ in records.seen), result.stdout_tail]
            assert not any(secret[i : i + 6] in text for text in seen for i in range(len(secret) - 5))
        with pytest.raises(CommandFailed) as caught:
            Shell("cat; exit 1")(stdin="z" * 190 + secret + "z" * 190)
        assert secret[:6] not in str(caught.value)
        assert secret[-6:] not in str(caught.value)


def test_a_result_is_data_and_is_not_masked() -> None:
    with isolated():
        register("a-token-that-was-issued")
        assert ShellBytes("cat")(stdin="a-token-that-was-issued") == b"a-token-that-was-issued"
