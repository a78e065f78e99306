"""A stream lets through what masking the whole would give, at any cut, and holds back little."""

from __future__ import annotations

import base64
import html
import json
import os
import urllib.parse
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longshore.redaction import StreamRedactor, isolated, redact, redact_bytes, register

SPELLINGS: list[Callable[[str], str]] = [
    str,
    urllib.parse.quote,
    urllib.parse.quote_plus,
    lambda text: base64.b64encode(text.encode()).decode(),
    lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    lambda text: base64.b64encode(f"user:{text}".encode()).decode(),
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    lambda text: repr(text)[1:-1],
    lambda text: repr(text.encode())[2:-1],
    lambda text: text.encode().hex(),
    lambda text: text.encode().hex().upper(),
    html.escape,
]

# No asterisks: a mask beside a piece of text could spell a secret that has some.
values = st.text(st.characters(exclude_characters="*", exclude_categories=["Cs"]), min_size=4, max_size=40)
narrow = st.text("ab", min_size=4, max_size=9)
secrets = st.lists(values.filter(lambda value: len(value.strip()) >= 4) | narrow, min_size=1, max_size=5)
noise = st.binary(max_size=12) | st.text("ab ", max_size=8).map(str.encode)


@pytest.fixture(autouse=True)
def own_redaction() -> Iterator[None]:
    with isolated():
        yield


@st.composite
def outputs(draw: st.DrawFn) -> tuple[list[str], bytes, list[int]]:
    """Draw secrets, a text with whole and cut forms of them, and places where to cut it."""
    registered = draw(secrets)
    form = st.builds(
        lambda value, spell: spell(value).encode(), st.sampled_from(registered), st.sampled_from(SPELLINGS)
    )
    piece = form | noise | st.builds(lambda whole, end: whole[:end], form, st.integers(0, 30))
    data = b"".join(draw(st.lists(piece, max_size=8)))
    return registered, data, sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))


def in_chunks(data: bytes, cuts: list[int]) -> bytes:
    stream = StreamRedactor()
    edges = [0, *cuts, len(data)]
    sent = [stream.feed(data[start:end]) for start, end in pairwise(edges)]
    return b"".join(sent) + stream.flush()


@pytest.mark.gate("S1")
@given(outputs())
def test_no_form_of_random_secrets_survives_random_chunks(drawn: tuple[list[str], bytes, list[int]]) -> None:
    registered, data, cuts = drawn
    with isolated():
        for value in registered:
            register(value)
        masked = in_chunks(data, cuts)
        assert masked == redact_bytes(data)
        shown = masked.decode("utf-8", "replace")
        assert [
            (value, spell(value)) for value in registered for spell in SPELLINGS if spell(value) in shown
        ] == []


@given(outputs())
def test_masking_twice_changes_no_more_than_masking_once(drawn: tuple[list[str], bytes, list[int]]) -> None:
    registered, data, _ = drawn
    with isolated():
        for value in registered:
            register(value)
        once = redact_bytes(data)
        assert redact_bytes(once) == once


@given(st.lists(st.text("ABCxyz019", min_size=4), max_size=5), st.text("αβγ \n|;^~日"), st.integers(1, 9))
def test_random_text_without_a_secret_passes_unchanged(registered: list[str], text: str, size: int) -> None:
    with isolated():
        for value in registered:
            register(value)
        assert redact(text) is text
        assert in_chunks(text.encode(), list(range(0, len(text.encode()), size))) == text.encode()


@given(st.lists(narrow, min_size=1, max_size=6), st.text("abc", max_size=80), st.integers(1, 7))
def test_overlapping_secrets_leave_nothing_of_any(registered: list[str], text: str, size: int) -> None:
    """Checked against the plain definition: a byte is masked where any value covers it."""
    with isolated():
        for value in registered:
            register(value)
        covered = [False] * len(text)
        for value in registered:
            for start in range(len(text)):
                if text.startswith(value, start):
                    covered[start : start + len(value)] = [True] * len(value)
        expected = "".join("*" if hidden else char for char, hidden in zip(text, covered, strict=True))
        while "**" in expected:
            expected = expected.replace("**", "*")
        assert (
            in_chunks(text.encode(), list(range(0, len(text), size))) == expected.replace("*", "***").encode()
        )


def test_a_secret_cut_at_any_byte_is_masked_once() -> None:
    secret = "horse-battery-日本"
    register(secret)
    data = f"before {secret} after".encode()
    for cut in range(len(data) + 1):
        assert in_chunks(data, [cut]) == b"before *** after"
    assert in_chunks(data, list(range(len(data)))) == b"before *** after"


def test_what_cannot_become_a_secret_is_not_held_back() -> None:
    register("horse-battery")
    stream = StreamRedactor()
    assert stream.feed(b"a line\n") == b"a line\n"
    assert stream.feed(b"a ho") == b"a "
    assert stream.feed(b"t day, hors") == b"hot day, "
    assert stream.feed(b"e-battery.") == b"***."
    assert stream.feed(b"horse") == b""
    assert stream.flush() == b"horse"
    assert stream.flush() == b""


def test_a_complete_line_is_never_held_back_while_no_secret_has_lines() -> None:
    register("horse-battery")
    stream = StreamRedactor()
    for line in (b"horse\n", b"horse-batter\n", b"\n"):
        assert stream.feed(line) == line


def test_a_secret_of_several_lines_is_masked_as_one_when_it_comes_line_by_line() -> None:
    register("first-line\nsecond-line\nx\nlast-line")
    stream = StreamRedactor()
    sent = [
        stream.feed(line) for line in (b"> first-line\n", b"second-line\n", b"x\n", b"last-line\n", b"end\n")
    ]
    assert b"".join(sent) == b"> ***\nend\n"


def test_at_most_255_bytes_are_held_back_even_of_a_long_secret() -> None:
    secret = "".join(chr(48 + index % 75) + chr(48 + index // 75) for index in range(2_000))
    register(secret)
    stream = StreamRedactor()
    sent = sum(len(stream.feed(bytes([byte]))) for byte in secret[: len(secret) // 2].encode())
    rest = len(stream.flush())
    assert rest <= 255
    assert sent + rest < 600


def test_the_longer_of_two_secrets_is_waited_for_and_the_shorter_masked_without_it() -> None:
    register("horse")
    register("horse-battery")
    assert in_chunks(b"horse-battery", [5]) == b"***"
    assert in_chunks(b"horse-bat", [5]) == b"***-bat"
    stream = StreamRedactor()
    assert stream.feed(b"horse") == b""
    assert stream.flush() == b"***"


def test_a_secret_registered_in_mid_stream_is_masked_from_then_on() -> None:
    stream = StreamRedactor()
    assert stream.feed(b"horse-battery 1\n") == b"horse-battery 1\n"
    register("horse-battery")
    assert stream.feed(b"horse-battery 2\n") == b"*** 2\n"


def test_a_secret_of_any_length_is_found_at_any_place() -> None:
    """Each width and stride of the index, chosen by the lengths of the forms."""
    for length in (4, 5, 7, 8, 10, 12, 15, 19, 23, 40, 300):
        with isolated():
            secret = base64.b64encode(os.urandom(length)).decode()[:length]
            register(secret)
            for place in range(70):
                data = b"." * (1000 + place) + secret.encode() + b"," * (100 - place)
                assert redact_bytes(data) == b"." * (1000 + place) + b"***" + b"," * (100 - place)
