"""What this integration offers."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from longshore import hookimpl
from longshore_openlineage import senders, settings
from longshore_openlineage.identities import variables_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from longshore import Attempt, Dataset, FlowRun, State, Subject


@hookimpl
def longshore_watches() -> bool:
    """Watch only where somebody said where lineage goes."""
    return settings.is_configured()


@hookimpl
def longshore_run_started(run: FlowRun) -> None:
    """Take note of a run."""
    if settings.is_configured():
        senders.ledger.begin(run, senders.sender().put)


@hookimpl
def longshore_state_changed(subject: Subject, new: State) -> None:
    """Tell of a transition."""
    senders.ledger.changed(subject, new)


@hookimpl
def longshore_dataset(subject: Subject, dataset: Dataset) -> None:
    """Take note of a dataset."""
    senders.ledger.named(subject, dataset)


@hookimpl
def longshore_run_finished(run: FlowRun) -> None:
    """Take note that a run is no longer driven."""
    senders.ledger.finished(run.run_id)


@hookimpl
def longshore_environment(attempt: Attempt) -> dict[str, str]:
    """Name the step to programs that tell lineage themselves."""
    if not attempt.run_id or not settings.is_configured():
        return {}
    return variables_of(attempt.flow, attempt.run_id, attempt.name, attempt.variables or {})


@hookimpl
def longshore_doctor() -> Iterable[tuple[str, bool, str]]:
    """Look for the client and for the settings; no backend is asked."""
    found = find_spec("openlineage") is not None and find_spec("openlineage.client") is not None
    wanted = settings.is_configured()
    told = "installed" if found else "not installed; run: pip install 'longshore[openlineage]'"
    yield "openlineage-python", found, told
    if not wanted:
        yield (
            "transport",
            True,
            "none is set, so no lineage is told; to tell it: export OPENLINEAGE_URL=http://...",
        )
    elif found:
        from longshore_openlineage.backends import checkup

        yield "transport", *checkup()
