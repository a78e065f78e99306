"""What a sync does, and what it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from longshore_storage.patterns import Pattern

Compare = Literal["quick", "content", "size", "always"]
COMPARISONS: Final = ("quick", "content", "size", "always")


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a sync does.

    Args:
        compare: When two objects count as equal.
        delete: Whether what the source does not have goes.
        dry_run: Whether to do nothing, and only tell.
        include: Names that fit one of them; empty for all.
        exclude: No names that fit one of them.
        objects: How many are under way at once.
    """

    compare: Compare = "quick"
    delete: bool = False
    dry_run: bool = False
    include: tuple[Pattern, ...] = ()
    exclude: tuple[Pattern, ...] = ()
    objects: int = 16

    def concerns(self, name: str) -> bool:
        """Tell whether a name is to be looked at, at either place."""
        if self.include and not any(pattern.fits(name) for pattern in self.include):
            return False
        return not any(pattern.fits(name) for pattern in self.exclude)


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One thing that a sync would do.

    Args:
        action: `"copy"` or `"delete"`.
        url: The object that would be new, replaced or gone.
        size: Bytes to copy, or that would be gone.
        why: What was seen.
    """

    action: Literal["copy", "delete"]
    url: str
    size: int
    why: str

    def __str__(self) -> str:
        return f"{self.action} {self.url} ({self.size:,} bytes): {self.why}"


@dataclass(frozen=True, kw_only=True)
class Synced:
    """What a sync did, or would do.

    Args:
        copied: Objects that were copied.
        bytes_copied: Their bytes.
        equal: Objects that were there already.
        deleted: Objects that were deleted from the target.
        plan: What would be done, the first thousand; empty if it was done.
        dry_run: Whether nothing was done.
    """

    copied: int = 0
    bytes_copied: int = 0
    equal: int = 0
    deleted: int = 0
    plan: tuple[Planned, ...] = ()
    dry_run: bool = False
