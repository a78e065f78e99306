"""The page of a recorded run: one file that asks nobody for anything."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from longshore.entrypoints import own_version
from longshore.quantities import clock, duration, many
from longshore.readings import as_text, parameters_of
from longshore.remedies import next_lines
from longshore.reports import details
from longshore.reports.graphs import draw
from longshore.reports.markup import Child, Markup, element, join
from longshore.reports.timelines import timeline
from longshore.reports.tones import badge, sign, tone

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from longshore.announcements import Announcement
    from longshore.histories import RunHistory
    from longshore.stores.records import LogRecord

_WIDE: Final = 1150
"""Points beyond which a graph is scrolled, and begins at the left."""


@dataclass(frozen=True)
class Report:
    """What a page tells of.

    Attributes:
        history: The run.
        logs: What is kept of its log.
        now: When it is told, in seconds since 1970.
        store: The option that names the store in lines to paste; nothing for the usual one.
        alerts: What channels were told of it.
    """

    history: RunHistory
    logs: Sequence[LogRecord]
    now: float
    store: str = ""
    alerts: Sequence[Announcement] = ()
    anchors: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        names = (step.record.step for step in self.history.steps)
        object.__setattr__(self, "anchors", {name: f"step-{n}" for n, name in enumerate(names, 1)})


def write_page(report: Report) -> str:
    """Return the page as the text of one HTML file.

    Everything that came out of the run is escaped. The style and the script stand in the page and its policy
    names them by their digests, so that nothing else runs and nothing is fetched.
    """
    style, script = _asset("page.css"), _asset("page.js")
    policy = (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    run = report.history.run
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", f"{sign(run.state)} {run.name or run.flow}"),
        element("style", Markup(style)),
    )
    body = element("body", *_parts(report), element("script", Markup(script)))
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _asset(name: str) -> str:
    return (files("longshore.reports") / name).read_text("utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _parts(report: Report) -> Iterator[Child]:
    history = report.history
    yield element("header", *_header(history))
    yield _shares(history)
    yield element("main", *_sections(report))
    yield element(
        "footer", f"Longshore {own_version() or ''}, {clock(report.now)}; times are those of this machine"
    )


def _sections(report: Report) -> Iterator[Child]:
    history = report.history
    yield from _section("What can be done next", _next(report))
    yield from _section("What went wrong", details.failures(history, report.anchors))
    drawing = draw(history.steps, report.anchors)
    if drawing is not None:
        wide = " wide" if _width(drawing) > _WIDE else ""
        yield from _section("Graph", element("div", drawing, class_=f"card scroll{wide}"))
    times = timeline(history, report.anchors, report.now)
    yield from _section("Timeline", element("div", times, class_="card") if times else None)
    yield from _section("Steps", _steps(report))
    yield from _section("Alerts", details.announcements(report.alerts))
    yield from _section("Log", details.whole_log(report.logs))


def _width(drawing: Markup) -> float:
    return float(drawing.partition('width="')[2].partition('"')[0])


def _section(title: str, content: Child) -> Iterator[Markup]:
    if content:
        yield element("section", element("h2", title), content)


def _header(history: RunHistory) -> Iterator[Child]:
    run = history.run
    yield element("h1", run.name or run.flow)
    yield badge(run.state)
    if run.message:
        yield element("p", run.message, class_=f"verdict {tone(run.state)}")
    facts = [element("div", element("dt", name), element("dd", value)) for name, value in _facts(history)]
    yield element("dl", *facts)


def _facts(history: RunHistory) -> Iterator[tuple[str, str]]:
    run = history.run
    yield "run", run.run_id
    if run.name and run.name != run.flow:
        yield "flow", run.flow
    if run.started is not None:
        yield "started", clock(run.started)
    if run.started is not None and run.ended is not None:
        yield "ended", clock(run.ended)
        yield "took", duration(run.ended - run.started)
    if run.tries > 1:
        yield "started or resumed", many(run.tries, "time")
    if run.schedule:
        yield "schedule", run.schedule
    if run.tags:
        yield "tags", ", ".join(run.tags)
    if run.target:
        yield "from", run.target
    for name, value in parameters_of(run).items():
        yield f"parameter {name}", as_text(value)


def _shares(history: RunHistory) -> Child:
    """Return how many steps came to what, as one bar and its legend."""
    counts: dict[str, int] = {}
    for step in history.steps:
        counts[step.record.state] = counts.get(step.record.state, 0) + 1
    left, bars = 0.0, list[Markup]()
    for state, count in counts.items():
        share = 100 * count / len(history.steps)
        x, width = f"{left:.3f}%", f"{share:.3f}%"
        bars.append(element("rect", x=x, width=width, height=10, class_=tone(state)))
        left += share
    legend = [element("li", badge(state), f" {count:,}") for state, count in counts.items()]
    if not bars:
        return None
    return join(element("svg", *bars, class_="share", height=10), element("ul", *legend, class_="legend"))


def _next(report: Report) -> Markup:
    lines = next_lines(report.history, report.store)
    return element("div", *(element("pre", f"{line}  # {why}") for line, why in lines))


def _steps(report: Report) -> Child:
    if not report.history.steps:
        return None
    logs: dict[str, list[LogRecord]] = {}
    for line in report.logs:
        logs.setdefault(line.step, []).append(line)
    told = [
        details.step_details(step, report.anchors[step.record.step], logs.get(step.record.step, []))
        for step in report.history.steps
    ]
    tools = element(
        "div",
        element("input", id="filter", type="search", placeholder="filter by name, state or message",
                aria_label="filter steps"),
        element("button", "open all", id="all", type="button"),
        class_="tools", hidden=True,
    )  # fmt: skip
    return join(tools, element("div", *told, class_="card steps"))
