"""One run, in the process that was started for it."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from longshore.alerts.additions import add_alerts
from longshore.cli import FAILED, USAGE, exit_code
from longshore.errors import LongshoreError
from longshore.flowfiles import load_flow
from longshore.flowruns import run_recorded
from longshore.logs import console_when_unconfigured, run_log
from longshore.redaction import redact
from longshore.serving.children import MARK, TAKEN
from longshore.serving.marks import end_run
from longshore.stores.errors import RunTakenError, StoreError
from longshore.stores.locations import open_store

if TYPE_CHECKING:
    from longshore.stores.interface import RunStore


def do_run(run_id: str, target: str, where: str, *alerts: str) -> int:
    """Run or resume a recorded run, and return what to exit with.

    One that cannot be started, because its file is broken, say, is recorded as Failed, with the reason.

    Args:
        run_id: The run.
        target: Where its flow is: `/path/flows.py:nightly`.
        where: The place of the run store.
        alerts: Addresses of channels that are told of its failures.
    """
    store = open_store(where)
    try:
        flow = load_flow(target)
        add_alerts(flow, alerts)
        os.environ.pop(MARK, None)  # programs that the run starts may serve what they like
        with console_when_unconfigured(label=f"{flow.name} {run_id[:8]}"):
            return 0 if run_recorded(flow, run_id, store).succeeded else FAILED
    except RunTakenError:
        return TAKEN
    except KeyboardInterrupt as interrupt:
        return exit_code(interrupt)
    except Exception as error:  # noqa: BLE001 - whatever it is, the run's record says it
        _give_up(store, run_id, target, error)
        return USAGE
    finally:
        store.close()


def _give_up(store: RunStore, run_id: str, target: str, error: Exception) -> None:
    text = str(error) if isinstance(error, LongshoreError) else f"{type(error).__name__}: {error}"
    message = redact("\n".join([f"cannot start: {text}", *getattr(error, "__notes__", [])]))
    with console_when_unconfigured():
        run_log.error("%s %s | Failed: %s", target.rpartition(":")[2], run_id[:8], message)
    with suppress(StoreError):
        end_run(store, run_id, "Failed", message)
