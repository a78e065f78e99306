"""A small task, flows with a short handler timeout, and a handler that writes down what it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from longshore import Flow, FlowRun, InlineExecutor, State, Subject, task

HERE = InlineExecutor()
Told = list[tuple[str, str, str]]


@task
def work(n: int = 1) -> int:
    if n < 0:
        raise OSError(f"no {n}")
    return n


def teller(told: Told) -> Callable[[Subject, State, State], None]:
    def tell(subject: Subject, old: State, new: State) -> None:
        told.append((subject.label, type(old).__name__, type(new).__name__))

    return tell


@contextmanager
def quick(handler_timeout: float = 0.1) -> Iterator[Flow]:
    with Flow("handled", handler_timeout=handler_timeout) as built:
        yield built


def run_with(*handlers: Any, n: int = 1, **fields: Any) -> FlowRun:
    with quick() as built:
        work.replace(state_handlers=handlers, **fields)(n)
    return built.run(executor=HERE)
