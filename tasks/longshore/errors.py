# ruff: noqa: N818 - outcomes are called what people say: TaskFailed, RetriesExhausted
"""The errors, one class for each `except` clause someone would write.

    LongshoreError
    ├── TaskDefinitionError (TypeError)     a Task subclass or a @task function cannot be used as written
    ├── ConfigurationError (ValueError)     a field of a task, executor or handler cannot have that value
    ├── FlowError                           a flow cannot be built
    │   ├── ArgumentError (TypeError)       an unknown, missing or repeated argument
    │   ├── StepUseError (TypeError)        a step was used where a value is needed
    │   ├── CycleError                      steps that wait for each other
    │   ├── ForeignStepError                a step of another flow
    │   ├── ParameterError (TypeError)      a parameter without value, unknown, or of the wrong type
    │   └── LimitError (ValueError)         two counts for one concurrency limit, or none
    ├── TravelError (TypeError)             a task, input or result that cannot be sent to another process
    ├── TaskError                           why an attempt, or a call outside a flow, did not succeed
    │   ├── TaskFailed                      `raise Fail(...)`, or a failure with nothing more to say
    │   ├── RetriesExhausted                every attempt failed
    │   ├── AttemptTimedOut (TimeoutError)  the attempt passed its deadline
    │   ├── TaskSkipped                     `raise Skip(...)` outside a flow
    │   ├── TaskCancelled                   the run was cancelled while the task ran
    │   ├── TriggerError                    the upstream states do not let the step start
    │   ├── SelectionError (LookupError)    `step["key"]` on a result that has no such key
    │   ├── MapError (ValueError)           mapped inputs of different lengths, or nothing to map over
    │   ├── WorkerCrashed                   the process that ran the attempt died
    │   └── PortableError                   stands for an error that cannot be pickled, with its text
    ├── HandlerError                        a state handler raised, hung or returned nonsense
    ├── FlowFailed                          `flow.run(raise_on_failure=True)` and the run failed
    ├── SecretError (LookupError)           a secret that cannot be resolved
    ├── OutputsError (ValueError)           a line of LONGSHORE_OUTPUTS that cannot be read
    ├── MissingExtraError (ImportError)     a library that an extra would install
    └── PluginError                         a plugin that cannot be loaded, or two of one name

`Skip`, `Retry` and `Fail` are not errors: they say an outcome from inside `run()`, and derive from
BaseException so that `except Exception` around a call does not swallow them.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

    from longshore.states import State


def _rebuild(cls: type[BaseException], args: tuple[Any, ...], attributes: dict[str, Any]) -> BaseException:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


class _Portable(BaseException):
    """Pickles by `args` and attributes, so a subclass may take any arguments in its `__init__`."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, dict(self.__dict__))


class LongshoreError(_Portable, Exception):
    """The root of every error that Longshore raises.

    An error may say `retryable = False`: another attempt cannot help, so none is made. It may carry
    `retry_after`, in seconds: the next attempt waits at least so long.
    """

    retryable: bool = True
    retry_after: float | None = None


class TaskDefinitionError(LongshoreError, TypeError):
    """A Task subclass or a `@task` function cannot be used as it is written."""


class ConfigurationError(LongshoreError, ValueError):
    """A field has a value that cannot work."""

    retryable = False


class FlowError(LongshoreError):
    """A flow cannot be built or run as it is."""

    retryable = False


class ArgumentError(FlowError, TypeError):
    """An argument that a task does not take, lacks, or got twice."""


class StepUseError(FlowError, TypeError):
    """A step or parameter was used where a value is needed, while the flow was being built."""


class CycleError(FlowError):
    """Steps that wait for each other."""


class ForeignStepError(FlowError):
    """A step of one flow was used in another."""


class ParameterError(FlowError, TypeError):
    """A flow's parameter has no value, is unknown, or has a value of the wrong type."""


class LimitError(FlowError, ValueError):
    """A concurrency limit with two counts, or with none."""


class TravelError(LongshoreError, TypeError):
    """Something cannot be sent to, or back from, the process that runs the step."""

    retryable = False


class TaskError(LongshoreError):
    """Why a task did not succeed. `state` is its last state, where one is known."""

    state: State | None = None


class TaskFailed(TaskError):
    """The task said `raise Fail(...)`, or failed without an error of its own."""


class RetriesExhausted(TaskError):
    """Every attempt failed; the last one's error is the cause."""


class AttemptTimedOut(TaskError, TimeoutError):
    """The attempt was not done at its deadline."""


class TaskSkipped(TaskError):
    """The task said `raise Skip(...)` outside a flow."""


class TaskCancelled(TaskError):
    """The run was cancelled while the task ran."""


class TriggerError(TaskError):
    """The states of the upstream steps do not let this one start."""


class SelectionError(TaskError, LookupError):
    """A result has no such key or attribute."""

    retryable = False


class MapError(TaskError, ValueError):
    """Inputs that cannot be mapped over together."""

    retryable = False


class WorkerCrashed(TaskError):
    """The process that ran the attempt died."""


class PortableError(TaskError):
    """Stands for an error that could not be pickled; `type_name` and `traceback_text` are the original's."""

    def __init__(self, message: str, type_name: str = "", traceback_text: str = "") -> None:
        super().__init__(message)
        self.type_name = type_name
        self.traceback_text = traceback_text


class HandlerError(LongshoreError):
    """A deciding state handler raised, took longer than `handler_timeout`, or returned what is no state."""

    retryable = False


class FlowFailed(LongshoreError):
    """The run ended Failed or Cancelled; `flow_run` has its states."""

    flow_run: Any = None


class SecretError(LongshoreError, LookupError):
    """A secret that cannot be resolved here."""


class OutputsError(LongshoreError, ValueError):
    """A program wrote an outputs line that cannot be read."""

    retryable = False


class MissingExtraError(LongshoreError, ImportError):
    """A library that one of Longshore's extras installs is not there."""

    retryable = False


class PluginError(LongshoreError):
    """A plugin cannot be loaded, or two plugins share a name."""


class Signal(_Portable):
    """An outcome said from inside `run()`."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message


class Skip(Signal):
    """End this step as Skipped: there was nothing to do."""


class Fail(Signal):
    """End this step as Failed, without another attempt."""


class Retry(Signal):
    """End this attempt and make another one, if any are left.

    Args:
        message: Why, for the log.
        after: Seconds to wait; the task's own `retry_delay` when None.
    """

    def __init__(self, message: str = "", *, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


def error_text(error: BaseException) -> str:
    """Return an error's message; a class whose `__str__` fails must not take a run down."""
    try:
        return str(error)
    except Exception as bad:  # noqa: BLE001 - another library's class
        return f"its message cannot be shown: {type(bad).__name__}"


def require(module: str, *, extra: str) -> ModuleType:
    """Import a library of an extra, or say how to install it.

    A library that is installed but broken shows its own error.

    Raises:
        MissingExtraError: The library is not installed.
    """
    top = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (
            error.name is not None
            and error.name.partition(".")[0] == top
            and not importlib.util.find_spec(top)
        ):
            raise MissingExtraError(
                f"{top!r} is not installed; run: pip install 'longshore[{extra}]'"
            ) from error
        raise
