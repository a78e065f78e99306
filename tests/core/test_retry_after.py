"""What a service says of when to come back is read in every form, and nonsense is nothing."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from longshore import parse_retry_after

WRITTEN = 1_445_412_480.0  # Wed, 21 Oct 2015 07:28:00 GMT


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("120", 120.0), ("0", 0.0), (" 5 ", 5.0), ("2.5", 2.5), ("1e3", 1000.0), ("86400", 86_400.0)],
)
def test_seconds_are_read(text: str, seconds: float) -> None:
    assert parse_retry_after(text) == seconds


@pytest.mark.parametrize(
    "text",
    [None, "", " ", "2026-01-02", "-1", "-0.5", "inf", "-inf", "nan", "soon", "²", "9" * 400, "5 s", "\0",
     "Wed", "Wed, 21 Oct 99999 07:28:00 GMT", "Wed, 99 Oct 2015 07:28:00 GMT",
     "Wed, 21 Oct 2015 07:28:00 +9999999"],
)  # fmt: skip
def test_what_cannot_be_read_and_what_is_negative_or_endless_says_nothing(text: str | None) -> None:
    assert parse_retry_after(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "Wed, 21 Oct 2015 07:28:30 GMT",
        "Wednesday, 21-Oct-15 07:28:30 GMT",
        "Wed Oct 21 07:28:30 2015",
        "Wed, 21 Oct 2015 07:28:30 -0000",
        "Wed, 21 Oct 2015 09:28:30 +0200",
    ],
)
def test_dates_are_read_in_all_their_forms(text: str) -> None:
    """Those of RFC 9110; one without a zone is in UTC, whatever the zone here is."""
    assert parse_retry_after(text, now=WRITTEN) == 30.0


def test_a_date_counts_from_the_time_here_unless_the_answer_tells_its_own() -> None:
    assert parse_retry_after(formatdate(time.time() + 100, usegmt=True)) == pytest.approx(100, abs=5)


def test_a_date_that_is_past_is_now() -> None:
    assert parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT", now=WRITTEN + 1) == 0.0
