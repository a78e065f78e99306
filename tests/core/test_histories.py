"""What is told of recorded runs: attempts, values without their classes, quantities, what can be done."""

from __future__ import annotations

import enum
from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from longshore.errors import ConfigurationError
from longshore.histories import past_attempts, put_together, short_id
from longshore.quantities import duration, many, read_duration, size
from longshore.readings import as_plain, as_text, parameters_of, result_text
from longshore.remedies import next_lines
from longshore.stores.records import RunRecord, StepRecord, StoredResult, TransitionRecord
from longshore.stores.serializers import encode


class Speed(enum.Enum):
    SLOW = 1


@dataclass
class Flight:
    number: int
    day: date


def moves(*states: tuple[str, float]) -> list[TransitionRecord]:
    return [
        TransitionRecord(step="s", map_index=-1, attempt=1, state=state, message=f"at {time:g}", time=time)
        for state, time in states
    ]


def test_attempts_are_read_from_transitions() -> None:
    found = past_attempts(
        moves(("Pending", 0), ("Running", 1), ("Retrying", 2), ("Running", 5), ("Success", 7)), is_over=True
    )
    assert [(a.began, a.ended, a.state, a.message) for a in found] == [
        (1, 2, "Retrying", "at 2"),
        (5, 7, "Success", "at 7"),
    ]


def test_an_attempt_whose_end_nobody_saw_crashed_unless_the_run_goes_on() -> None:
    began = moves(("Running", 1))
    assert [a.state for a in past_attempts(began, is_over=True)] == ["Crashed"]
    assert [a.state for a in past_attempts(began, is_over=False)] == ["Running"]
    again = past_attempts(moves(("Running", 1), ("Running", 9), ("Success", 10)), is_over=True)
    assert [(a.state, a.ended) for a in again] == [("Crashed", None), ("Success", 10)]


def test_a_step_that_began_again_after_a_crash_took_the_time_since() -> None:
    record = StepRecord(step="s", state="Success", began=1.0, ended=1_010.0)
    again = moves(("Running", 1), ("Running", 1_000), ("Success", 1_010))
    run = RunRecord(run_id="r", flow="f", state="Success")
    [step] = put_together(run, [record], again, []).steps
    assert step.seconds == 10.0


def test_the_end_of_an_attempt_is_not_known_when_only_a_resumed_run_told_of_it() -> None:
    record = StepRecord(step="s", state="Unknown", began=1.0, ended=1_000.0)
    told = moves(("Running", 1), ("Unknown", 1_000))
    run_moves = [
        TransitionRecord(step="", map_index=-1, attempt=1, state="Running", message="", time=time)
        for time in (0.5, 999.0)
    ]
    run = RunRecord(run_id="r", flow="f", state="Failed")
    [step] = put_together(run, [record], [*run_moves, *told], []).steps
    assert [(a.state, a.ended) for a in step.attempts] == [("Unknown", None)]
    assert step.seconds is None


def test_a_mapped_step_took_from_the_first_beginning_to_the_last_end() -> None:
    records = [
        StepRecord(step="s", state="Mapped"),
        StepRecord(step="s", map_index=0, state="Success", began=5.0, ended=6.0),
        StepRecord(step="s", map_index=1, state="Success", began=3.0, ended=9.0),
    ]
    [step] = put_together(RunRecord(run_id="r", flow="f", state="Success"), records, [], []).steps
    assert step.seconds == 6.0


def test_a_damaged_fingerprint_leaves_the_steps_that_are_on_record() -> None:
    run = RunRecord(run_id="r", flow="f", fingerprint="{damaged", state="Success")
    [step] = put_together(run, [StepRecord(step="s")], [], []).steps
    assert (step.record.step, step.upstream) == ("s", ())


@pytest.mark.parametrize(
    ("state", "target", "lines"),
    [
        ("Running", "x", ["longshore logs 0a1b2c3d --follow", "longshore cancel 0a1b2c3d"]),
        ("Scheduled", "x", ["longshore cancel 0a1b2c3d"]),
        ("Success", "x", ["longshore report 0a1b2c3d -o run.html"]),
        ("Crashed", "x", ["longshore resume 0a1b2c3d"]),
        ("Cancelled", "", ["longshore resume 0a1b2c3d flows.py:name"]),
    ],
)
def test_what_can_be_done_next_follows_from_the_state(state: str, target: str, lines: list[str]) -> None:
    run = RunRecord(run_id="0a1b2c3d" * 4, flow="f", state=state, target=target)
    assert [line for line, _ in next_lines(put_together(run, [], [], []))] == lines


def test_steps_that_are_unknown_are_named_in_the_lines_to_paste_with_their_index() -> None:
    records = [
        StepRecord(step="post it", map_index=index, state=state)
        for index, state in ((-1, "Failed"), (0, "Success"), (1, "Unknown"))
    ]
    run = RunRecord(run_id="0a1b2c3d" * 4, flow="f", state="Failed", target="x")
    lines = [line for line, _ in next_lines(put_together(run, records, [], []), " --store r.db")]
    assert lines == [
        "longshore resume 0a1b2c3d --rerun 'post it[1]' --store r.db",
        "longshore resume 0a1b2c3d --accept 'post it[1]' --store r.db",
    ]


def test_an_id_is_short_when_it_is_a_uuid() -> None:
    assert short_id("0a1b2c3d" * 4) == "0a1b2c3d"
    assert short_id("nightly-2013-01-14T00:00:00+00:00") == "nightly-2013-01-14T00:00:00+00:00"


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ({"a": [1, 2.5, None, True, "x"]}, {"a": [1, 2.5, None, True, "x"]}),
        (date(2013, 1, 14), "2013-01-14"),
        (datetime(2013, 1, 14, 5, 6), "2013-01-14T05:06:00"),
        (datetime(2013, 1, 14, tzinfo=UTC), "2013-01-14T00:00:00+00:00"),
        (
            datetime(2013, 1, 14, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
            "2013-01-14T00:00:00-03:30",
        ),
        (datetime(2013, 1, 14, tzinfo=ZoneInfo("Europe/Berlin")), "2013-01-14T00:00:00[Europe/Berlin]"),
        (timedelta(minutes=2), 120.0),
        ((1, {2}), [1, [2]]),
        ({1: "a", (2, 3): "b"}, {"1": "a", "[2, 3]": "b"}),
        (Counter("aab"), {"a": 2, "b": 1}),
        (defaultdict(list, x=[1]), {"x": [1]}),
        (deque([1, 2], 5), [1, 2]),
        (Decimal("1.10"), "1.10"),
        (Path("a/b"), "a/b"),
        (b"12345", "<6 bytes>"),
        (Speed.SLOW, "SLOW"),
        (Flight(7, date(2013, 1, 1)), {"number": 7, "day": "2013-01-01"}),
        (10**700, 10**700),
        (float("nan"), "NaN"),
        ({"$type": "date"}, {"$type": "date"}),
    ],
    ids=repr,
)
def test_a_stored_value_is_read_without_its_class(value: Any, plain: Any) -> None:
    assert as_plain(encode(value)) == plain


def test_a_value_of_a_class_that_nobody_knows_here_is_shown() -> None:
    text = '{"$type":"dataclass","class":"gone:Flight","value":{"day":{"$type":"date","value":"2013-01-01"}}}'
    assert as_plain(text) == {"day": "2013-01-01"}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[" * 100_000, '{"$type":"datetime","value":7}', '{"$type":["x"],"value":7}', "no json"],
    ids=range(6),
)
def test_what_is_damaged_or_hostile_is_shown_as_it_can_be(text: str) -> None:
    assert isinstance(as_text(as_plain(text)), str)
    assert parameters_of(RunRecord(run_id="r", flow="f", parameters=text)).keys() <= {"$type", "value"}


def test_a_result_says_what_or_where_it_is_or_why_it_is_not() -> None:
    assert result_text(StoredResult(text='"two\\nlines"')) == "two\nlines"
    assert result_text(StoredResult(text='{"a":1}')) == '{\n "a": 1\n}'
    assert result_text(StoredResult(place="a/b.json", size=2048)) == "2.0 KiB in a/b.json"
    assert result_text(StoredResult(serializer="", place="it is a socket")) == "not stored: it is a socket"


def test_quantities_read_well() -> None:
    assert [duration(s) for s in (0.004, 59.99, 60, 3_599.6, 7_500, 200_000, None)] == [
        "0.00 s", "59.99 s", "1 min 00 s", "1 h 00 min", "2 h 05 min", "2 d 7 h", "-",
    ]  # fmt: skip
    assert [size(n) for n in (0, 1, 2048, 5 << 20, 3 << 30)] == [
        "0 bytes", "1 byte", "2.0 KiB", "5.0 MiB", "3.0 GiB",
    ]  # fmt: skip
    assert [many(1, "run"), many(2_000, "run")] == ["1 run", "2,000 runs"]


def test_durations_are_read_as_people_type_them() -> None:
    assert [read_duration(t) for t in ("30d", "12h", "2w", "90 m", "1d 12h", "0.5h")] == [
        30 * 86_400, 12 * 3_600, 14 * 86_400, 5_400, 36 * 3_600, 1_800,
    ]  # fmt: skip
    for wrong in ("", "30", "d", "30 days", "1x", "-5d"):
        with pytest.raises(ConfigurationError, match="write 30d, 12h, 2w, 90m or 45s"):
            read_duration(wrong)
