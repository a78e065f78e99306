"""`TaskContract`: what every task does, as a suite that its tests inherit."""

from __future__ import annotations

import dataclasses
import inspect
import pickle
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, cast

import pytest

from longshore import plugins
from longshore.caches import Cache
from longshore.errors import ArgumentError
from longshore.executors import InlineExecutor, ThreadExecutor
from longshore.flows import Flow
from longshore.functions import FunctionTask
from longshore.secrets import Secret, isolated
from longshore.states import Running, State, Success
from longshore.tasks import SERVICE_FIELDS, Task

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from longshore.handlers import Subject

ANYTHING: Any = object()
"""As `expected`: the result may be anything."""


class Recorder:
    """A state handler that remembers what it was told.

    Attributes:
        seen: `(label, old state's class name, new state's class name)` for each transition, in order.
        subjects: The subjects, in the same order.
        states: The states that were entered, in the same order.
    """

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str]] = []
        self.subjects: list[Subject] = []
        self.states: list[State] = []

    def __call__(self, subject: Subject, old: State, new: State, /) -> None:
        self.seen.append((subject.label, type(old).__name__, type(new).__name__))
        self.subjects.append(subject)
        self.states.append(new)

    def entered(self, label: str) -> list[str]:
        """Return the names of the states that a step entered, in order."""
        return [new for seen, _, new in self.seen if seen == label]


@contextmanager
def isolated_process_state() -> Generator[None]:
    """Forget, at the end, the secrets, cached results and plugins that a test registered."""
    with isolated():
        try:
            yield
        finally:
            Cache.clear()
            plugins.reset()


class TaskContract:
    """What every task does, whoever wrote it. Inherit it, set `task` and `inputs`.

    Attributes:
        task: A configured instance.
        inputs: The arguments, by name, of one call that works.
        expected: The call's result; ANYTHING when it is not the same each time.
    """

    task: ClassVar[Task[Any]]
    inputs: ClassVar[Mapping[str, Any]] = {}
    expected: ClassVar[Any] = ANYTHING

    @pytest.fixture(autouse=True)
    def _isolated(self) -> Iterator[None]:
        with isolated_process_state():
            yield

    def test_it_runs_by_itself_and_gives_its_result(self) -> None:
        self._check(self._tested(**self.inputs))

    def test_it_is_an_ordinary_step_of_a_flow_under_every_local_executor(self) -> None:
        for executor in (InlineExecutor(), ThreadExecutor(2)):
            with Flow("contract") as flow:
                self._tested(**self.inputs)
            run = flow.run(executor=executor)
            assert isinstance(run.state, Success), run.state
            self._check(next(iter(run.results.values())))

    def test_its_handlers_hear_of_running_and_of_the_end(self) -> None:
        recorder = Recorder()
        self._tested.replace(state_handlers=(recorder,))(**self.inputs)
        assert isinstance(recorder.states[0], Running)
        assert isinstance(recorder.states[-1], Success)

    def test_it_travels_to_another_process_as_plain_data(self) -> None:
        copy = pickle.loads(pickle.dumps(self._tested))  # noqa: S301 - our own bytes
        assert copy == self._tested
        self._check(copy(**self.inputs))

    def test_it_cannot_be_changed_but_can_be_replaced(self) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            cast("Any", self._tested).retries = 99
        changed = self._tested.replace(retries=self._tested.retries + 1)
        assert changed.retries == self._tested.retries + 1
        assert type(changed) is type(self._tested)

    def test_a_wrong_argument_or_field_is_refused_by_name(self) -> None:
        if not any(p.kind is p.VAR_KEYWORD for p in self._tested.signature().parameters.values()):
            with pytest.raises(ArgumentError, match="no_such_argument"):
                self._tested(**self.inputs, no_such_argument=1)
        with pytest.raises(ArgumentError, match="no_such_field"):
            self._tested.replace(no_such_field=1)

    def test_its_text_shows_no_secret(self, monkeypatch: pytest.MonkeyPatch) -> None:
        canary = "canary-9f8e7d6c5b4a"
        for name, value in vars(self._tested).items():
            if isinstance(value, Secret) and value.reference.startswith("env:"):
                monkeypatch.setenv(value.reference.partition(":")[2], canary)
                assert canary not in repr(self._tested), name
        assert canary.encode() not in pickle.dumps(self._tested)

    def test_it_says_what_it_does_and_what_each_field_means(self) -> None:
        kind = type(self._tested)
        described = self._tested.fn if isinstance(self._tested, FunctionTask) else kind
        assert described.__doc__, f"{kind.__name__} has no docstring"
        inherited = () if isinstance(self._tested, FunctionTask) else kind.__mro__[1:]
        text = "\n".join(inspect.cleandoc(each.__doc__ or "") for each in (described, *inherited))
        own = [f.name for f in dataclasses.fields(kind) if f.name not in SERVICE_FIELDS and f.name != "fn"]
        missing = [name for name in own if f"{name}:" not in text]
        assert not missing, f"the docstring of {kind.__name__} does not explain {missing}"

    @property
    def _tested(self) -> Task[Any]:
        return self.task

    def _check(self, result: Any) -> None:
        if self.expected is not ANYTHING:
            assert result == self.expected
