"""Tasks that flows are made of in tests."""

from __future__ import annotations

from typing import Any

from longshore import task


@task
def add(a: int, b: int = 0) -> int:
    return a + b


@task
def echo(value: Any) -> Any:
    return value


@task
def fail(why: str = "no") -> None:
    raise OSError(why)
