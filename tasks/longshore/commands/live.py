"""The live view of a run on a terminal: what ended above, what runs below, one line a step.

The view reads the run's own record a few times a second, so a run of many steps pays nothing for it. The log
brings what cannot be read there: retries, failures, and what the steps say. Progress comes as data.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from longshore.commands.lines import Line, Marks, closing_lines, ended_line, opening_lines, running_line
from longshore.hookspecs import hookimpl
from longshore.logs import label_of
from longshore.plugins import host
from longshore.states import Pending, Retrying, Running, TriggerFailed

if TYPE_CHECKING:
    from collections.abc import Generator

    from longshore.flows import Flow
    from longshore.handlers import Subject
    from longshore.nodes import Node
    from longshore.progress import Progress
    from longshore.runs import FlowRun

_EVERY: Final = 0.1  # seconds between looks at the run
_SHARE: Final = 20  # a look that took 1 ms is followed by at least 20 ms without one
_MOST_SAID: Final = 200  # lines that steps log between two looks; more are counted
_SHOWN_FAILURES: Final = 20  # of steps that one mapped step expands to


@contextmanager
def live_view(flow: Flow) -> Generator[None]:
    """Show the flow's run that begins inside, on standard error, with what is logged and printed."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    view = _View(console)
    watcher = _Watcher(view, flow)
    handler = _LogLines(view)
    logger = logging.getLogger("longshore")
    level = logger.level
    host().register(watcher, name="longshore-live-view")
    logger.addHandler(handler)
    logger.setLevel(min(level or logging.INFO, logging.INFO))
    try:
        with (
            Live(
                console=console,
                get_renderable=view.renderable,
                auto_refresh=False,
                transient=True,
                redirect_stdout=sys.stdout.isatty(),
            ) as live,
            _other_consoles_above(view),
            view.followed(live),
        ):
            yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        host().unregister(watcher)
        view.conclude()


class _Watcher:
    """Told by the plugin host when the run begins."""

    def __init__(self, view: _View, flow: Flow) -> None:
        self._view = view
        self._flow = flow

    @hookimpl
    def longshore_run_started(self, run: Any) -> None:
        if run.flow is self._flow:
            self._view.begin(run)

    @hookimpl
    def longshore_progress(self, subject: Subject, progress: Progress) -> None:
        if subject.map_index is None:  # of a mapped step, what has ended is counted
            self._view.progress[subject.name] = progress


class _View:
    """What the run's record says, as lines."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.marks = Marks.for_encoding(console.encoding)
        self.progress: dict[str, Progress] = {}
        self._lock = threading.RLock()
        self._run: FlowRun | None = None
        self._left: list[Node] = []
        self._rows: list[Text] = []
        self._ended = 0
        self._said: deque[Line] = deque()
        self._unsaid = 0

    def begin(self, run: FlowRun) -> None:
        """Take a run up; only the first one is shown."""
        with self._lock:
            if self._run is None:
                self._run, self._left = run, list(run.flow.steps)
                self.console.print(opening_lines(run))

    def renderable(self) -> Group:
        """Return the lines of what runs now."""
        return Group(*self._rows)

    @contextmanager
    def followed(self, live: Live) -> Generator[None]:
        """Look at the run again and again while the block runs."""
        done = threading.Event()
        thread = threading.Thread(target=self._follow, args=(live, done), name="longshore-live", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            self._look()

    def _follow(self, live: Live, done: threading.Event) -> None:
        wait = _EVERY
        while not done.wait(wait):
            start = time.perf_counter()
            self._look()
            live.refresh()
            wait = max(_EVERY, _SHARE * (time.perf_counter() - start))

    def _look(self) -> None:
        """Print what was said and which steps have ended since, and make the lines of those that run."""
        with self._lock:
            run = self._run
            if run is None:
                return
            states = {node: run.states[node.name] for node in self._left}
            ended = sorted((n for n, s in states.items() if s.finished), key=lambda node: states[node].time)
            lines = [*self._take_said(), *filter(None, (ended_line(run, node) for node in ended))]
            if lines:  # in one go, as each print draws the running lines anew
                self.console.print(Text("\n").join(line.text(self.marks) for line in lines))
            self._left = [node for node in self._left if not states[node].finished]
            self._ended += len(ended)
            running = [node for node in self._left if isinstance(states[node], Running | Retrying)]
            self._rows = self._current(run, running)

    def _take_said(self) -> list[Line]:
        lines = [self._said.popleft() for _ in range(len(self._said))]
        if self._unsaid:
            lines.append(Line("says", "", f"and {self._unsaid:,} lines more, which came too fast to show"))
            self._unsaid = 0
        return lines

    def _current(self, run: FlowRun, running: list[Node]) -> list[Text]:
        room = max(3, self.console.height - 4)
        rows = [running_line(run, node, self.progress).text(self.marks) for node in running[:room]]
        for row in rows:
            row.no_wrap, row.overflow = True, "ellipsis"
        waiting = len(self._left) - len(running)
        counts = [
            f"{self._ended} done",
            f"{len(running)} running",
            f"{waiting} waiting",
            f"{run.duration:.1f} s",
        ]
        return [*rows, Text("  " + ", ".join(counts), style="dim", no_wrap=True, overflow="ellipsis")]

    def say(self, line: Line, *, always: bool = True) -> None:
        """Print a line above those of the running steps, at the next look.

        Args:
            line: What to print.
            always: Also when more lines have come since the last look than anybody can read.
        """
        if always or len(self._said) < _MOST_SAID:
            self._said.append(line)
        else:
            self._unsaid += 1

    def conclude(self) -> None:
        """Print what the run came to."""
        if self._run is not None and not isinstance(self._run.state, Pending | Running):
            self.console.print(closing_lines(self._run, self.marks))


class _LogLines(logging.Handler):
    """Shows log records: what steps say, retries, failures; the run's own lines are the view's already."""

    def __init__(self, view: _View) -> None:
        super().__init__(logging.INFO)
        self._view = view
        self._failures: dict[str, int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._show(record)
        except Exception:  # noqa: BLE001 - logging's own way of saying that a record cannot be shown
            self.handleError(record)

    def _show(self, record: logging.LogRecord) -> None:
        if record.module != "narration":
            line = Line.of_log(label_of(record), record.levelno, record.getMessage())
            self._view.say(line, always=record.levelno >= logging.WARNING)
        elif record.funcName == "_say" and record.levelno >= logging.WARNING:
            self._failure(record)

    def _failure(self, record: logging.LogRecord) -> None:
        label, _, rest = record.getMessage().partition(" | ")
        if rest.startswith(TriggerFailed.__name__):
            return  # it was not run; the view says so
        step, bracket, _ = label.rpartition("[")
        if bracket and record.levelno >= logging.ERROR:
            count = self._failures[step] = self._failures.get(step, 0) + 1
            if count > _SHOWN_FAILURES:
                if count == _SHOWN_FAILURES + 1:
                    self._view.say(
                        Line.of_log(step, logging.WARNING, "further failures are counted, not shown")
                    )
                return
        self._view.say(Line.of_transition(label, record.levelno, rest))


@contextmanager
def _other_consoles_above(view: _View) -> Generator[None]:
    """Have handlers that the flow's file set up write above the running lines, and not repeat ours."""
    changed: list[tuple[logging.StreamHandler[Any], Any]] = []
    for each in logging.getLogger().handlers:
        handler = cast("logging.StreamHandler[Any]", each)
        if isinstance(each, logging.StreamHandler) and handler.stream in (sys.__stderr__, sys.__stdout__):
            changed.append((handler, handler.setStream(sys.stderr)))
            handler.addFilter(_not_ours)
    try:
        yield
    finally:
        for handler, stream in changed:
            handler.removeFilter(_not_ours)
            handler.setStream(stream)


def _not_ours(record: logging.LogRecord) -> bool:
    return not record.name.startswith("longshore")
