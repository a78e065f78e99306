"""What can be done next with a recorded run, as lines to type."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from longshore.histories import is_state, short_id
from longshore.redaction import redact
from longshore.states import Pending, Running, Success

if TYPE_CHECKING:
    from longshore.histories import RunHistory


def next_lines(history: RunHistory, store: str = "") -> list[tuple[str, str]]:
    """Return what can be done next with a run: lines to type, and what each is for.

    Args:
        history: The run.
        store: The option that names its store, with a space before it; nothing for the usual one.
    """
    state, run = history.run.state, shlex.quote(short_id(history.run.run_id))
    if is_state(state, Running):
        return [
            (f"longshore logs {run} --follow{store}", "see what it says"),
            (f"longshore cancel {run}{store}", "end it"),
        ]
    if is_state(state, Pending):
        return [(f"longshore cancel {run}{store}", "take it off the list")]
    if is_state(state, Success):
        return [(f"longshore report {run} -o run.html{store}", "a page of it")]
    return _resuming(history, run, store)


def _resuming(history: RunHistory, run: str, store: str) -> list[tuple[str, str]]:
    resume = f"longshore resume {run}{'' if history.run.target else ' flows.py:name'}"
    unknown = [shlex.quote(redact(label)) for label in history.unknown()]
    if not unknown:
        return [(f"{resume}{store}", "run what has not succeeded")]
    rerun, accept = ("".join(f" --{word} {label}" for label in unknown) for word in ("rerun", "accept"))
    return [
        (f"{resume}{rerun}{store}", "when what is Unknown did not happen"),
        (f"{resume}{accept}{store}", "when it did"),
    ]
