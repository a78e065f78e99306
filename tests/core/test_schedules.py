"""Schedules: the times of intervals, cron expressions and dates, also where the clocks are turned."""

from __future__ import annotations

import itertools
import pickle
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longshore import ConfigurationError, Cron, Dates, Interval, MissingExtraError, Schedule, flow
from longshore.schedules.interface import times_of

pytest.importorskip("cronsim", reason="needs longshore[schedules]")

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
SPRING = {BERLIN: (3, 29), NEW_YORK: (3, 8)}
AUTUMN = {BERLIN: (10, 25), NEW_YORK: (11, 1)}


def shown(schedule: Schedule, after: datetime, until: datetime) -> list[str]:
    """The times as the wall of the schedule's zone shows them, with the offset from UTC in hours."""
    return [
        f"{due.astimezone(schedule.zone):%d. %H:%M %z}"[:-2]
        for due in itertools.takewhile(lambda due: due < until, schedule.times(after))
    ]


def on_day(expression: str, zone: str, day: tuple[int, int]) -> list[str]:
    """What an expression gives in the first five hours of a day of 2026."""
    start = datetime(2026, *day, tzinfo=ZoneInfo(zone))
    schedule = Cron(expression, timezone=zone)
    return shown(schedule, start - timedelta(seconds=1), start.replace(hour=5).astimezone(UTC))


# In Berlin the clocks jump from 02:00 to 03:00 on 29 March 2026, in New York on 8 March.
JUMPS = [
    (BERLIN, "30 2 * * *", ["29. 03:00 +02"]),
    (BERLIN, "30 1 * * *", ["29. 01:30 +01"]),
    (BERLIN, "30 3 * * *", ["29. 03:30 +02"]),
    (BERLIN, "0 * * * *", ["29. 00:00 +01", "29. 01:00 +01", "29. 03:00 +02", "29. 04:00 +02"]),
    (
        BERLIN,
        "*/30 * * * *",
        [
            "29. 00:00 +01",
            "29. 00:30 +01",
            "29. 01:00 +01",
            "29. 01:30 +01",
            "29. 03:00 +02",
            "29. 03:30 +02",
            "29. 04:00 +02",
            "29. 04:30 +02",
        ],
    ),
    (BERLIN, "15 1,2,3 * * *", ["29. 01:15 +01", "29. 03:00 +02", "29. 03:15 +02"]),
    (BERLIN, "*/30 2 * * *", []),
    (NEW_YORK, "30 2 * * *", ["08. 03:00 -04"]),
    (NEW_YORK, "0 * * * *", ["08. 00:00 -05", "08. 01:00 -05", "08. 03:00 -04", "08. 04:00 -04"]),
    (NEW_YORK, "@daily", ["08. 00:00 -05"]),
]

# From 03:00 back to 02:00 on 25 October, in New York from 02:00 to 01:00 on 1 November.
REPEATS = [
    (BERLIN, "30 2 * * *", ["25. 02:30 +02"]),
    (BERLIN, "0 3 * * *", ["25. 03:00 +01"]),
    (
        BERLIN,
        "0 * * * *",
        [
            "25. 00:00 +02",
            "25. 01:00 +02",
            "25. 02:00 +02",
            "25. 02:00 +01",
            "25. 03:00 +01",
            "25. 04:00 +01",
        ],
    ),
    (
        BERLIN,
        "*/30 1-2 * * *",
        [
            "25. 01:00 +02",
            "25. 01:30 +02",
            "25. 02:00 +02",
            "25. 02:30 +02",
            "25. 02:00 +01",
            "25. 02:30 +01",
        ],
    ),
    (BERLIN, "15 1,2,3 * * *", ["25. 01:15 +02", "25. 02:15 +02", "25. 03:15 +01"]),
    (NEW_YORK, "30 1 * * *", ["01. 01:30 -04"]),
    (NEW_YORK, "30 2 * * *", ["01. 02:30 -05"]),
    (
        NEW_YORK,
        "0 * * * *",
        [
            "01. 00:00 -04",
            "01. 01:00 -04",
            "01. 01:00 -05",
            "01. 02:00 -05",
            "01. 03:00 -05",
            "01. 04:00 -05",
        ],
    ),
]


@pytest.mark.parametrize(("zone", "expression", "expected"), JUMPS)
def test_cron_where_an_hour_does_not_exist(zone: str, expression: str, expected: list[str]) -> None:
    assert on_day(expression, zone, SPRING[zone]) == expected


@pytest.mark.parametrize(("zone", "expression", "expected"), REPEATS)
def test_cron_where_an_hour_comes_twice(zone: str, expression: str, expected: list[str]) -> None:
    assert on_day(expression, zone, AUTUMN[zone]) == expected


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK])
@pytest.mark.parametrize("expression", ["30 2 * * *", "30 1 * * *", "0 0 * * *"])
def test_a_time_of_day_runs_once_on_each_day_of_the_year(zone: str, expression: str) -> None:
    start = datetime(2026, 1, 1, tzinfo=ZoneInfo(zone))
    schedule = Cron(expression, timezone=zone, start=start, end=start.replace(year=2027, month=1, day=1))
    days = [due.astimezone(schedule.zone).date() for due in schedule.times(start - timedelta(days=3))]
    assert days[:365] == [start.date() + timedelta(days=number) for number in range(365)]


def test_asking_in_the_second_of_two_equal_hours_never_answers_with_the_first() -> None:
    nightly = Cron("30 2 * * *", timezone=BERLIN)
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 02:30 in summer time
    assert nightly.next_after(first - timedelta(seconds=1)) == first
    for minutes in range(0, 120, 7):
        assert nightly.next_after(first + timedelta(minutes=minutes)) == datetime(
            2026, 10, 26, 1, 30, tzinfo=UTC
        )


WILD = st.sampled_from(["*", "*/5", "*/7", "*/30"])
MINUTES = st.one_of(WILD, st.integers(0, 59).map(str), st.sampled_from(["0,30", "10-20", "59"]))
HOURS = st.one_of(st.sampled_from(["*", "*/2", "*/5"]), st.integers(0, 23).map(str), st.just("1-3"))
DAYS = st.sampled_from(["* * *", "*/2 * *", "* 3,10,11 *", "* * 0", "* * mon-fri"])
AROUND = st.sampled_from([datetime(2026, 3, 7, 20), datetime(2026, 3, 28, 20), datetime(2026, 10, 24, 18)])


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([BERLIN, NEW_YORK, "UTC", "Asia/Kolkata"]),
    MINUTES,
    HOURS,
    DAYS,
    AROUND,
    st.integers(0, 600),
)
def test_cron_times_increase_and_none_is_skipped_or_made_up(
    zone: str, minute: str, hour: str, days: str, day: datetime, late: int
) -> None:
    """Compared with a look at each minute of fifteen hours."""
    schedule = Cron(f"{minute} {hour} {days}", timezone=zone)
    after = day.replace(tzinfo=UTC) + timedelta(minutes=late)
    until = after + timedelta(hours=15)
    found = list(itertools.takewhile(lambda due: due <= until, schedule.times(after)))
    assert all(a < b for a, b in itertools.pairwise(found))
    assert found == list(expected_minutes(schedule, after, until))


def expected_minutes(schedule: Cron, after: datetime, until: datetime) -> Iterator[datetime]:
    """Each minute of a stretch at which cron(8) would start the job."""
    minute, hour, rest = schedule.expression.split(maxsplit=2)
    wild = minute.startswith("*") or hour.startswith("*")
    moment = after
    while (moment := moment + timedelta(minutes=1)) <= until:
        wall = moment.astimezone(schedule.zone)
        walls = [wall]
        jumped = wall.utcoffset() - (moment - timedelta(minutes=1)).astimezone(schedule.zone).utcoffset()  # type: ignore[operator]
        if not wild and jumped > timedelta():
            walls += [wall - timedelta(minutes=back) for back in range(1, int(jumped.seconds / 60) + 1)]
        if not wild and wall.fold:
            walls = []
        if any(naive_match(minute, hour, rest, w.replace(tzinfo=None)) for w in walls):
            yield moment


def naive_match(minute: str, hour: str, rest: str, wall: datetime) -> bool:
    """Whether an expression names a time on a wall whose clock is never turned."""
    plain = Cron(f"{minute} {hour} {rest}").next_after(wall.replace(tzinfo=UTC) - timedelta(seconds=1))
    return plain == wall.replace(tzinfo=UTC)


@given(
    st.one_of(
        st.integers(1, 10**6),
        st.floats(0.001, 10**6),
        st.timedeltas(timedelta(milliseconds=1), timedelta(400)),
    ),
    st.datetimes(
        datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.sampled_from([UTC, ZoneInfo(BERLIN)])
    ),
)
def test_interval_times_are_one_interval_apart_and_the_first_is_not_late(
    every: float | timedelta, after: datetime
) -> None:
    schedule = Interval(every, timezone=BERLIN)
    step = every if isinstance(every, timedelta) else timedelta(seconds=every)
    found = list(itertools.islice(schedule.times(after), 4))
    assert timedelta() < found[0] - after.astimezone(UTC) <= step
    assert [b - a for a, b in itertools.pairwise(found)] == [step] * 3
    assert schedule.next_after(found[0] - timedelta(microseconds=1)) == found[0]


def test_an_interval_of_a_day_is_24_hours_also_where_the_clocks_are_turned() -> None:
    start = datetime(2026, 3, 28, 2, 30)
    daily = Interval(timedelta(days=1), timezone=BERLIN, start=start)
    assert shown(daily, datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC)) == [
        "28. 02:30 +01",
        "29. 03:30 +02",
        "30. 03:30 +02",
    ]


def test_an_interval_without_a_start_does_not_depend_on_when_the_program_began() -> None:
    assert Interval(3600).next_after(datetime(2026, 5, 1, 9, 14, 3, tzinfo=UTC)) == datetime(
        2026, 5, 1, 10, tzinfo=UTC
    )
    due = Interval(86400, timezone=NEW_YORK).next_after(datetime(2026, 1, 1, 12, tzinfo=UTC))
    assert due == datetime(2026, 1, 2, tzinfo=ZoneInfo(NEW_YORK))


@pytest.mark.parametrize(
    "make",
    [
        lambda **bounds: Cron("0 * * * *", timezone=BERLIN, **bounds),
        lambda **bounds: Interval(3600, timezone=BERLIN, **bounds),
        lambda **bounds: Dates([datetime(2026, 7, 1, hour) for hour in range(24)], timezone=BERLIN, **bounds),
    ],
)
def test_start_and_end_belong_to_the_times_and_are_read_in_the_schedules_zone(make: type[Schedule]) -> None:
    schedule = make(start=datetime(2026, 7, 1, 5), end=datetime(2026, 7, 1, 8))
    assert list(schedule.times(datetime(2026, 1, 1, tzinfo=UTC))) == [
        datetime(2026, 7, 1, hour, tzinfo=UTC) for hour in (3, 4, 5, 6)
    ]
    assert schedule.next_after(datetime(2026, 7, 1, 6, tzinfo=UTC)) is None


def test_dates_come_in_order_each_once_whatever_their_zones() -> None:
    noon = datetime(2026, 6, 1, 12)
    dates = Dates([noon, datetime(2026, 6, 1, 10, tzinfo=UTC), datetime(2026, 5, 1)], timezone=BERLIN)
    assert list(dates.times(datetime(2026, 1, 1, tzinfo=UTC))) == [
        datetime(2026, 4, 30, 22, tzinfo=UTC),
        datetime(2026, 6, 1, 10, tzinfo=UTC),
    ]


def test_several_schedules_give_their_times_in_one_order_each_with_its_own() -> None:
    night, noon = Cron("0 0 * * *", parameters={"full": True}), Cron("0 */12 * * *")
    found = list(itertools.islice(times_of([night, noon], datetime(2026, 1, 1, tzinfo=UTC)), 4))
    assert [(due.day, due.hour, schedule) for due, schedule in found] == [
        (1, 12, noon),
        (2, 0, night),
        (2, 0, noon),
        (2, 12, noon),
    ]


def test_an_expression_that_never_comes_gives_no_time() -> None:
    last_monday_on_the_1st_or_21st = Cron("0 0 */20 * 1L")
    assert last_monday_on_the_1st_or_21st.next_after(datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_parameters_may_be_made_from_the_time_a_run_is_due_in_the_schedules_zone() -> None:
    nightly = Cron("30 0 * * *", timezone=BERLIN, parameters=lambda due: {"day": due.date().isoformat()})
    due = nightly.next_after(datetime(2026, 7, 1, 12, tzinfo=UTC))
    assert due == datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    assert nightly.parameters_at(due) == {"day": "2026-07-02"}


def test_schedules_are_values() -> None:
    a, b = Cron("30 2 * * *", timezone=BERLIN), Cron("30 2 * * *", timezone=BERLIN)
    assert a == b
    assert hash(a) == hash(b)
    assert pickle.loads(pickle.dumps(a)).next_after(datetime(2026, 1, 1, tzinfo=UTC)) is not None
    assert Interval(60) != Interval(61)
    with pytest.raises(AttributeError):
        a.expression = "* * * * *"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Cron("61 * * * *"), ["'61 * * * *'", "minute"]),
        (lambda: Cron("0 30 2 * * *"), ["6 fields", "Interval(10)"]),
        (lambda: Cron("nightly"), ["1 fields", "minute, hour"]),
        (
            lambda: Cron("0 0 * * *", timezone="Europe/Berlni"),
            ["'Europe/Berlni'", "did you mean 'Europe/Berlin'?"],
        ),
        (lambda: Cron("0 0 * * *", timezone="../etc"), ["'../etc'", "IANA"]),
        (lambda: Interval(0), ["Interval(0)", "above 0"]),
        (lambda: Interval(float("nan")), ["Interval(nan)", "above 0"]),
        (lambda: Interval("hourly"), ["Interval('hourly')", "above 0"]),  # type: ignore[arg-type]
        (lambda: Dates([]), ["Dates([])", "at least one"]),
        (lambda: Dates(["2026-01-01"]), ["'2026-01-01'", "datetime("]),  # type: ignore[list-item]
        (lambda: Interval(1, start=datetime(2026, 2, 1), end=datetime(2026, 1, 1)), ["ends before"]),
        (lambda: Interval(1, parameters=3), ["parameters=3"]),  # type: ignore[arg-type]
        (lambda: Interval(1).next_after(datetime(2026, 1, 1)), ["no time zone", "tzinfo="]),
        (
            lambda: Interval(1, parameters=lambda due: 1 / 0).parameters_at(datetime.now(UTC)),
            ["ZeroDivisionError"],
        ),
    ],
)
def test_what_cannot_work_is_told_when_it_is_written(make: object, words: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make()  # type: ignore[operator]
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"schedule": "30 2 * * *"}, ["nightly", "Cron('30 2 * * *')"]),
        ({"schedule": [Interval(5), 3600]}, ["3600 is no schedule", "Interval(3600)"]),
        ({"overlap": "never"}, ["overlap='never'", "'queue', 'skip', 'together'"]),
        ({"missed": "some"}, ["missed='some'", "'last', 'all', 'none'"]),
    ],
)
def test_a_flow_refuses_what_is_no_schedule_and_no_rule(
    settings: dict[str, object], words: list[str]
) -> None:
    with pytest.raises(ConfigurationError) as caught:

        @flow(name="nightly", **settings)  # type: ignore[call-overload]
        def nightly() -> None: ...

    for word in words:
        assert word in str(caught.value)


def test_without_the_library_cron_says_what_to_install_and_intervals_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "cronsim", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'longshore\[schedules\]'"):
        Cron("30 2 * * *")
    assert Interval(1).next_after(datetime(2026, 1, 1, tzinfo=UTC)) is not None
