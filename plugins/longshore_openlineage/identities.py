"""Which run is which: UUIDs that are the same whoever computes them, now and when the run is resumed."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from longshore import current
from longshore_openlineage.settings import job_namespace

if TYPE_CHECKING:
    from collections.abc import Mapping

_PARENT: Final = "OPENLINEAGE_PARENT_ID"
_ROOT: Final = "OPENLINEAGE_ROOT_PARENT_ID"


@dataclass(frozen=True)
class Link:
    """A run of a job, as events name it."""

    namespace: str
    job: str
    run: str

    def __str__(self) -> str:
        """Return it as `OPENLINEAGE_PARENT_ID` has it."""
        return f"{self.namespace}/{self.job}/{self.run}"


def run_uuid(run_id: str, step: str = "") -> str:
    """Return the UUID by which a flow run, or one of its steps, is known to OpenLineage.

    It depends on the run and the step alone, so that a resumed run goes on under the same UUIDs, and code in
    another process can name its parent. A run id that is a UUID itself, as Longshore's are, stays what it is.

    Args:
        run_id: The flow run's id.
        step: The step's name; a mapped step has one for all its steps. Empty for the flow itself.
    """
    if step:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"longshore:{run_id}/{step}"))
    try:
        return str(uuid.UUID(run_id))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"longshore:{run_id}"))


def flow_link(flow: str, run_id: str) -> Link:
    """Return how events name a flow run."""
    return Link(job_namespace(), flow, run_uuid(run_id))


def step_link(flow: str, step: str, run_id: str) -> Link:
    """Return how events name a step of a run."""
    return Link(job_namespace(), f"{flow}.{step}", run_uuid(run_id, step))


def parent_id() -> str:
    """Return the step that runs here as `OPENLINEAGE_PARENT_ID` has it: `namespace/job/run`.

    For programs that tell lineage themselves, such as `dbt-ol` and Spark. Empty outside a run.

    Example:
        >>> Shell("dbt-ol run").run(env={"OPENLINEAGE_PARENT_ID": parent_id()})
    """
    link = link_here()
    return "" if link is None else str(link)


def link_here() -> Link | None:
    """Return the step, or the flow, that this code is a part of."""
    if not current.run_id:
        return None
    if not current.name:
        return flow_link(current.flow, current.run_id)
    return step_link(current.flow, current.name, current.run_id)


def links_around() -> tuple[Link | None, Link | None]:
    """Return what a flow run is a part of, and the root of it all: a step, or what the environment says."""
    outer = _parsed(os.environ.get(_PARENT, ""))
    root = _parsed(os.environ.get(_ROOT, "")) or outer
    here = link_here()
    if here is None:
        return outer, root
    return here, root or flow_link(current.flow, current.run_id)


def variables_of(flow: str, run_id: str, step: str, carried: Mapping[str, str]) -> dict[str, str]:
    """Return what tells programs that an attempt starts, or that a run does, of what they are a part.

    Args:
        flow: The flow's name.
        run_id: The run's id.
        step: The step's name; empty for the run itself.
        carried: What was returned for the run.
    """
    if not step:
        return {_ROOT: str(links_around()[1] or flow_link(flow, run_id))}
    root = carried.get(_ROOT) or str(flow_link(flow, run_id))
    return {_PARENT: str(step_link(flow, step, run_id)), _ROOT: root}


def _parsed(text: str) -> Link | None:
    namespace, _, rest = text.partition("/")
    if rest.count("/") > 1:  # a namespace such as s3://x
        namespace, rest = text.rsplit("/", 2)[0], "/".join(text.rsplit("/", 2)[1:])
    job, _, run = rest.partition("/")
    try:
        return Link(namespace, job, str(uuid.UUID(run))) if namespace and job else None
    except ValueError:
        return None
