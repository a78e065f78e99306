"""`FlowRun`: what a run of a flow came to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from longshore.context import Attempt, inside_attempt
from longshore.errors import FlowFailed, TaskCancelled
from longshore.held import fetched, with_result
from longshore.nodes import Node, node_of
from longshore.references import evaluate
from longshore.states import Failed, Pending, State, Success, utc_now

if TYPE_CHECKING:
    from datetime import datetime

    from longshore.flows import Flow
    from longshore.frontier import Frontier
    from longshore.interrupts import Interrupts

V = TypeVar("V")


class ByStep(Mapping[str, V], Generic[V]):
    """Looked up by a step's name, or by the step."""

    def __init__(self, nodes: Mapping[str, Node], look: Callable[[Node], V]) -> None:
        self._nodes = nodes
        self._look = look

    def __getitem__(self, step: Any) -> V:
        node = node_of(step)
        name = node.name if node is not None else step
        if name not in self._nodes:
            raise KeyError(f"no step {name!r}; there are {', '.join(list(self._nodes)[:20]) or 'none'}")
        return self._look(self._nodes[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    def __repr__(self) -> str:
        return repr({name: self[name] for name in self})


class FlowRun:
    """One run of a flow.

    Attributes:
        flow: The flow.
        run_id: The run's id.
        name: The flow's name, or what its `run_name` makes of the parameters.
        parameters: The values it ran with.
        state: Where it stands.
        started: When it began, in UTC.
        ended: When it ended, in UTC; None until then.
        due: When it was to begin, in UTC, if a schedule or whoever submitted it says so; None otherwise.
        recorded_in: The store that has it, as it calls itself; empty when none has.
        ends: How often it had ended before it was resumed; 0 for a new one, and for one that was killed.
        variables: What plugins give for the environment of what it starts; None without such plugins.
    """

    def __init__(
        self, flow: Flow, run_id: str, name: str, parameters: dict[str, Any], frontier: Frontier
    ) -> None:
        self.flow = flow
        self.run_id = run_id
        self.name = name
        self.parameters = parameters
        self.state: State = Pending()
        self.started: datetime = utc_now()
        self.ended: datetime | None = None
        self.due: datetime | None = None
        self.recorded_in = ""
        self.ends = 0
        self.variables: Mapping[str, str] | None = None
        self.began: dict[tuple[int, int], datetime] = {}
        self.frontier = frontier
        self._nodes = {node.name: node for node in flow.steps}

    def context(self) -> Attempt:
        """Return what `current` shows where the run is driven: the flow and the run, and no step."""
        return Attempt(
            run_id=self.run_id, flow=self.flow.name, tags=self.flow.tags, recorded_in=self.recorded_in,
            variables=self.variables,
        )  # fmt: skip

    @property
    def states(self) -> ByStep[State]:
        """The states by step: `run.states["export"]`."""
        return ByStep(self._nodes, lambda node: with_result(self.frontier.runs[node.order].state))

    @property
    def results(self) -> ByStep[Any]:
        """The results by step; None for one without, a list for a mapped one."""
        return ByStep(self._nodes, lambda node: fetched(self.frontier.result_of(node)))

    @property
    def mapped_states(self) -> ByStep[tuple[State, ...]]:
        """The states of a mapped step's steps, in order; empty for other steps."""
        return ByStep(
            self._nodes, lambda node: tuple(map(with_result, self.frontier.runs[node.order].children or ()))
        )

    @property
    def result(self) -> Any:
        """What the flow's function returned, with results in the places of steps."""
        return fetched(evaluate(self.flow.outcome, self.frontier))

    @property
    def duration(self) -> float:
        """Seconds from start to end, or until now."""
        return ((self.ended or utc_now()) - self.started).total_seconds()

    @property
    def timings(self) -> ByStep[tuple[datetime | None, datetime | None]]:
        """When each step's first attempt began and when it ended, in UTC; None for one that did not."""
        return ByStep(self._nodes, self._timing)

    def _timing(self, node: Node) -> tuple[datetime | None, datetime | None]:
        state = self.frontier.runs[node.order].state
        return self.began.get((node.order, -1)), state.time if state.finished else None

    @property
    def succeeded(self) -> bool:
        """Whether the state is Success."""
        return isinstance(self.state, Success)

    def __repr__(self) -> str:
        return f"<FlowRun {self.name!r} {self.run_id}: {self.state}>"


def raise_if_stopped(run: FlowRun, interrupts: Interrupts, raise_on_failure: bool) -> None:
    """Raise what `Flow.run` raises at the end: for an interrupted run, or for a failed one if that is asked.

    Raises:
        KeyboardInterrupt: A signal ended the run.
        TaskCancelled: The step that it ran in was cancelled.
        FlowFailed: It did not succeed, and `raise_on_failure` is set.
    """
    if interrupts.stopping and inside_attempt() and not interrupts.signal:
        raise TaskCancelled(f"flow {run.name!r} was cancelled: {interrupts.reason}")
    if interrupts.stopping:
        interrupt = KeyboardInterrupt(f"flow {run.name!r} was cancelled: {interrupts.reason}")
        interrupt.__dict__.update(flow_run=run, signal=interrupts.signal)
        raise interrupt
    if raise_on_failure and not run.succeeded:
        error = FlowFailed(f"flow {run.name!r} ended {run.state}")
        error.flow_run = run
        raise error from (run.state.error if isinstance(run.state, Failed) else None)
