"""Results that an executor keeps where they were made, instead of sending them to the driver."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from longshore.states import Mapped, State, Success

if TYPE_CHECKING:
    from collections.abc import Callable


class Held(ABC):
    """Stands, in the driver, for a result that stays on a worker.

    As an argument it arrives as the result itself; who asks the run for it fetches it.
    """

    @property
    @abstractmethod
    def length(self) -> int | None:
        """How many items it has, where it is a list; else None."""

    @abstractmethod
    def get(self) -> Any:
        """Fetch it.

        Raises:
            ResultLostError: It is not there any more.
        """

    @abstractmethod
    def part(self, key: Any, *, item: bool) -> Held:
        """Stand for `result[key]`, or for its attribute `key`."""

    @abstractmethod
    def apply(self, function: Callable[..., Any], *arguments: Any) -> Held:
        """Call a function with it, where it is, and stand for what that returns, which stays there too."""

    def parts(self) -> list[Held]:
        """Stand for the items of a list, each on its own."""
        return [self.part(index, item=True) for index in range(self.length or 0)]


def fetched(value: Any) -> Any:
    """Return a value with the results in the places of what stands for them, in lists and dicts too."""
    if isinstance(value, Held):
        return value.get()
    kind = cast("type[Any]", type(value))
    if kind is list or kind is tuple:
        return cast("Any", kind)(map(fetched, value))
    if kind is dict:
        return {key: fetched(item) for key, item in value.items()}
    return value


def with_result(state: State) -> State:
    """Return a state as people look at it: with its result, wherever that is."""
    if isinstance(state, Success) and isinstance(state.result, Held):
        return replace(state, result=state.result.get())
    if isinstance(state, Mapped) and any(isinstance(item, Held) for item in state.result):
        return replace(state, result=fetched(state.result))
    return state
