"""The lines of the live view: one for each step that runs or has ended, and for what is logged."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from rich.text import Text

from longshore.secrets import redact
from longshore.states import (
    Cached,
    Cancelled,
    Failed,
    Mapped,
    Retrying,
    Running,
    Skipped,
    State,
    Success,
    TriggerFailed,
    utc_now,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longshore.nodes import Node
    from longshore.progress import Progress
    from longshore.runs import FlowRun

_WIDTH: Final = 28  # columns of a step's name
_WORDS: Final = (
    (Skipped, "skipped"),
    (Success, "succeeded"),
    (TriggerFailed, "not run"),
    (Failed, "failed"),
    (Cancelled, "cancelled"),
)


@dataclass(frozen=True)
class Marks:
    """The signs before a line."""

    done: str = "✓"
    skipped: str = "·"
    failed: str = "✗"
    retrying: str = "↻"
    running: str = "▸"
    says: str = "│"

    @classmethod
    def for_encoding(cls, encoding: str) -> Self:
        """Return signs that a terminal can show."""
        if encoding.lower().replace("-", "").startswith("utf"):
            return cls()
        return cls(done="+", skipped="-", failed="x", retrying="~", running=">", says="|")


@dataclass(frozen=True)
class Line:
    """One line: a mark, a name, what is said of it, and how it is coloured."""

    mark: str
    name: str
    rest: str
    style: str = ""
    faint: str = ""

    @classmethod
    def of_log(cls, step: str, level: int, message: str) -> Self:
        """Return the line of something that was logged."""
        style = "red" if level >= logging.ERROR else "yellow" if level >= logging.WARNING else "dim"
        return cls("says", step, message, style)

    @classmethod
    def of_transition(cls, label: str, level: int, text: str) -> Self:
        """Return the line of an attempt that failed."""
        failed = level >= logging.ERROR
        return cls("failed" if failed else "retrying", label, text, "red" if failed else "yellow")

    def text(self, marks: Marks) -> Text:
        """Return it for the terminal; a message of several lines is set under its first one."""
        text = Text(f"  {getattr(marks, self.mark)} ", style=self.style)
        text.append(f"{self.name:<{_WIDTH}} ", style="" if self.mark != "says" else "dim")
        first, *more = self.rest.splitlines() or [""]
        text.append(first, style=self.style)
        for line in more:
            text.append(f"\n{' ' * 6}{line}", style=self.style)
        if self.faint:
            text.append(f"  {self.faint}", style="dim")
        return text


def opening_lines(run: FlowRun) -> Text:
    """Return the lines that open a run: its name, its parameters, its id."""
    text = Text(run.name, style="bold", no_wrap=True, overflow="ellipsis")
    if run.parameters:
        given = " ".join(f"{name}={value}" for name, value in run.parameters.items())
        text.append(f"\n  {redact(' '.join(given.split()))}", style="not bold")
    text.append(f"\n  run {run.run_id}", style="not bold dim")
    return text


def closing_lines(run: FlowRun, marks: Marks) -> Text:
    """Return the lines that close a run: its state, how many steps ended how, and why it failed."""
    state, good = run.state, isinstance(run.state, Success)
    states = [run.states[node.name] for node in run.flow.steps]
    words = Counter(next((word for kind, word in _WORDS if isinstance(s, kind)), "not run") for s in states)
    shown = ", ".join(f"{count:,} {word}" for word, count in words.most_common())
    style, mark = ("bold green", marks.done) if good else ("bold red", marks.failed)
    text = Text(f"{mark} {run.name}  {type(state).__name__} in {run.duration:.2f} s", style=style)
    text.append(
        f"  {len(states):,} {'step' if len(states) == 1 else 'steps'}: {shown}", style="not bold default"
    )
    if not good and state.message:
        text.append(f"\n  {state.message}", style="not bold")
    return text


def ended_line(run: FlowRun, node: Node) -> Line | None:
    """Return the line of a step that has ended; None for one that failed, of which the log tells."""
    state = run.states[node.name]
    took = _took(run, node)
    if isinstance(state, TriggerFailed):
        return Line("skipped", node.name, f"not run: {state.message}", "dim")
    if isinstance(state, Failed):
        return None
    if isinstance(state, Cancelled):
        return Line("failed", node.name, _with_message(state, took), "magenta")
    if isinstance(state, Skipped):
        return Line("skipped", node.name, _with_message(state, ""), "dim")
    if state.time < run.started:
        return Line("done", node.name, "done before", "green")
    if isinstance(state, Mapped):
        return Line("done", node.name, f"{len(state.result):,} of {len(state.result):,}  {took}", "green")
    if isinstance(state, Cached):
        return Line("done", node.name, "cached", "green")
    return Line("done", node.name, took, "green")


def _took(run: FlowRun, node: Node) -> str:
    began, ended = run.timings[node.name]
    return f"{(ended - began).total_seconds():.2f} s" if began and ended else ""


def _with_message(state: State, took: str) -> str:
    return "  ".join(filter(None, [type(state).__name__, took, state.message]))


def running_line(run: FlowRun, node: Node, progress: Mapping[str, Progress]) -> Line:
    """Return the line of a step that runs, or waits for its next attempt."""
    state = run.states[node.name]
    began = run.timings[node.name][0]
    parts: list[str] = []
    if node.is_mapped:
        parts.append(_map_counts(run.mapped_states[node.name]))
    elif isinstance(state, Retrying):
        parts.append(f"waits for attempt {state.attempt + 1} of {_attempts(node)}")
    elif isinstance(state, Running) and state.attempt > 1:
        parts.append(f"attempt {state.attempt} of {_attempts(node)}")
    if node.name in progress:
        told = progress[node.name]
        percent = "" if told.fraction is None else f"{told.fraction:.0%}"
        parts.append(redact(f"{percent} {told}".strip()))
    if began is not None:
        parts.append(f"{(utc_now() - began).total_seconds():.1f} s")
    mark = "retrying" if isinstance(state, Retrying) else "running"
    return Line(mark, node.name, "  ".join(parts), "yellow" if mark == "retrying" else "cyan")


def _attempts(node: Node) -> str:
    if "retries" in node.waiting:  # a step's result says how many
        return "?"
    return str(node.task.retries + 1)


def _map_counts(states: tuple[State, ...]) -> str:
    counts = Counter(map(type, states))
    finished = sum(count for kind, count in counts.items() if issubclass(kind, Success | Failed | Cancelled))
    failed = sum(count for kind, count in counts.items() if issubclass(kind, Failed))
    retrying = counts[Retrying]
    parts = [f"{finished:,} of {len(states):,}"]
    parts += [f"{failed:,} failed"] if failed else []
    parts += [f"{retrying:,} retrying"] if retrying else []
    return ", ".join(parts)
