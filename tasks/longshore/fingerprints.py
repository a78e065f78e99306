"""Fingerprints: what a flow's steps were, so that a resume can tell what has changed since."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from longshore.digests import Digester
from longshore.functions import FunctionTask
from longshore.stores.errors import StoreError
from longshore.tasks import SERVICE_FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import FunctionType

    from longshore.graph import Graph
    from longshore.nodes import Node
    from longshore.tasks import Task

_PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True, slots=True)
class TaskPrint:
    """What a task is.

    Args:
        kind: Its class, or its function.
        code: The digest of what it does.
        fields: The digests of its own fields, by name.
    """

    kind: str
    code: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StepPrint:
    """What a step is.

    Args:
        task: Its task.
        arguments: The digests of its inputs, by name.
        sources: The steps that an input comes from, by name; no entry where it comes from none.
        after: The other steps that it waits for.
        mapped: The inputs that it is mapped over.
    """

    task: TaskPrint
    arguments: Mapping[str, str]
    sources: Mapping[str, tuple[str, ...]]
    after: tuple[str, ...]
    mapped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which a flow differs from what was recorded.

    Args:
        kind: Whether the step came, went, or is another one.
        step: The step's name; empty for what concerns all of them.
        what: What of it has changed: `its code`, `argument 'key'`.
    """

    kind: Literal["added", "removed", "changed"]
    step: str
    what: str = ""

    def __str__(self) -> str:
        if not self.step:
            return self.what
        return f"step {self.step!r}: {self.what}" if self.what else f"step {self.step!r} was {self.kind}"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What the steps of a flow were.

    Args:
        steps: By name, in the flow's order.
        python: The version of Python, whose code differs from another's; empty when nothing was recorded.
    """

    steps: Mapping[str, StepPrint] = field(default_factory=dict[str, StepPrint])
    python: str = ""

    def to_text(self) -> str:
        """Return it as JSON."""
        tasks: dict[int, int] = {}
        told: list[Any] = []
        steps: dict[str, Any] = {}
        for name, step in self.steps.items():
            place = tasks.setdefault(id(step.task), len(tasks))
            if place == len(told):
                told.append([step.task.kind, step.task.code, step.task.fields])
            steps[name] = [place, step.arguments, step.sources, step.after, step.mapped]
        return json.dumps({"python": self.python, "tasks": told, "steps": steps}, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> Fingerprint:
        """Read what `to_text` returned; `{}` is the fingerprint of a flow that was not looked at.

        Raises:
            StoreError: It is something else.
        """
        try:
            told = json.loads(text)
            tasks = [TaskPrint(*task) for task in told.get("tasks", ())]
            steps = {name: _step_from(tasks, *step) for name, step in told.get("steps", {}).items()}
            return cls(steps, told.get("python", ""))
        except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
            raise StoreError(
                f"cannot read what the flow was: {type(error).__name__}: {error}; start a new run"
            ) from error


def _step_from(
    tasks: list[TaskPrint], task: int, arguments: Any, sources: Any, after: Any, mapped: Any
) -> StepPrint:
    named = {name: tuple(steps) for name, steps in sources.items()}
    return StepPrint(tasks[task], arguments, named, tuple(after), tuple(mapped))


def fingerprint(flow: Graph) -> Fingerprint:
    """Return what the steps of a flow are, as it is now.

    Secrets count by their reference, and objects that have no lasting description by their class.
    """
    digester = Digester()
    tasks: dict[int, TaskPrint] = {}
    steps: dict[str, StepPrint] = {}
    for node in flow.steps:
        task = tasks.get(id(node.task))
        if task is None:
            task = tasks[id(node.task)] = _task_print(digester, node.task)
        steps[node.name] = _step_print(digester, node, task)
    return Fingerprint(steps, _PYTHON)


def _task_print(digester: Digester, task: Task[Any]) -> TaskPrint:
    kind = type(task)
    own = {each.name for each in fields(cast("Any", task))} - SERVICE_FIELDS
    if isinstance(task, FunctionTask):
        function = cast("FunctionType", cast("Any", task).fn)
        name, code = digester.name_of(function), digester.of(function)
        own.discard("fn")
    else:
        name, code = digester.name_of(kind), digester.code_of(kind)
    return TaskPrint(name, code, {name: digester.of(getattr(task, name)) for name in sorted(own)})


def _step_print(digester: Digester, node: Node, task: TaskPrint) -> StepPrint:
    arguments: dict[str, str] = {}
    sources: dict[str, tuple[str, ...]] = {}
    for name, value in _inputs(node):
        arguments[name], steps = digester.of_input(value)
        if steps:
            sources[name] = steps
    used = {step for steps in sources.values() for step in steps}
    after = tuple(sorted({before.name for before in node.before()} - used)) if node.before() else ()
    return StepPrint(task, arguments, sources, after, node.mapped)


def _inputs(node: Node) -> Iterable[tuple[str, Any]]:
    """Return the inputs by name, each of those that came as `**options` too."""
    given = node.arguments
    for name in given:
        if type(given[name]) is dict and name in node.task.signature().variadic:
            return [*((other, given[other]) for other in given if other != name), *given[name].items()]
    return given.items()


def differences(recorded: Fingerprint, present: Fingerprint) -> list[Difference]:
    """Return in what a flow differs from what was recorded, in the flow's order; removed steps come last."""
    if not recorded.python:
        return []
    found: list[Difference] = []
    comparable = recorded.python == present.python
    if not comparable:
        found.append(
            Difference(
                "changed",
                "",
                f"it was recorded with Python {recorded.python} and this is {present.python}, "
                "so what the code does was not compared",
            )
        )
    for name, step in present.steps.items():
        before = recorded.steps.get(name)
        if before is None:
            found.append(Difference("added", name))
        elif before != step:
            found += [Difference("changed", name, what) for what in _changes(before, step, comparable)]
    found += [Difference("removed", name) for name in recorded.steps if name not in present.steps]
    return found


def _changes(old: StepPrint, new: StepPrint, comparable: bool) -> list[str]:
    if old.task.kind != new.task.kind:
        return [f"its task is {new.task.kind} and was {old.task.kind}"]
    changes = ["its code"] if comparable and old.task.code != new.task.code else []
    changes += [f"field {name!r}" for name in _differing(old.task.fields, new.task.fields)]
    for name in _differing(old.arguments, new.arguments):
        was, is_ = old.sources.get(name, ()), new.sources.get(name, ())
        changes.append(
            f"argument {name!r}"
            + (f" comes from {_listed(is_)} and came from {_listed(was)}" if was != is_ else "")
        )
    if old.after != new.after:
        changes.append(f"it waits for {_listed(new.after)} and waited for {_listed(old.after)}")
    if old.mapped != new.mapped:
        changes.append(f"it is mapped over {_listed(new.mapped)} and was over {_listed(old.mapped)}")
    return changes


def _differing(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    return [name for name in {**old, **new} if old.get(name) != new.get(name)]


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(map(repr, names[:5])) + (", ..." if len(names) > 5 else "") if names else "nothing"
