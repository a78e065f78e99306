"""The outputs protocol: what programs hand back, and how bad lines are refused."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longshore import Outputs, OutputsError, parse_outputs, parse_progress
from longshore.secrets import isolated, register


def test_a_name_and_value_is_a_string_whatever_it_looks_like() -> None:
    assert parse_outputs(b"rows=12\nempty=\nurl=a=b?c={d}\n", "x") == {
        "rows": "12",
        "empty": "",
        "url": "a=b?c={d}",
    }


def test_an_object_keeps_the_types() -> None:
    assert parse_outputs(b'{"rows": 12, "ok": true, "list": [1.5, null]}\n', "x") == {
        "rows": 12,
        "ok": True,
        "list": [1.5, None],
    }


def test_of_two_lines_with_one_name_the_later_counts() -> None:
    assert parse_outputs(b'a=1\n{"a": 2}\nb=x\nb=y', "x") == {"a": 2, "b": "y"}


def test_blank_lines_and_no_lines_are_fine() -> None:
    assert parse_outputs(b"", "x") == {}
    assert parse_outputs(b"\n\na=1\n \n", "x") == {"a": "1"}


@given(
    name=st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,20}", fullmatch=True),
    value=st.text(alphabet=st.characters(blacklist_characters="\n", blacklist_categories=["Cs"])),
)
def test_every_value_without_a_newline_comes_back_as_it_was(name: str, value: str) -> None:
    assert parse_outputs(f"{name}={value}\n".encode(), "x") == {name: value}


@given(
    st.dictionaries(
        st.text(), st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5)
    )
)
def test_every_object_comes_back_as_it_was(values: dict[str, object]) -> None:
    assert parse_outputs(json.dumps(values).encode() + b"\n", "x") == values


@pytest.mark.parametrize(
    "line",
    [b"no equals sign", b"1st=digit", b" a=leading space", b"=value", b"a b=space", b'["list"]', b"a\x00b=1"],
)
def test_a_line_of_neither_form_is_an_error_that_quotes_it(line: bytes) -> None:
    with pytest.raises(OutputsError, match="line 2 of the outputs of command") as caught:
        parse_outputs(b"a=1\n" + line + b"\n", "command ['x']")
    assert repr(line.decode()) in str(caught.value)


def test_bytes_that_are_not_utf8_are_an_error_that_shows_them() -> None:
    with pytest.raises(OutputsError, match=r"byte 2 is not UTF-8") as caught:
        parse_outputs(b"a=\xff\n", "x")
    assert r"\xff" in str(caught.value)


@pytest.mark.gate("S10")
@pytest.mark.parametrize("line", [b"{" * 100_000, b'{"a":' * 50_000 + b"1" + b"}" * 50_000, b'{"a": 1'])
def test_broken_and_deep_json_is_an_error_and_no_crash(line: bytes) -> None:
    with pytest.raises(OutputsError, match="line 1") as caught:
        parse_outputs(line, "x")
    assert len(str(caught.value)) < 500


def test_more_than_a_mebibyte_is_refused() -> None:
    assert parse_outputs(b"a=" + b"x" * (1024 * 1024 - 2), "x")["a"].startswith("xxx")
    with pytest.raises(OutputsError, match="more than 1048576 bytes"):
        parse_outputs(b"a=" + b"x" * (1024 * 1024 - 1), "x")


@pytest.mark.gate("S2")
def test_a_secret_across_the_cut_of_a_quoted_line_is_masked_first() -> None:
    secret = "correct-horse-battery-staple"
    with isolated():
        register(secret)
        for shift in range(len(secret) + 2):
            line = "bad " + "x" * (196 - shift) + secret
            with pytest.raises(OutputsError) as caught:
                parse_outputs(line.encode(), "x")
            assert not any(secret[i : i + 6] in str(caught.value) for i in range(len(secret) - 5))


def test_outputs_copy_pickle_and_compare_like_the_dict_they_are() -> None:
    outputs = parse_outputs(b"a=1\n", "x")
    assert type(outputs) is Outputs
    assert repr(outputs) == "Outputs({'a': '1'})"
    for twin in (copy.deepcopy(outputs), pickle.loads(pickle.dumps(outputs))):
        assert (type(twin), twin) == (Outputs, {"a": "1"})


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("::progress 0.4 half way there", (0.4, "half way there")),
        ("::progress 1", (1.0, "")),
        ("::progress .5", (0.5, "")),
        ("::progress 0 ", (0.0, "")),
        ("::progress 1.  done ", (1.0, "done")),
        ("::progress 40 percent", None),
        ("::progress nan x", None),
        ("::progress -0.1", None),
        ("::progress", None),
        ("::progressive 0.4", None),
        (" ::progress 0.4", None),
    ],
)
def test_a_progress_line_has_a_fraction_and_a_message(line: str, expected: tuple[float, str] | None) -> None:
    assert parse_progress(line) == expected
