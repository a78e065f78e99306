"""Attempts as bytes: what those of a step have in common, and what each has of its own."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from longshore.runner import Call

Dumps: TypeAlias = Callable[[Any], bytes]
Loads: TypeAlias = Callable[[bytes], Any]
_SETTINGS: Final = (
    "task", "run_id", "flow", "tags", "handlers", "handler_timeout", "origin", "recorded_in", "variables",
)  # fmt: skip
"""What the attempts of a step have in common."""
_OWN: Final = ("arguments", "name", "map_index", "attempt", "state", "cache_key", "job")
_KEPT: Final = 256
"""Steps whose settings are kept ready, pickled here and unpickled there."""


class Packer:
    """Pickles attempts: what those of a step have in common once, and what each has of its own.

    Args:
        dumps: Pickles what the attempts of a step have in common.
    """

    def __init__(self, dumps: Dumps) -> None:
        self._dumps = dumps
        self._settings: OrderedDict[int, tuple[Call, bytes]] = OrderedDict()

    def pack(self, call: Call, dumps: Dumps) -> tuple[bytes, bytes]:
        """Return an attempt's settings and what is its own.

        Args:
            call: The attempt.
            dumps: Pickles the latter, with whatever stands for results in it.

        Raises:
            Exception: A part of it cannot be pickled.
        """
        own = dumps(tuple([getattr(call, name) for name in _OWN]))
        known = self._settings.get(id(call.task))
        if known is None or known[0].handlers is not call.handlers:
            settings = self._dumps(tuple([getattr(call, name) for name in _SETTINGS]))
            known = self._settings[id(call.task)] = (
                call,
                settings,
            )  # holds the task, so that its id stays its own
            if len(self._settings) > _KEPT:
                self._settings.popitem(last=False)
        return known[1], own


_unpacked: OrderedDict[bytes, tuple[Any, ...]] = OrderedDict()


def unpack(settings: bytes, own: bytes, loads: Loads = pickle.loads) -> Call:
    """Return the attempt that was packed.

    Args:
        settings: What the attempts of its step have in common.
        own: What it has of its own.
        loads: Unpickles the latter, with results in the places of what stands for them.
    """
    known = _unpacked.get(settings)
    if known is None:
        known = _unpacked[settings] = pickle.loads(settings)  # noqa: S301 - from the driver that sent it
        if len(_unpacked) > _KEPT:
            _unpacked.popitem(last=False)
    return Call(**dict(zip(_SETTINGS, known, strict=True)), **dict(zip(_OWN, loads(own), strict=True)))
