"""`flow.submit(...)`: a run is put into a store, for a serving process to take."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from longshore.flowruns import create
from longshore.frontier import Frontier
from longshore.parameters import bind_parameters
from longshore.runs import FlowRun

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from longshore.flows import Flow
    from longshore.stores.interface import RunStore


def submit_run(
    flow: Flow,
    parameters: Mapping[str, Any],
    store: RunStore,
    *,
    at: datetime | None = None,
    run_id: str | None = None,
) -> str:
    """Put a run into a store, for a serving process to take; see `Flow.submit`."""
    flow.check()
    values = bind_parameters(flow, parameters)
    run = FlowRun(flow, run_id or uuid.uuid4().hex, flow.name_run(values), values, Frontier(flow, values))
    create(store, run, due=time.time() if at is None else at.timestamp())
    return run.run_id
