"""How a state looks on a page: its colour by a class of the style sheet, and a sign that needs no colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from longshore import states
from longshore.histories import is_state
from longshore.reports.markup import Markup, element

if TYPE_CHECKING:
    from longshore.histories import StepHistory

# A kind comes before what it is a kind of.
_TONES: Final = (
    (states.Skipped, "off", "·"),
    (states.Success, "good", "✓"),
    (states.Unknown, "doubt", "?"),
    (states.TriggerFailed, "off", "⊘"),
    (states.Failed, "bad", "✗"),
    (states.Cancelled, "stopped", "■"),
    (states.Retrying, "doubt", "↻"),
    (states.Running, "going", "▸"),
)


def tone(state: str) -> str:
    """Return the class of a state's colour."""
    return next((name for kind, name, _ in _TONES if is_state(state, kind)), "idle")


def sign(state: str) -> str:
    """Return a state's sign."""
    return next((mark for kind, _, mark in _TONES if is_state(state, kind)), "○")


def badge(state: str) -> Markup:
    """Return a state's name in its colour."""
    return element("span", f"{sign(state)} {state}", class_=f"badge {tone(state)}")


def title(step: StepHistory) -> str:
    """Return a step's name; of a mapped one, with how many it expanded to."""
    name = step.record.step
    return f"{name} \u00d7 {len(step.children):,}" if step.children else name


def gist(step: StepHistory) -> str:
    """Return how many of a mapped step's came to what: `1,998 Success, 2 Failed`."""
    return ", ".join(f"{count:,} {state}" for state, count in step.counts().most_common())
