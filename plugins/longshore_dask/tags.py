"""What tags of a step ask of Dask."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from longshore import ConfigurationError

RESOURCE: Final = "dask-resource:"
PRIORITY: Final = "dask-priority:"


@lru_cache(maxsize=1024)
def options_of(tags: tuple[str, ...]) -> tuple[int, tuple[tuple[str, float], ...]]:
    """Return the priority and the worker resources that tags ask for.

    Raises:
        ConfigurationError: One of them cannot be read.
    """
    priority = 0
    resources: dict[str, float] = {}
    for tag in tags:
        try:
            if tag.startswith(PRIORITY):
                priority = int(tag.removeprefix(PRIORITY))
            elif tag.startswith(RESOURCE):
                name, _, amount = tag.removeprefix(RESOURCE).partition("=")
                resources[name] = float(amount or 1)
                if not name or not resources[name] > 0:
                    raise ValueError
        except ValueError:
            raise ConfigurationError(
                f"cannot read the tag {tag!r}; write {RESOURCE}GPU=1 or {PRIORITY}10"
            ) from None
    return priority, tuple(sorted(resources.items()))
