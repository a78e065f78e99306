"""The outputs protocol: how programs that are not Python hand back results and progress.

A program finds `LONGSHORE_OUTPUTS` in its environment, the path of a file to which it may append lines:

    rows=336776                      a name and a string; the value is all that follows the first =
    {"rows": 336776, "ok": true}     one JSON object, which keeps the types

UTF-8, lines end with a newline, at most 1 MiB in all. A name begins with a letter or underscore and goes on
with those, digits, `.` and `-`; of two lines with one name the later counts. On standard output a line
`::progress 0.4 message` is progress. Nothing that a program writes is unpickled or evaluated.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, Self, cast

from longshore.errors import OutputsError
from longshore.secrets import redact

LIMIT: Final = 1024 * 1024
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_PROGRESS: Final = re.compile(
    r"::progress[ \t]+([0-9]*\.?[0-9]+(?:[eE]-?[0-9]+)?|[01]\.)(?:[ \t]+(.*))?", re.DOTALL
)
_LONGEST_QUOTE: Final = 200


class Outputs(dict[str, Any]):
    """What a program handed back, by name."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self)!r})"

    def __store__(self) -> list[dict[str, Any]]:
        """Return what a run store keeps of it: items and attributes."""
        return [dict(self), vars(self)]

    @classmethod
    def __restore__(cls, stored: list[dict[str, Any]]) -> Self:
        """Return what was stored."""
        items, attributes = stored
        made = cls(items)
        vars(made).update(attributes)
        return made


def parse_outputs(data: bytes, source: str) -> Outputs:
    """Read what a program wrote to its outputs file.

    Args:
        data: The file's content.
        source: What wrote it, for messages: "command ['dbt', 'run']".

    Raises:
        OutputsError: A line that is neither form, bytes that are not UTF-8, or more than 1 MiB.
    """
    if len(data) > LIMIT:
        raise OutputsError(
            f"cannot read the outputs of {source}: more than {LIMIT} bytes; write large results to a file "
            "and hand back its name"
        )
    outputs = Outputs()
    for number, raw in enumerate(data.split(b"\n"), start=1):
        if raw.strip():
            _read_line(outputs, raw, f"cannot read line {number} of the outputs of {source}")
    return outputs


def _read_line(outputs: Outputs, raw: bytes, problem: str) -> None:
    try:
        line = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise OutputsError(f"{problem}, {_quote(raw)}: byte {error.start} is not UTF-8") from None
    if line.startswith("{"):
        outputs.update(_object(line, raw, problem))
        return
    name, equals, value = line.partition("=")
    if not equals or not _NAME.fullmatch(name):
        raise OutputsError(f"{problem}, {_quote(raw)}: write name=value, or one JSON object")
    outputs[name] = value


def _object(line: str, raw: bytes, problem: str) -> dict[str, Any]:
    try:
        return cast("dict[str, Any]", json.loads(line))
    except RecursionError:
        raise OutputsError(f"{problem}, {_quote(raw)}: nested too deep") from None
    except ValueError as error:
        raise OutputsError(f"{problem}, {_quote(raw)}: not JSON ({error})") from None


def _quote(raw: bytes) -> str:
    """Show a line: masked first, then cut, so that no part of a secret is left."""
    shown = redact(raw.decode("utf-8", "backslashreplace"))
    return repr(shown if len(shown) <= _LONGEST_QUOTE else shown[:_LONGEST_QUOTE] + "...")


def parse_progress(line: str) -> tuple[float, str] | None:
    """Return the fraction and the message of a line `::progress 0.4 message`.

    Returns:
        None for any other line, and for a fraction that is not between 0 and 1.
    """
    found = _PROGRESS.fullmatch(line)
    if found is None:
        return None
    fraction = float(found[1])
    return (fraction, (found[2] or "").strip()) if 0.0 <= fraction <= 1.0 else None
