"""A job's bare `run()`: submit, wait, result, without a record of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from longshore.jobs.tasks import Job


def run_here(job: Job[Any], args: tuple[Any, ...], inputs: dict[str, Any]) -> Any:
    return job, args, inputs
