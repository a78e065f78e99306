"""Whether a flow is still what it was when a run of it was recorded, and what to do when it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from longshore.errors import ConfigurationError
from longshore.fingerprints import Difference, Fingerprint, differences
from longshore.logs import run_log
from longshore.stores.errors import FlowChangedError

if TYPE_CHECKING:
    from longshore.flows import Flow
    from longshore.stores.interface import RunStore
    from longshore.stores.records import RunRecord

_DONE: Final = frozenset({"Success", "Cached", "Skipped", "Mapped"})


def check_changes(
    flow: Flow, present: Fingerprint, record: RunRecord, store: RunStore, changed: str | None
) -> list[str]:
    """Compare a flow with what was recorded of it; return the steps that are to run again although done.

    A step that was not done may be changed freely: it runs as it is now. Steps may be added and taken out.

    Raises:
        FlowChangedError: Steps that were done are no longer what they were, and `changed` is None.
        ConfigurationError: `changed` is neither `rerun`, `keep` nor None.
    """
    if changed not in (None, "rerun", "keep"):
        raise ConfigurationError(f"resume(changed={changed!r}): give 'rerun', 'keep', or None to be asked")
    found = differences(Fingerprint.from_text(record.fingerprint), present)
    if not found:
        return []
    done = {step.step for step in store.steps(record.run_id) if step.state in _DONE}
    stale = [difference for difference in found if difference.kind == "changed" and difference.step in done]
    if stale and changed is None:
        raise FlowChangedError(
            f"cannot resume run {record.run_id!r}: flow {flow.name!r} is no longer what was recorded; these "
            f"steps are done, and are not what they were: {_listed(stale)}; run them and what is behind them "
            f"again: longshore resume {record.run_id} --changed rerun; or keep their results: --changed keep"
        )
    for difference in found:
        kept = difference in stale and changed == "keep"
        run_log.warning("flow %s | %s%s", flow.name, difference, "; its result is kept" if kept else "")
    return [difference.step for difference in stale] if changed == "rerun" else []


def _listed(found: list[Difference]) -> str:
    return "; ".join(str(difference) for difference in found)
