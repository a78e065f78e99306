"""The hooks: what a plugin may offer, and what it may watch. Each docstring is the contract.

A plugin is a module with functions of these names, marked with `@hookimpl`. It writes only those that it
needs, and takes only the arguments that it needs, by name.

Example:
    >>> @hookimpl
    ... def longshore_tasks() -> list[type[Task[Any]]]:
    ...     return [AcmeGreet]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pluggy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from longshore.alerts.channels import Channel
    from longshore.context import Attempt
    from longshore.datasets import Dataset
    from longshore.handlers import StateHandler, Subject
    from longshore.leftovers import Leftover
    from longshore.pools import Executor
    from longshore.progress import Progress
    from longshore.states import State
    from longshore.stores.interface import RunStore
    from longshore.tasks import Task

hookspec: Final = pluggy.HookspecMarker("longshore")
hookimpl: Final = pluggy.HookimplMarker("longshore")


@hookspec
def longshore_tasks() -> Sequence[type[Task[Any]]]:  # type: ignore[empty-body]
    """Return the task classes that `longshore tasks` lists, as `<plugin>.<class>`."""


@hookspec
def longshore_executors() -> Mapping[str, Callable[[str], Executor]]:  # type: ignore[empty-body]
    """Return executors by name; each is made from the text after the colon of `--executor name:text`."""


@hookspec
def longshore_stores() -> Mapping[str, Callable[[str], RunStore]]:  # type: ignore[empty-body]
    """Return run stores by URL scheme; each is made from the whole URL of `--store scheme://...`."""


@hookspec
def longshore_storage() -> Mapping[str, Callable[[], Any]]:  # type: ignore[empty-body]
    """Return object stores by URL scheme; each makes the connection that a URL without settings is given.

    What they make is a `longshore_storage.Connection`.
    """


@hookspec
def longshore_channels() -> Mapping[str, type[Channel]]:  # type: ignore[empty-body]
    """Return the channels of alerts by the scheme of their addresses: `{"pager": Pager}` for `pager:0170`."""


@hookspec
def longshore_state_handlers() -> Sequence[StateHandler]:  # type: ignore[empty-body]
    """Return state handlers for every task run and every flow run of this process."""


@hookspec
def longshore_secrets() -> Mapping[str, Callable[[str], str]]:  # type: ignore[empty-body]
    """Return resolvers by scheme; `Secret("scheme:text")` calls one with the text when the secret is used."""


@hookspec
def longshore_commands() -> Sequence[Any]:  # type: ignore[empty-body]
    """Return click commands that the `longshore` command takes in beside its own."""


@hookspec
def longshore_environment(attempt: Attempt) -> Mapping[str, str]:  # type: ignore[empty-body]
    """Return environment variables for the processes, containers and jobs that an attempt starts.

    Asked where the attempt is made; and once where the run is driven, with an attempt that has no name: that
    answer travels with every attempt of the run, as its `variables`.
    """


@hookspec
def longshore_around_attempt(attempt: Attempt) -> AbstractContextManager[object] | None:
    """Return what is entered around the work of an attempt, where it is made; None for nothing."""


@hookspec
def longshore_state_changed(subject: Subject, old: State, new: State) -> None:
    """Watch each transition; what is returned or raised changes nothing.

    A job that was submitted is one from Running to Running, with its handle.
    """


@hookspec
def longshore_progress(subject: Subject, progress: Progress) -> None:
    """Watch how far the steps of a run are, as they say it; slow ones miss some of it."""


@hookspec
def longshore_dataset(subject: Subject, dataset: Dataset) -> None:
    """Watch what steps say they read and wrote: after the step's Running state, and before its last one."""


@hookspec
def longshore_watches() -> bool:  # type: ignore[empty-body]
    """Return False to hear of nothing, and to give nothing, in what begins now; asked for each run."""


@hookspec
def longshore_run_started(run: Any) -> None:
    """Watch a flow run begin."""


@hookspec
def longshore_run_finished(run: Any) -> None:
    """Watch a flow run end, with its final state."""


@hookspec
def longshore_sweep() -> Iterable[Leftover]:  # type: ignore[empty-body]
    """Yield what this plugin left in other systems and no process works on any more, as `Leftover`s.

    `longshore sweep` lists them and ends them on request; `longshore prune` ends those that no run goes on
    with. Look only where the plugin itself has written down what it began, and leave out what a living
    process works on.
    """


@hookspec
def longshore_doctor() -> Iterable[tuple[str, bool, str]]:  # type: ignore[empty-body]
    """Yield what `longshore doctor` shows: subject, whether it is well, and what was seen or what to do."""
