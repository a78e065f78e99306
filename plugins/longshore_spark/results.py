"""What a submitted application returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from longshore_spark.metrics import SparkMetrics  # noqa: TC001 - whoever describes a task evaluates these


@dataclass(frozen=True, kw_only=True)
class SparkResult:
    """What an application handed back, and how it ran. `result["rows"]` is one of its outputs.

    Attributes:
        outputs: What it wrote to the file that `LONGSHORE_OUTPUTS` names, by name.
        application_id: Spark's id of it; empty where it made no session, or nobody says.
        driver: The id of its driver, where a cluster runs that.
        state: `FINISHED`.
        link: Where people can look at it, while that is there; empty when there is no such page.
        duration: Seconds from its start to its end.
        metrics: What its event log says; None where that cannot be read here.
    """

    outputs: dict[str, Any] = field(default_factory=dict[str, Any])
    application_id: str = ""
    driver: str = ""
    state: str = "FINISHED"
    link: str = ""
    duration: float = 0.0
    metrics: SparkMetrics | None = None

    def __getitem__(self, name: str) -> Any:
        """Return an output by its name."""
        return self.outputs[name]

    def __contains__(self, name: object) -> bool:
        return name in self.outputs
