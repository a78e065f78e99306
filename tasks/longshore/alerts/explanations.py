"""What is added to an alert of a recorded run: what changed since the last success, and what to type."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

from longshore.fingerprints import Fingerprint, differences
from longshore.histories import short_id
from longshore.logs import run_log
from longshore.readings import as_text, parameters_of
from longshore.stores.errors import StoreError
from longshore.stores.interface import RunStore
from longshore.stores.locations import default_path

if TYPE_CHECKING:
    from longshore.alerts.incidents import Incident
    from longshore.alerts.spools import Spool
    from longshore.stores.records import RunRecord

_MOST: Final = 10
_LONGEST: Final = 200


def explain(incident: Incident, spool: Spool) -> None:
    """Add to an incident's first alert what changed, and what to type, when its run is recorded."""
    if not incident.first or not isinstance(spool, RunStore) or "commands" in incident.first[0]:
        return
    first = incident.first[0]
    if not first.get("run_id"):
        return
    try:
        run = spool.run(str(first["run_id"]))
        before = spool.runs(flow=run.flow, states=("Success",), before=run.created, limit=1)
        first["changes"] = changes(before[0], run) if before else []
    except StoreError as error:
        run_log.debug("alerts | what changed cannot be seen: %s", error)
        return
    name = f"{shlex.quote(short_id(run.run_id))}{_option(spool)}"
    first["commands"] = [f"longshore show {name}"]
    if incident.status in ("failed", "cancelled"):
        first["commands"].append(f"longshore resume {name}")


def changes(before: RunRecord, after: RunRecord) -> list[str]:
    """Return what differs between two runs of a flow, line by line.

    Raises:
        StoreError: What is recorded of one cannot be read.
    """
    old, new = parameters_of(before), parameters_of(after)
    lines = [
        f"parameter {name}: {_short(old.get(name))} → {_short(new.get(name))}"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]
    found = differences(Fingerprint.from_text(before.fingerprint), Fingerprint.from_text(after.fingerprint))
    lines += [str(difference) for difference in found]
    more = len(lines) - _MOST
    return [*lines[:_MOST], f"and {more} more"] if more > 0 else lines


def _option(store: RunStore) -> str:
    """Return what lines to paste have to say of a store: nothing of the usual one."""
    usual = default_path()
    is_usual = store.location in (usual, str(Path(usual).resolve()))
    return "" if is_usual else f" --store {shlex.quote(store.location)}"


def _short(value: object) -> str:
    text = as_text(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
