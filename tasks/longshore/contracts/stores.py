"""`StoreContract`: what every run store does, as a suite that its tests inherit."""

from __future__ import annotations

from longshore.contracts.ownerships import Ownerships
from longshore.contracts.recordings import Recordings
from longshore.contracts.tellings import Tellings
from longshore.contracts.upkeep import Upkeep


class StoreContract(Recordings, Ownerships, Tellings, Upkeep):
    """What every run store does, whoever wrote it.

    Inherit it, and give a fixture `location`: the store, new and empty, as `open_store` takes it. Other
    processes open it under that text too, and are killed.

    Example:
        >>> class TestHarbour(StoreContract):
        ...     @pytest.fixture
        ...     def location(self, harbour: Harbour) -> str:
        ...         return f"harbour://{harbour.address}/{uuid4()}"
    """
