"""Making what is below one place like what is below another, in the memory that a thousand names take."""

from __future__ import annotations

from longshore_storage.sync.rules import COMPARISONS, Compare, Planned, Rules, Synced
from longshore_storage.sync.syncing import sync

__all__ = ["COMPARISONS", "Compare", "Planned", "Rules", "Synced", "sync"]
