"""What the authors of tasks inherit in their own tests: contract suites, recorders and fixtures.

    from longshore.testing import TaskContract

    class TestGreet(TaskContract):
        task = AcmeGreet()
        inputs = {"who": "world"}
        expected = "hello world"

Jobs have `JobContract`, which kills real processes and resumes what they ran; run stores have
`StoreContract`. With `pytest_plugins = ["longshore.testing"]` in a `conftest.py` the fixtures `recorder`,
`canary` and `isolated_longshore` are there too. All of it needs pytest, and what the task itself needs.
"""

from __future__ import annotations

import pickle
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from longshore.context import Attempt, acting_as
from longshore.contracts.executors import ExecutorContract
from longshore.contracts.jobs import JobContract
from longshore.contracts.stores import StoreContract
from longshore.contracts.tasks import ANYTHING, Recorder, TaskContract, isolated_process_state
from longshore.datasets import Dataset
from longshore.progress import Progress
from longshore.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from longshore.datasets import News
    from longshore.errors import LongshoreError

__all__ = [
    "ANYTHING",
    "Canary",
    "ExecutorContract",
    "JobContract",
    "Recorder",
    "StoreContract",
    "TaskContract",
    "assert_portable",
    "canary",
    "datasets_told",
    "isolated_longshore",
    "isolated_process_state",
    "progress_told",
    "raises_saying",
    "recorder",
]


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


@contextmanager
def progress_told() -> Generator[list[Progress]]:
    """Run the block as an attempt; what it tells `current.progress` stands in the list."""
    told: list[Progress] = []
    with _heard(lambda news: told.append(news) if isinstance(news, Progress) else None):
        yield told


@contextmanager
def datasets_told() -> Generator[list[Dataset]]:
    """Run the block as an attempt; what it tells `current.reads` and `current.writes` stands in the list."""
    told: list[Dataset] = []
    with _heard(lambda news: told.append(news) if isinstance(news, Dataset) else None):
        yield told


@contextmanager
def _heard(hear: Callable[[News], None]) -> Generator[None]:
    with acting_as(Attempt("test", progress=lambda _, news: hear(news))):
        yield
