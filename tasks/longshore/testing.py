"""What the authors of tasks inherit in their own tests: a contract suite, recorders and fixtures.

    from longshore.testing import TaskContract

    class TestGreet(TaskContract):
        task = AcmeGreet()
        inputs = {"who": "world"}
        expected = "hello world"

With `pytest_plugins = ["longshore.testing"]` in a `conftest.py` the fixtures `recorder`, `canary` and
`isolated_longshore` are there too. All of it needs pytest, and what the task itself needs.
"""

from __future__ import annotations

import dataclasses
import inspect
import pickle
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, cast

import pytest

from longshore import plugins
from longshore.caches import Cache
from longshore.errors import ArgumentError, LongshoreError
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


class Canary:
    """A secret whose value must show up nowhere.

    Attributes:
        secret: To give to a task.
        value: What it resolves to.
    """

    def __init__(self, secret: Secret, value: str) -> None:
        self.secret = secret
        self.value = value

    def assert_absent(self, *things: object) -> None:
        """Check that no text, repr or pickle of these shows the value."""
        for thing in things:
            data = thing if isinstance(thing, bytes) else f"{thing}{thing!r}".encode()
            assert self.value.encode() not in data, f"the secret shows in {type(thing).__name__}"


@pytest.fixture
def recorder() -> Recorder:
    """A state handler that remembers what it was told."""
    return Recorder()


@pytest.fixture
def canary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Canary]:
    """A secret in the environment, forgotten at the end of the test."""
    value = f"canary-{uuid.uuid4().hex}"
    monkeypatch.setenv("LONGSHORE_CANARY", value)
    with isolated_process_state():
        yield Canary(Secret("env:LONGSHORE_CANARY"), value)


@pytest.fixture
def isolated_longshore() -> Iterator[None]:
    """Forget, at the end of the test, the secrets, cached results and plugins that it registered."""
    with isolated_process_state():
        yield


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
        self._check(self.task(**self.inputs))

    def test_it_is_an_ordinary_step_of_a_flow_under_every_local_executor(self) -> None:
        for executor in (InlineExecutor(), ThreadExecutor(2)):
            with Flow("contract") as flow:
                self.task(**self.inputs)
            run = flow.run(executor=executor)
            assert isinstance(run.state, Success), run.state
            self._check(next(iter(run.results.values())))

    def test_its_handlers_hear_of_running_and_of_the_end(self) -> None:
        recorder = Recorder()
        self.task.replace(state_handlers=(recorder,))(**self.inputs)
        assert isinstance(recorder.states[0], Running)
        assert isinstance(recorder.states[-1], Success)

    def test_it_travels_to_another_process_as_plain_data(self) -> None:
        copy = pickle.loads(pickle.dumps(self.task))  # noqa: S301 - our own bytes
        assert copy == self.task
        self._check(copy(**self.inputs))

    def test_it_cannot_be_changed_but_can_be_replaced(self) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            cast("Any", self.task).retries = 99
        changed = self.task.replace(retries=self.task.retries + 1)
        assert changed.retries == self.task.retries + 1
        assert type(changed) is type(self.task)

    def test_a_wrong_argument_or_field_is_refused_by_name(self) -> None:
        if not any(p.kind is p.VAR_KEYWORD for p in self.task.signature().parameters.values()):
            with pytest.raises(ArgumentError, match="no_such_argument"):
                self.task(**self.inputs, no_such_argument=1)
        with pytest.raises(ArgumentError, match="no_such_field"):
            self.task.replace(no_such_field=1)

    def test_its_text_shows_no_secret(self, monkeypatch: pytest.MonkeyPatch) -> None:
        canary = "canary-9f8e7d6c5b4a"
        for name, value in vars(self.task).items():
            if isinstance(value, Secret) and value.reference.startswith("env:"):
                monkeypatch.setenv(value.reference.partition(":")[2], canary)
                assert canary not in repr(self.task), name
        assert canary.encode() not in pickle.dumps(self.task)

    def test_it_says_what_it_does_and_what_each_field_means(self) -> None:
        kind = type(self.task)
        described = self.task.fn if isinstance(self.task, FunctionTask) else kind
        assert described.__doc__, f"{kind.__name__} has no docstring"
        inherited = () if isinstance(self.task, FunctionTask) else kind.__mro__[1:]
        text = "\n".join(inspect.cleandoc(each.__doc__ or "") for each in (described, *inherited))
        own = [f.name for f in dataclasses.fields(kind) if f.name not in SERVICE_FIELDS and f.name != "fn"]
        missing = [name for name in own if f"{name}:" not in text]
        assert not missing, f"the docstring of {kind.__name__} does not explain {missing}"

    def _check(self, result: Any) -> None:
        if self.expected is not ANYTHING:
            assert result == self.expected


def assert_portable(error: LongshoreError) -> None:
    """Check that an error survives pickling with its text and attributes."""
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert copy.__dict__ == error.__dict__


@contextmanager
def raises_saying(error: type[BaseException], *parts: str) -> Generator[None]:
    """Check that an error is raised and that its text has each of the parts: messages are for people."""
    with pytest.raises(error) as caught:
        yield
    for part in parts:
        assert part in str(caught.value)
