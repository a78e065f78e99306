"""For executors on another library: how attempts come to workers, and what they say comes back.

A pool that has a `courier()` brings attempts to its workers itself, as `CourierPool` says. There `unpack()`
and `make_attempt()` make one, and `pack_state()` says what came of it, without a result that is too large to
travel for nothing: that stays, and a `Held` stands for it in the driver.
"""

from __future__ import annotations

from longshore.context import CANCEL_GRACE
from longshore.couriers.attempts import make_attempt, send_logs
from longshore.couriers.outcomes import PackedState, pack_state, unpack_state
from longshore.couriers.parcels import Packer, unpack
from longshore.datasets import News
from longshore.frontier import Unit
from longshore.held import Held
from longshore.logs import handle_elsewhere_made
from longshore.pools import Courier, CourierPool, NeverBeganError
from longshore.ready import depths
from longshore.references import isolate
from longshore.runner import Call
from longshore.travel import unsendable

__all__ = [
    "CANCEL_GRACE", "Call", "Courier", "CourierPool", "Held", "NeverBeganError", "News", "PackedState",
    "Packer", "Unit", "depths", "handle_elsewhere_made", "isolate", "make_attempt", "pack_state", "send_logs",
    "unpack", "unpack_state", "unsendable",
]  # fmt: skip
