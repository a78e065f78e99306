"""Which process this is, told apart from those of other machines too."""

from __future__ import annotations

import os
import uuid

_made = os.getpid(), uuid.uuid4().hex


def this_process() -> str:
    """Return a name of this process that no other one has."""
    global _made
    if _made[0] != os.getpid():
        _made = os.getpid(), uuid.uuid4().hex
    return _made[1]
