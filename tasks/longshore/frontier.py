"""How far a run has come: the state of each step, which of them are ready, and with what inputs.

A unit of work is a step, or one of the steps that a mapped one expands to: `(order, index)`, with index -1
for the step itself. Units that are ready start in that order: as the flow names the steps, mapped ones by
their index.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from longshore.errors import LongshoreError, TaskError
from longshore.fanouts import as_list, map_length
from longshore.held import fetched
from longshore.ready import Ready
from longshore.references import evaluate, isolate
from longshore.states import Cancelled, Failed, Mapped, Pending, Skipped, State, Success, TriggerFailed
from longshore.triggers import all_successful, blocked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from longshore.flows import Flow
    from longshore.nodes import Node
    from longshore.tasks import Task

Unit: TypeAlias = tuple[int, int]
WHOLE = -1
_PENDING: State = Pending()
_SHOWN_ERRORS = 3


class NodeRun:
    """One step's part of a run.

    Attributes:
        state: Where it stands.
        children: The states of a mapped step's steps, once it has been expanded.
        waiting: How many steps before it have not finished (for inputs taken item by item: not been
            expanded).
        blockers: For each of the children, how many items it still waits for.
        common: The states before a mapped step that all its steps look at; None until one does.
        lists: The inputs that are mapped over, by argument.
        followers: The steps that wait for this one.
        item_followers: The mapped steps that take this one's results item by item.
    """

    __slots__ = (
        "blockers", "children", "common", "followers", "item_followers", "lists", "node", "state",
        "unfinished", "waiting",
    )  # fmt: skip

    def __init__(self, node: Node) -> None:
        self.node = node
        self.state: State = _PENDING
        self.children: list[State] | None = None
        self.unfinished = 0
        self.waiting = 0
        self.blockers: list[int] = []
        self.common: list[State] | None = None
        self.lists: dict[str, Sequence[Any]] = {}
        self.followers: list[NodeRun] = []
        self.item_followers: list[NodeRun] = []


class Frontier:
    """The states of a run's steps, and the units that are ready."""

    def __init__(self, flow: Flow, parameters: dict[str, Any]) -> None:
        self.runs = [NodeRun(node) for node in flow.steps]
        self.ready = Ready()
        self._parameters = parameters
        for run in self.runs:
            aligned = set(run.node.aligned.values())
            before = set(run.node.before())
            run.waiting = len(before)
            for node in before:
                other = self.runs[node.order]
                (other.item_followers if node in aligned else other.followers).append(run)
            if not run.waiting:
                self.ready.push((run.node.order, WHOLE))

    def result_of(self, node: Node) -> Any:
        """Return a step's result: None for one that has none, a list for a mapped one."""
        run = self.runs[node.order]
        if run.children is not None and not isinstance(run.state, Success):
            return [_result(state) for state in run.children]
        return _result(run.state)

    def was_skipped(self, node: Node) -> bool:
        """Whether a step was skipped."""
        return isinstance(self.runs[node.order].state, Skipped)

    def parameter(self, name: str) -> Any:
        """Return a parameter's value."""
        return self._parameters[name]

    def state(self, unit: Unit) -> State:
        """Return where a unit stands."""
        run = self.runs[unit[0]]
        return run.state if unit[1] == WHOLE or run.children is None else run.children[unit[1]]

    def obstacle(self, unit: Unit) -> State | None:
        """Return the state that a unit ends in without being run, or None when it may run."""
        run = self.runs[unit[0]]
        node = run.node
        if unit[1] != WHOLE and not node.aligned:
            return None  # asked once for all, when the step was expanded
        for gate in node.gates:
            state = self.runs[gate.order].state
            if not isinstance(state, Success):
                message = f"condition {gate.name!r} is {type(state).__name__}"
                return TriggerFailed(TaskError(message), message=message)
            if isinstance(state, Skipped):
                return Skipped(message=f"condition {gate.name!r} does not hold")
        if node.setup is not None:
            setup = self.runs[node.setup.order].state
            set_up = isinstance(setup, Success) and not isinstance(setup, Skipped)
            return None if set_up else Skipped(message=f"{node.setup.name!r} set nothing up")
        if not node.upstream:
            return None
        return blocked(node.task.trigger, self._upstream(run, unit[1]))

    def _upstream(self, run: NodeRun, index: int) -> list[State]:
        if index == WHOLE:
            return self._states(run.node.upstream)
        aligned = dict.fromkeys(run.node.aligned.values())
        if run.common is None:
            common = self._states(node for node in run.node.upstream if node not in aligned)
            if run.node.task.trigger is all_successful and all(type(state) is Success for state in common):
                common = common[:1]  # it stands for all, so that each of many steps need not look at many
            run.common = common
        return [*run.common, *(self.state((node.order, index)) for node in aligned)]

    def _states(self, nodes: Iterable[Node]) -> list[State]:
        states: list[State] = []
        for node in nodes:
            run = self.runs[node.order]
            states.extend(run.children or [run.state])
        return states

    def work(self, unit: Unit) -> tuple[Task[Any], dict[str, Any]]:
        """Return a unit's task and the inputs of one attempt, which nobody else will see changed.

        Raises:
            LongshoreError: An input or a field of the task cannot be made from the results.
        """
        run, index = self.runs[unit[0]], unit[1]
        node = run.node
        if index == WHOLE:
            arguments = {name: evaluate(value, self) for name, value in node.arguments.items()}
        else:
            arguments = {
                name: self._item(run, name, index) if name in node.mapped else evaluate(value, self)
                for name, value in node.arguments.items()
            }
        if not node.waiting:
            return node.task, arguments
        return node.task.replace(
            **{name: fetched(evaluate(value, self)) for name, value in node.waiting.items()}
        ), arguments

    def _item(self, run: NodeRun, name: str, index: int) -> Any:
        source = run.node.aligned.get(name)
        if source is None:
            return isolate(run.lists[name][index])
        children = self.runs[source.order].children
        assert children is not None
        return isolate(_result(children[index]))

    def expand(self, order: int) -> State | None:
        """Expand a mapped step to its steps; return the state it ends in when that cannot be."""
        run = self.runs[order]
        node = run.node
        if not node.aligned or any(self.runs[n.order].children is None for n in node.aligned.values()):
            state = self.obstacle((order, WHOLE))
            if state is not None:
                return state
        try:
            count = map_length(node.name, self._lengths(run))
        except LongshoreError as error:
            return Failed(error, message=str(error))
        run.children = [_PENDING] * count
        run.unfinished = count
        sources = [self.runs[source.order].children or [] for source in set(node.aligned.values())]
        run.blockers = [sum(1 for states in sources if not states[i].finished) for i in range(count)]
        for index in range(count):
            if not run.blockers[index]:
                self.ready.push((order, index))
        for follower in run.item_followers:
            self._one_less(follower)
        return None if count else self.summary(run)

    def _lengths(self, run: NodeRun) -> dict[str, int]:
        lengths: dict[str, int] = {}
        for name in run.node.mapped:
            source = run.node.aligned.get(name)
            children = self.runs[source.order].children if source is not None else None
            if children is not None:
                lengths[name] = len(children)
                continue
            items = evaluate(run.node.arguments[name], self)
            run.lists[name] = as_list(run.node.name, name, items)
            lengths[name] = len(run.lists[name])
        return lengths

    def summary(self, run: NodeRun) -> State:
        """Return the state of a mapped step whose steps have all finished."""
        states = run.children or []
        failed = [(index, state) for index, state in enumerate(states) if isinstance(state, Failed)]
        if failed:
            shown = "; ".join(f"[{index}] {state.message}" for index, state in failed[:_SHOWN_ERRORS])
            more = f"; and {len(failed) - _SHOWN_ERRORS} more" if len(failed) > _SHOWN_ERRORS else ""
            message = f"{len(failed):,} of {len(states):,} mapped steps failed: {shown}{more}"
            return Failed(TaskError(message), message=message)
        if any(isinstance(state, Cancelled) for state in states):
            return Cancelled(message="mapped steps were cancelled")
        if states and all(isinstance(state, Skipped) for state in states):
            return Skipped(message=f"all {len(states):,} mapped steps were skipped")
        return Mapped([_result(state) for state in states])

    def record(self, unit: Unit, state: State) -> bool:
        """Write down where a unit stands; return whether this was the last of a mapped step's."""
        run, index = self.runs[unit[0]], unit[1]
        if index == WHOLE:
            run.state = state
            if state.finished:
                self._release(run)
            return False
        assert run.children is not None
        run.children[index] = state
        if not state.finished:
            return False
        run.unfinished -= 1
        for follower in run.item_followers:
            if follower.children is not None:
                follower.blockers[index] -= 1
                if not follower.blockers[index]:
                    self.ready.push((follower.node.order, index))
        return not run.unfinished

    def _release(self, run: NodeRun) -> None:
        for follower in run.followers:
            self._one_less(follower)
        if run.children is None:
            for follower in run.item_followers:
                self._one_less(follower)
        run.lists = {}

    def _one_less(self, run: NodeRun) -> None:
        run.waiting -= 1
        if not run.waiting:
            self.ready.push((run.node.order, WHOLE))

    def leave(self, run: NodeRun, state: State) -> int:
        """Give one state to all of a step's units that have not started; return how many they are.

        At once and without a look at what waits for each: a run of a million units stops within a second.
        """
        if run.children is None:
            return 1
        left = sum(1 for child in run.children if child is _PENDING)
        run.children[:] = [state if child is _PENDING else child for child in run.children]
        run.unfinished -= left
        return left

    def states_of(self, nodes: Iterable[Node]) -> Iterator[tuple[str, State]]:
        """Return the labels and states of steps, those of a mapped one's steps unless all succeeded."""
        for node in nodes:
            run = self.runs[node.order]
            if run.children and not isinstance(run.state, Success):
                yield from ((f"{node.name}[{i}]", state) for i, state in enumerate(run.children))
            else:
                yield node.name, run.state


def _result(state: State) -> Any:
    return state.result if isinstance(state, Success) else None
