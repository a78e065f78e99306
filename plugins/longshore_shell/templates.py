"""Values in the place of `{name}`: in a script for a shell, and in an argument vector.

A value never becomes part of a script's text. It is assigned to a variable in the first line, quoted there,
and `{name}` becomes the expansion of that variable, written for the quotes in which it stands. So no value is
ever run; should this module misjudge the quotes of an unusual script, the value would be split into words,
not run.
"""

from __future__ import annotations

import re
import shlex
import string
from typing import TYPE_CHECKING, Final

from longshore import redact
from longshore_shell.errors import CommandInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TOKEN: Final = re.compile(
    r"""\{\{ | \}\} | \{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\} | [{}]      # places, and braces that are doubled
      | \\. | \$\(\( | \(\( | \)\) | \$\( | \$' | ['"`()\n#;|&] | <<<? | \s+ | [^\\$'"`()\s#;|&<{}]+ | .""",
    re.VERBOSE | re.DOTALL,
)
_ENDS_COMMAND: Final = frozenset(";|&(\n`")


class _Scanner:
    """Walks over a shell script and knows the quotes that each place stands in."""

    def __init__(self, script: str, values: Mapping[str, str], *, allow_options: bool) -> None:
        self._script = script
        self._values = values
        self._allow_options = allow_options
        self._inside: list[str] = []  # open quotes and brackets: ' " ` ( (( $' #
        self._out: list[str] = []
        self._word_begins = True
        self._options_ended = False
        self._here_document = False

    def fill(self) -> str:
        for token in _TOKEN.finditer(self._script):
            name = token["name"]
            if name is not None:
                self._place(name)
            elif token[0] in ("{", "}"):
                line = self._script.count("\n", 0, token.start()) + 1
                raise CommandInputError(
                    f"cannot fill the template: line {line} has a brace that is not a place; "
                    "double it, '{{' or '}}'"
                )
            else:
                self._out.append({"{{": "{", "}}": "}"}.get(token[0], token[0]))
                self._step(token[0])
        return "".join(self._out)

    @property
    def _quote(self) -> str:
        return self._inside[-1] if self._inside else ""

    def _step(self, word: str) -> None:
        quote = self._quote
        if quote in ("'", "$'"):
            self._word_begins = False
            if word == "'" or (quote == "'" and word[-1] == "'"):
                self._inside.pop()
        elif quote == "#":
            if "\n" in word:
                self._inside.pop()
                self._step_in_code("\n")
        elif quote == '"':
            self._step_in_double_quotes(word)
        else:
            self._step_in_code(word)

    def _step_in_double_quotes(self, word: str) -> None:
        self._word_begins = False
        if word == '"':
            self._inside.pop()
        elif word in ("$(", "$((", "`"):
            self._open(word)

    def _open(self, word: str) -> None:
        self._inside.append({"$(": "(", "$((": "(("}.get(word, word))
        self._word_begins, self._options_ended = True, False

    def _step_in_code(self, word: str) -> None:
        begins = self._word_begins
        if word == "\\\n":
            return
        self._word_begins = (
            (begins and word in ("'", '"', "$'")) or word.isspace() or word in _ENDS_COMMAND or word == "{{"
        )
        if word in _ENDS_COMMAND or ")" in word or "\n" in word:
            self._options_ended = False
        if word == "--" and begins:
            self._options_ended = True
        elif word == "<<" and self._quote != "((":
            self._here_document = True
        elif (word == "`" and self._quote == "`") or (word, self._quote) in ((")", "("), ("))", "((")):
            self._inside.pop()
        elif word == "))":  # the ends of two subshells, not of arithmetic
            for _ in range(2):
                if self._quote == "(":
                    self._inside.pop()
        elif word in ("'", '"', "`", "$'", "(", "$(", "((", "$((") or (word == "#" and begins):
            self._open(word) if word not in ("'", '"', "$'", "#") else self._inside.append(word)

    def _place(self, name: str) -> None:
        if name not in self._values:
            raise CommandInputError(
                f"the template has a place {{{name}}} and no value for it; give values={{'{name}': ...}}"
            )
        if self._out and self._out[-1] == "$":
            raise CommandInputError(
                f"${{{name}}} is the shell's; double the braces, '${{{{{name}}}}}', or drop the '$'"
            )
        quote = self._quote
        if self._here_document or quote in ("((", "$'"):
            where = {"((": "arithmetic", "$'": "$'...'"}.get(quote, "or after a here-document")
            raise CommandInputError(
                f"cannot put {{{name}}} in {where}: the shell does not quote there; use env="
            )
        variable = f"${{{variable_of(name)}}}"
        if quote == "#":
            return
        if self._word_begins and not self._allow_options and not self._options_ended:
            refuse_option(name, self._values[name])
        self._word_begins = self._word_begins and not self._values[name]
        forms = {'"': variable, "'": f"'\"{variable}\"'"}
        self._out.append(forms.get(quote, f'"{variable}"'))


def variable_of(name: str) -> str:
    """Return the shell variable that holds a value."""
    return f"longshore_value_{name}"


def fill_script(script: str, values: Mapping[str, str], *, allow_options: bool) -> str:
    """Put values in the places `{name}` of a script for a POSIX shell; `{{` and `}}` are braces.

    Raises:
        CommandInputError: A place without value or a value without place, a single brace, a place where a
            shell cannot quote, or a value that begins with `-` where it would be read as an option.
    """
    filled = _Scanner(script, values, allow_options=allow_options).fill()
    unused = [name for name in values if f"{{{name}}}" not in script]
    if unused:
        raise CommandInputError(f"the template has no place {{{unused[0]}}} for the value {unused[0]!r}")
    assignments = "; ".join(f"{variable_of(name)}={shlex.quote(value)}" for name, value in values.items())
    return f"{assignments}\n{filled}"


def fill_words(command: Sequence[str], values: Mapping[str, str], *, allow_options: bool) -> tuple[str, ...]:
    """Put values in the places `{name}` of an argument vector; each word stays one argument.

    Raises:
        CommandInputError: As for `fill_script`.
    """
    used: set[str] = set()
    words: list[str] = []
    for word in command:
        filled, names = _fill_word(word, values)
        if names and word.startswith("{") and not word.startswith("{{"):
            if not words:
                raise CommandInputError(f"the program to run cannot be a value: {redact(word)!r}")
            if not allow_options and "--" not in words:
                refuse_option(names[0], filled)
        used.update(names)
        words.append(filled)
    unused = [name for name in values if name not in used]
    if unused:
        raise CommandInputError(f"the command has no place {{{unused[0]}}} for the value {unused[0]!r}")
    return tuple(words)


def _fill_word(word: str, values: Mapping[str, str]) -> tuple[str, list[str]]:
    parts: list[str] = []
    names: list[str] = []
    try:
        parsed = list(string.Formatter().parse(word))
    except ValueError:
        raise CommandInputError(
            f"a brace in {redact(word)!r} is not a place; double it, '{{{{' or '}}}}'"
        ) from None
    for literal, name, spec, conversion in parsed:
        parts.append(literal)
        if name is None:
            continue
        if not name.isidentifier() or spec or conversion:
            raise CommandInputError(f"{redact(word)!r} has a place that is not a plain name; write {{name}}")
        if name not in values:
            raise CommandInputError(f"{redact(word)!r} has a place {{{name}}} and no value for it")
        names.append(name)
        parts.append(values[name])
    return "".join(parts), names


def refuse_option(name: str, value: str) -> None:
    """Refuse a value that a program would take for an option."""
    if value.startswith("-"):
        raise CommandInputError(
            f"{name!r} begins with '-', so the program would read it as an option; put '--' before it in the "
            "command, or set allow_options=True if it is one"
        )
