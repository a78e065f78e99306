"""What is to be told, as plain data: made beside the run, and turned into an event where it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from longshore_openlineage.identities import Link
    from longshore_openlineage.totals import Total

Kind = Literal["START", "COMPLETE", "FAIL", "ABORT"]


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A flow run, or a step of one, began or ended.

    Args:
        kind: What happened.
        time: When, in UTC.
        link: Which run of which job.
        job_type: `"FLOW"` or `"TASK"`.
        parent: What it is a part of.
        root: The outermost of these.
        tags: Of the flow or the step.
        about: What the flow's docstring says.
        due: When a schedule wanted it to begin.
        message: What went wrong.
        trace: The traceback.
        datasets: What was read and written.
    """

    kind: Kind
    time: datetime
    link: Link
    job_type: str
    parent: Link | None = None
    root: Link | None = None
    tags: tuple[str, ...] = ()
    about: str = ""
    due: datetime | None = None
    message: str = ""
    trace: str = ""
    datasets: tuple[Total, ...] = ()

    @property
    def weight(self) -> int:
        """How much memory it takes, in datasets or the like."""
        return 1 + len(self.datasets) + len(self.trace) // 1000
