"""Registered values are masked in text and bytes, all of them, by every thread and process that has them."""

from __future__ import annotations

import base64
import os
import threading
import time
from collections.abc import Iterator

import pytest

from longshore.redaction import (
    StreamRedactor,
    has_secrets,
    isolated,
    redact,
    redact_bytes,
    register,
    registered,
)


@pytest.fixture(autouse=True)
def own_redaction() -> Iterator[None]:
    with isolated():
        yield


def longest_run(secret: str, shown: str) -> int:
    """Return the length of the longest piece of the secret in the text."""
    best = 0
    for start in range(len(secret)):
        while start + best < len(secret) and secret[start : start + best + 1] in shown:
            best += 1
    return best


def test_with_nothing_registered_everything_passes_as_the_same_object() -> None:
    text, data = "horse" * 3, b"horse" * 3
    assert not has_secrets()
    assert redact(text) is text
    assert redact_bytes(data) is data
    stream = StreamRedactor()
    assert stream.feed(data) is data
    assert stream.flush() == b""


def test_text_without_secrets_passes_as_the_same_object() -> None:
    register("horse-battery")
    text, data = "nothing to see: horse, battery", b"\xff\xfe nothing"
    assert redact(text) is text
    assert redact_bytes(data) is data


def test_a_secret_that_begins_another_leaves_nothing_of_the_longer() -> None:
    register("horse")
    register("horse-battery")
    register("battery-staple")
    assert redact("horse horse-battery") == "*** ***"
    assert redact("horse-batter") == "***-batter"
    assert redact("a horse-battery-staple b") == "a *** b"


def test_neighbouring_secrets_share_one_mask() -> None:
    register("horse-battery")
    assert redact("horse-batteryhorse-battery.horse-battery") == "***.***"


@pytest.mark.parametrize("value", ["", "a", "abc", "🐎🔋x", "  \n\t  ", b"abc", "\n\n\n\n\n"])
def test_a_value_of_fewer_than_four_characters_is_not_registered(value: str | bytes) -> None:
    register(value)
    assert not has_secrets()


def test_white_space_around_a_value_is_not_masked() -> None:
    register("  horse-battery\n")
    assert redact("[  horse-battery\n]") == "[  ***\n]"


def test_bytes_that_are_no_text_are_masked_in_bytes_and_text() -> None:
    secret = b"\xff\x00horse\xfe\x80"
    register(secret)
    assert redact_bytes(b"<" + secret + b">") == b"<***>"
    assert redact(f"<{os.fsdecode(secret)}>") == "<***>"
    assert redact(f"<{secret.hex()} {base64.b64encode(secret).decode()} {secret!r}>") == "<*** *** b'***'>"
    assert redact_bytes("\ud800".encode("utf-8", "surrogatepass")) == b"\xed\xa0\x80"


def test_a_secret_of_bytes_inside_a_character_leaves_valid_text() -> None:
    register("馬電池馬".encode()[1:-1])
    assert redact("a馬電池馬b") == "a�***�b"


def test_text_with_lone_surrogates_is_kept_beside_a_mask() -> None:
    register("horse-battery")
    register("lone\udcffhorse \ud800")
    assert redact("\ud800 horse-battery \udcff") == "\ud800 *** \udcff"
    assert redact("a lone\udcffhorse \ud800.") == "a ***."


@pytest.mark.gate("S2")
def test_a_long_secret_leaves_no_six_characters_wherever_a_masked_text_is_cut() -> None:
    secret = "".join(chr(0x4E00 + index) for index in range(1000))
    register(secret)
    masked = redact(f"{'x' * 50}{secret}{'y' * 50}")
    assert masked == f"{'x' * 50}***{'y' * 50}"
    for cut in range(len(masked)):
        assert longest_run(secret, masked[:cut]) == longest_run(secret, masked[cut:]) == 0


def test_what_others_cut_from_a_long_secret_is_masked_by_pieces() -> None:
    secret = "".join(chr(33 + index * 41 % 89) + chr(48 + index // 89) for index in range(600))
    register(secret)
    assert len(redact(f"log {secret[:1000]}...")) < 300


@pytest.mark.gate("S3")
def test_ten_thousand_secrets_stay_exact() -> None:
    """It takes a third of a second to add them, and 6 to 15 µs a line; the bound tells only a hang."""
    values = [f"canary-{index:05d}-{index * 7919 % 100_003:05d}" for index in range(10_000)]
    started = time.process_time()
    for value in values:
        register(value)
    assert time.process_time() - started < 20
    for index in range(0, 10_000, 97):
        assert (
            redact(f"2013-01-01 canary-{index} {values[index]} canary-")
            == f"2013-01-01 canary-{index} *** canary-"
        )
    clean = f"{'2013-01-01 canary-00000-x loaded':<100}"
    assert redact(clean) is clean


def test_values_registered_by_many_threads_are_all_masked() -> None:
    def work(number: int) -> None:
        for index in range(50):
            value = f"thread-{number}-secret-{index}-{number * 50 + index:08x}"
            register(value)
            problems.extend([value] if redact(f"<{value}>") != "<***>" else [])

    problems: list[str] = []
    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_while_another_thread_registers_still_masks_and_registers() -> None:
    from longshore.redaction import values

    register("horse-battery")
    held = threading.Event()
    leave = threading.Event()

    def hold() -> None:
        with values._registry.lock:
            held.set()
            leave.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(30)
    child = os.fork()
    if child == 0:
        register("staple-correct")
        os._exit(0 if redact("horse-battery staple-correct") == "*** ***" else 1)
    leave.set()
    holder.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_isolation_begins_empty_and_puts_back_what_was_there() -> None:
    register("horse-battery")
    with isolated():
        assert not has_secrets()
        register("staple-correct")
        assert redact("horse-battery staple-correct") == "horse-battery ***"
    assert redact("horse-battery staple-correct") == "*** staple-correct"


def test_what_is_masked_here_can_be_masked_in_a_process_that_this_one_starts() -> None:
    assert registered() == set()
    register("horse-battery")
    register("abc")
    assert registered() == {"horse-battery"}
