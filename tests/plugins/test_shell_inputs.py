"""Inputs reach a command byte for byte: never run, never an option, whatever they are made of."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from naughty_strings import NAUGHTY

from longshore_shell import (
    CommandInputError,
    Shell,
    ShellBytes,
    ShellLines,
    Subprocess,
    SubprocessBytes,
    SubprocessLines,
)
from longshore_shell.templates import fill_script, fill_words

plain_text = st.text(
    alphabet=st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=60
) | st.text(alphabet="'\"`$(){}\\; \n&|<>*?!#~-=ab", max_size=30)


def encoded(values: list[str]) -> bytes:
    return b"".join(value.encode("utf-8", "surrogateescape") + b"\0" for value in values)


SHOW = 'for value in "$@"; do printf "%s\\0" "$value"; done'
SHOW_ALL = "import os, sys\nfor value in sys.argv[1:]: sys.stdout.buffer.write(os.fsencode(value) + b'\\0')"


@pytest.mark.gate("P10")
def test_arguments_reach_every_kind_of_command_as_they_are(tmp_path: Path) -> None:
    assert ShellBytes(SHOW, cwd=tmp_path)(args=NAUGHTY) == encoded(NAUGHTY)
    assert ShellBytes(SHOW_ALL, interpreter="python3", cwd=tmp_path)(args=NAUGHTY) == encoded(NAUGHTY)
    show = SubprocessBytes(("python3", "-c", SHOW_ALL, "--"), cwd=tmp_path)
    assert show(args=NAUGHTY) == encoded(["--", *NAUGHTY])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.gate("P10")
def test_variables_reach_a_command_as_they_are(tmp_path: Path) -> None:
    env = {f"V{n}": value for n, value in enumerate(NAUGHTY)}
    names = " ".join(env)
    script = f'for name in {names}; do printf "%s\\0" "${{!name}}"; done'
    assert ShellBytes(script, cwd=tmp_path)(env=env) == encoded(NAUGHTY)
    assert list(tmp_path.iterdir()) == []


PLACES = [
    "printf -- '%s\\0' {x}",
    'printf "%s\\0" "{x}"',
    "printf '%s\\0' ''{x}",
    "v={x}; printf '%s\\0' \"$v\"",
    "printf '%s\\0' \"$(printf %s '{x}'; printf .)\" | head -c -2; printf '\\0'",
    "show() {{ printf -- '%s\\0' \"$1\"; }}; show {x}",
    "if true; then printf -- '%s\\0' {x}; fi # {x} isn't here",
    "echo \"it's\" > /dev/null; printf -- '%s\\0' {x}",
    "(printf -- '%s\\0' {x})",
    "cat <<< {x} | head -c -1; printf '\\0'",
]


def run_place(place: str, value: str, folder: Path) -> bytes:
    return ShellBytes(place, cwd=folder, allow_options=True)(values={"x": value})


@pytest.mark.gate("P10")
@pytest.mark.parametrize("place", PLACES)
def test_a_value_in_a_script_is_itself_in_every_kind_of_quotes(
    place: str, tmp_path: Path, gate_count: Callable[[int, int], int]
) -> None:
    values = NAUGHTY[:: gate_count(3, 1)]
    for value in values:
        assert run_place(place, value, tmp_path) == encoded([value]), value
    assert list(tmp_path.iterdir()) == []


@pytest.mark.gate("P10")
@settings(max_examples=60, deadline=None)
@given(value=plain_text, shell=st.sampled_from(["bash", "sh"]))
@example(value="'; touch pwned; '", shell="sh")
def test_any_value_in_a_script_is_itself(
    value: str, shell: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("values")
    task = ShellBytes(
        "printf -- '%s\\0' {x} \"{x}\" '{x}'", interpreter=shell, cwd=folder, allow_options=True
    )
    if shell == "sh":
        task = task.replace(script="printf '%s\\0' {x} \"{x}\" '{x}'")
    assert task(values={"x": value}) == encoded([value] * 3)
    assert list(folder.iterdir()) == []


quoted = st.sampled_from(
    [
        "'",
        '"',
        "`",
        "$(",
        ")",
        "(",
        " ",
        "\n",
        "\\",
        "#",
        "a",
        "{{",
        "}}",
        "{x}",
        ";",
        "<<",
        "$'",
        "((",
        "))",
        "$",
        "|",
    ]
)


@pytest.mark.gate("P10")
@settings(max_examples=150, deadline=None)
@given(pieces=st.lists(quoted, max_size=12))
def test_no_value_is_ever_run_however_odd_the_script(
    pieces: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Broken scripts may fail, and a misread quote may split a value into words; none is run."""
    folder = tmp_path_factory.mktemp("odd")
    evil = "'\"; touch pwned; $(touch pwned) `touch pwned` \n touch pwned #"
    with suppress(Exception):
        Shell("".join(pieces) or "true", strict=False, cwd=folder, timeout=10)(
            values={"x": evil} if "{x}" in pieces else {}
        )
    assert not (folder / "pwned").exists()


@pytest.mark.gate("P10")
def test_a_value_is_never_an_option_by_accident() -> None:
    for make in (
        lambda: Shell("grep {x} /dev/null")(values={"x": "-r"}),
        lambda: Shell('grep "{x}" /dev/null')(values={"x": "-r"}),
        lambda: Shell("grep '{x}' /dev/null")(values={"x": "-r"}),
        lambda: Shell("true; ls -- a; rm {x}")(values={"x": "-rf"}),
        lambda: Shell("grep {x}{y} /dev/null")(values={"x": "", "y": "-r"}),
        lambda: Shell("echo $(grep -- a; echo b) {x}")(values={"x": "-n"}),
        lambda: Subprocess(("grep", "{x}", "/dev/null"))(values={"x": "-r"}),
        lambda: Subprocess(("grep",))(args=("-r",)),
        lambda: Subprocess(("grep",))(args=(-1,)),
    ):
        with pytest.raises(
            CommandInputError, match=r"begins with '-'.*put '--' before it.*allow_options=True"
        ):
            make()


def test_a_value_that_is_no_option_where_it_stands_may_begin_with_a_dash() -> None:
    assert ShellLines("printf '%s\\n' a={x}; echo a -- {x}; y={x}; echo \"a$y\"")(values={"x": "-n"}) == [
        "a=-n", "a -- -n", "a-n",
    ]  # fmt: skip
    assert SubprocessLines(("echo", "a", "--", "{x}", "b{x}"))(values={"x": "-n"}) == ["a -- -n b-n"]
    assert SubprocessLines(("echo",), allow_options=True)(args=("-n", "a")) == ["a"]
    assert SubprocessLines(("echo", "a", "--"))(args=("-n",)) == ["a -- -n"]


@pytest.mark.gate("P10")
def test_a_nul_is_refused_wherever_it_cannot_go() -> None:
    for make in (
        lambda: Shell("true")(args=("a\0b",)),
        lambda: Shell("true")(env={"A": "a\0b"}),
        lambda: Shell("true")(env={"A\0B": "a"}),
        lambda: Shell("echo {x}")(values={"x": "a\0b"}),
        lambda: Shell("echo a\0b")(),
        lambda: Subprocess(("echo", "a\0b"))(),
        lambda: Subprocess(("echo",))(args=("a\0b",)),
    ):
        with pytest.raises(CommandInputError, match="holds a NUL"):
            make()
    assert SubprocessBytes(("cat",))(stdin="a\0b") == b"a\0b"


@pytest.mark.parametrize("name", ["", "A=B", "="])
def test_a_variable_without_a_proper_name_is_refused(name: str) -> None:
    with pytest.raises(CommandInputError, match="a name is not empty and has no '='"):
        Shell("true")(env={name: "x"})


def test_a_value_of_no_known_type_is_refused() -> None:
    with pytest.raises(CommandInputError, match="argument 1 is a list"):
        Shell("true")(args=(["a"],))  # type: ignore[arg-type, list-item]
    with pytest.raises(CommandInputError, match="environment variable 'A' is a bytes"):
        Shell("true")(env={"A": b"x"})  # type: ignore[dict-item]
    with pytest.raises(CommandInputError, match="lone surrogate"):
        Shell("true")(args=("\ud800",))


@pytest.mark.parametrize(
    ("script", "values", "message"),
    [
        ("echo {y}", {"x": "1"}, "no value for it"),
        ("echo {x}", {"x": "1", "y": "2"}, "no place {y}"),
        ("f() { echo {x}; }", {"x": "1"}, "line 1 has a brace that is not a place; double it"),
        ("echo ${x}", {"x": "1"}, "double the braces"),
        ("echo $((1 + {x}))", {"x": "1"}, "in arithmetic"),
        ("((1 + {x}))", {"x": "1"}, "in arithmetic"),
        ("echo $'{x}'", {"x": "1"}, r"in \$'...'"),
        ("cat <<E\n{x}\nE", {"x": "1"}, "after a here-document"),
    ],
)
def test_a_template_that_cannot_be_filled_safely_is_refused(
    script: str, values: dict[str, str], message: str
) -> None:
    with pytest.raises(CommandInputError, match=message):
        fill_script(script, values, allow_options=False)


@pytest.mark.parametrize(
    ("command", "values", "message"),
    [
        (("{x}",), {"x": "ls"}, "program to run cannot be a value"),
        (("ls", "{y}"), {"x": "1"}, "no value for it"),
        (("ls", "{x}"), {"x": "1", "y": "2"}, "no place {y}"),
        (("ls", "{x!r}"), {"x": "1"}, "not a plain name"),
        (("ls", "{x.y}"), {"x": "1"}, "not a plain name"),
        (("ls", "{x"), {"x": "1"}, "double it"),
    ],
)
def test_an_argument_vector_that_cannot_be_filled_is_refused(
    command: tuple[str, ...], values: dict[str, str], message: str
) -> None:
    with pytest.raises(CommandInputError, match=message):
        fill_words(command, values, allow_options=False)


def test_without_values_braces_mean_nothing() -> None:
    assert ShellLines("f() { echo ${1}{a,b}; }; f x")() == ["xa xb"]
    assert SubprocessLines(("echo", "{x}"))() == ["{x}"]


def test_values_are_refused_where_the_quoting_is_not_known() -> None:
    with pytest.raises(CommandInputError, match="cannot put values into a script for 'perl'"):
        Shell("print {x}", interpreter="perl")(values={"x": "1"})


@pytest.mark.gate("P10")
@settings(max_examples=100, deadline=None)
@given(first=plain_text, second=plain_text)
def test_each_word_of_a_filled_vector_is_one_argument(first: str, second: str) -> None:
    words = fill_words(("p", "a{x}b{{", "--", "{y}"), {"x": first, "y": second}, allow_options=False)
    assert words == ("p", f"a{first}b{{", "--", second)


def test_pairs_of_naughty_strings_do_not_help_each_other(
    tmp_path: Path, gate_count: Callable[[int, int], int]
) -> None:
    pairs = list(itertools.product(NAUGHTY, repeat=2))[:: gate_count(251, 1)]
    task = ShellBytes("printf -- '%s\\0' {x}{y} \"{x}{y}\"", cwd=tmp_path, allow_options=True)
    for x, y in pairs:
        assert task(values={"x": x, "y": y}) == encoded([x + y] * 2)
