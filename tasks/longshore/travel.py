"""What can leave this process, looked at before a run starts; and what comes back into it."""

from __future__ import annotations

import pickle
from concurrent.futures import Executor as FuturesExecutor
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from longshore.errors import TravelError
from longshore.executors import ExecutorLike, InlineExecutor, ThreadExecutor
from longshore.secrets import has_secrets, redact, redact_error
from longshore.states import Failed, Retrying

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore.flows import Flow
    from longshore.states import State

_LOCAL = (InlineExecutor, ThreadExecutor, ThreadPoolExecutor)


def check_travel(flow: Flow, executor: ExecutorLike | None) -> None:
    """Look, before anything runs, whether all that would be sent to other processes can be.

    Raises:
        TravelError: A field, input or handler cannot be pickled; it is named.
    """
    if executor is None or isinstance(executor, _LOCAL) or not _leaves_process(executor):
        return
    dumps = getattr(executor, "dumps", pickle.dumps)
    for node in flow.steps:
        parts = {
            f"field {name!r}": value for name, value in vars(node.task).items() if name not in node.waiting
        }
        parts.update({f"argument {name!r}": value for name, value in node.arguments.items() if node.plain})
        parts["its task"] = node.task if not node.waiting else None
        for what, value in parts.items():
            if what in ("field 'fn'", "field '__wrapped__'", "field '__doc__'"):
                continue
            _check(value, f"{what} of step {node.name!r}", dumps)
    _check(flow.step_handlers, f"step_handlers of flow {flow.name!r}", dumps)


def _leaves_process(executor: ExecutorLike) -> bool:
    if isinstance(executor, FuturesExecutor):
        return True
    return bool(getattr(executor, "remote", True))


def _check(value: Any, what: str, dumps: Callable[[Any], bytes]) -> None:
    try:
        dumps(value)
    except TravelError:
        raise
    except Exception as error:
        raise TravelError(
            f"cannot send {what} to another process: {one_line(value)} cannot be pickled ({error}); make it "
            "in run(), or use ThreadExecutor"
        ) from error


def one_line(value: Any) -> str:
    """Return a value's repr, cut to 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def unsendable(what: str, error: Exception) -> Failed:
    """Return the state of a step whose inputs or result cannot travel."""
    message = f"{what}: {type(error).__name__}: {error}"
    return Failed(TravelError(message), message=message)


def masked(state: State) -> State:
    """Mask, in a state that came from elsewhere, the secrets that only this process knows."""
    if not isinstance(state, Failed | Retrying) or not has_secrets():
        return state
    error = state.error and redact_error(state.error)
    return replace(state, error=error, message=redact(state.message), traceback=redact(state.traceback))
