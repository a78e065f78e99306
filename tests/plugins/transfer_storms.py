"""Row T5 for any service: what many tasks do to one that refuses everything."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from object_proxy import FOR_EVER, everything
from transfer_rigs import KIB, Rig, content

from longshore import Exponential
from longshore_storage.errors import ThrottledError
from longshore_storage.sources import BytesSource
from longshore_storage.transfers import Settings, download, patience, upload

TASKS = 64


class Storms:
    """Inherit it, and have a fixture `rig`."""

    @pytest.mark.parametrize("what", ["downloads", "uploads"])
    def test_a_service_that_refuses_everything_is_asked_little_and_never_by_all_at_once(
        self, rig: Rig, tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch,
        gate_count: Callable[[int, int], int],
    ) -> None:  # fmt: skip
        """The quick variant is the same storm three times as fast."""
        haste = gate_count(3, 1)
        monkeypatch.setattr(patience, "_SLOWER", Exponential(base=3.0 / haste, cap=20.0 / haste))
        random.seed(5)
        store = rig.store()
        data = content(64 * KIB)
        rig.write("cargo", data)
        rig.proxy.on(everything, rig.slow_down, times=FOR_EVER)

        def transfer(number: int) -> None:
            with pytest.raises(ThrottledError):
                if what == "downloads":
                    download(store, rig.at("cargo"), tmp_path / str(number), settings=Settings())
                else:
                    upload(BytesSource(data), store, rig.at(f"cargo-{number}"))

        with ThreadPoolExecutor(TASKS) as pool:
            list(pool.map(transfer, range(TASKS)))
        moments = sorted(each.at for each in rig.proxy.seen())
        repeats = moments[TASKS:]
        assert len(repeats) <= 100
        buckets = Counter(int((moment - moments[0]) * 10 * haste) for moment in repeats)
        assert max(buckets.values()) <= len(repeats) * gate_count(15, 10) // 100, buckets
