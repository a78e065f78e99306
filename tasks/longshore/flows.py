"""`Flow`: a graph of steps, which knows nothing of how it is executed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from longshore.errors import ConfigurationError, FlowError, LimitError, ParameterError
from longshore.graph import under_construction
from longshore.handlers import HANDLER_TIMEOUT, Handlers, as_handlers
from longshore.limits import Limits, collect_limits
from longshore.nodes import Node, Step
from longshore.redaction import redact
from longshore.runnables import Runnable
from longshore.schedules.interface import as_schedules, check_rules
from longshore.texts import places

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from longshore.executors import ExecutorLike
    from longshore.schedules.interface import Missed, Overlap, Schedule


def building() -> Flow | None:
    """Return the flow that is being built here, or None."""
    flow: Flow | None = under_construction.get()
    return flow


def required_building(what: str) -> Flow:
    """Return the flow that is being built here.

    Raises:
        FlowError: None is.
    """
    flow = building()
    if flow is None:
        raise FlowError(
            f"{what} is for building a flow; use it in a @flow function or inside `with Flow(...)`"
        )
    return flow


class Flow(Runnable):
    """A graph of steps.

    Use it as a context manager to build one by hand, or let `@flow` build it from a function.

    Args:
        name: What runs, logs and handlers call it.
        state_handlers: Called at the transitions of the flow's runs.
        step_handlers: Called, where the flow is driven, at the transitions of all its steps.
        tags: Given to every step.
        run_name: The name of a run, with places for parameters: `"nightly {day}"`.
        reference_steps: Names of the steps that decide the flow's state; when empty, any failed step fails
            it.
        limits: Counts for concurrency limits, by name.
        handler_timeout: Seconds that one state handler may take.
        executor: Where steps run when `run()` is given no executor; threads when None.
        schedule: When the flow is to run, for `run()` and for what serves it; several together are given as a
            list.
        overlap: What becomes of a run whose time comes while an earlier one goes on: it is started when that
            has ended (`queue`), left out (`skip`), or started at once (`together`).
        missed: Which of the times are made up for that came while nothing served the flow: only the `last`
            one, `all` of them, or `none`.

    Attributes:
        target: Where a command line finds the flow again, `/path/flows.py:nightly`; empty when not known.
    """

    def __init__(
        self,
        name: str,
        *,
        state_handlers: Handlers = (),
        step_handlers: Handlers = (),
        tags: Sequence[str] = (),
        run_name: str | None = None,
        reference_steps: Sequence[str | Any] = (),
        limits: Mapping[str, int] | None = None,
        handler_timeout: float = HANDLER_TIMEOUT,
        executor: ExecutorLike | None = None,
        schedule: Schedule | Sequence[Schedule] | None = None,
        overlap: Overlap = "queue",
        missed: Missed = "last",
    ) -> None:
        super().__init__(name, tags)
        self.schedules = as_schedules(f"Flow({name!r}, schedule=...)", schedule)
        check_rules(f"Flow({name!r})", overlap, missed)
        self.overlap: Overlap = overlap
        self.missed: Missed = missed
        self.state_handlers = as_handlers(f"Flow({name!r}, state_handlers=...)", state_handlers)
        self.step_handlers = as_handlers(f"Flow({name!r}, step_handlers=...)", step_handlers)
        self.run_name = run_name
        one = isinstance(reference_steps, str | Step)
        self.reference_steps: Sequence[str | Any] = (reference_steps,) if one else reference_steps
        self.limits = dict(limits or {})
        if not handler_timeout > 0:
            raise ConfigurationError(
                f"Flow({name!r}, handler_timeout={handler_timeout!r}): give seconds above 0"
            )
        self.handler_timeout = handler_timeout
        self.executor = executor
        self.target = ""
        self._tokens: list[Any] = []
        self._inner: list[Flow] = []
        self._outcome: Any = None

    def __enter__(self) -> Flow:
        self._tokens.append(under_construction.set(self))
        return self

    def __exit__(self, *error: object) -> None:
        under_construction.reset(self._tokens.pop())

    def __repr__(self) -> str:
        return f"Flow({self.name!r})"

    @property
    def outcome(self) -> Any:
        """What the flow's function returned: references to the results that a run's `result` will have."""
        self.build()
        return self._outcome

    @contextmanager
    def inside(self, inner: Flow) -> Generator[None]:
        """Add the steps of another flow to this one: under its name, with its tags and limits.

        Raises:
            FlowError: It is this flow, or one whose steps are just being added.
            LimitError: Both have a count for one limit, and not the same.
        """
        if inner is self or inner in self._inner:
            raise FlowError(f"flow {inner.name!r} calls itself; a flow cannot hold its own steps")
        for name, count in inner.limits.items():
            if self.limits.setdefault(name, count) != count:
                raise LimitError(
                    f"limit {name!r} is {self.limits[name]} on {self.name!r} and {count} on {inner.name!r}; "
                    "use one count"
                )
        self._inner.append(inner)
        try:
            with self.group(inner.name, inner.tags):
                yield
        finally:
            self._inner.pop()

    def check(self) -> dict[str, int]:
        """Look for what would keep the flow from running, and return the counts of its concurrency limits.

        Raises:
            CycleError: Steps wait for each other.
            ParameterError: The run's name has a place for something that is no parameter.
            LimitError: A limit with two counts, or none.
            FlowError: A reference step that does not exist.
        """
        steps = self.steps
        for name in places(self.run_name or ""):
            if name not in self.parameters:
                known = ", ".join(self.parameters) or "none"
                raise ParameterError(
                    f"run_name {self.run_name!r} of flow {self.name!r} has a place for {name!r}, which is no "
                    f"parameter; it has {known}"
                )
        self.reference_nodes()
        declared: list[tuple[str, Limits]] = [(self.name, f"{name}:{n}") for name, n in self.limits.items()]
        used = ((node.name, node.task.limit) for node in steps)
        return collect_limits([*declared, *used])

    def name_run(self, values: Mapping[str, Any]) -> str:
        """Return the name of a run with these parameters.

        Raises:
            ParameterError: A value does not fit into its place.
        """
        try:
            return self.run_name.format(**values) if self.run_name else self.name
        except Exception as error:
            why = redact(f"{type(error).__name__}: {error}")
            raise ParameterError(
                f"run_name {self.run_name!r} of flow {self.name!r} does not take the parameters: {why}"
            ) from error

    def reference_nodes(self) -> list[Node]:
        """Return the steps that decide the flow's state."""
        if not self.reference_steps:
            return self.steps
        return [self.node(step) for step in self.reference_steps]
