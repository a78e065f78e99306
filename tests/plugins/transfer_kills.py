"""Rows T3 and T4 for any service: what a kill leaves, and what the next process does with it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from object_faults import dripping, silent
from object_proxy import FOR_EVER
from transfer_rigs import KIB, OLD, Receiving, Rig, content

CHILD = Path(__file__).parent / "killed_transfers.py"
PART = 128 * KIB
DATA = content(8 * PART + 5)


class Child:
    """A process that transfers."""

    def __init__(self, rig: Rig, what: str, path: Path, part_size: int, **more: Any) -> None:
        spec = {
            **rig.as_told(),
            "url": rig.at("cargo").url,
            "path": str(path),
            "part_size": part_size,
            **more,
        }
        self.said = path.with_name(f"said-{uuid.uuid4().hex}")
        with self.said.open("w") as said:
            self.process = subprocess.Popen(
                [sys.executable, str(CHILD), what, json.dumps(spec)],
                stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            )  # fmt: skip

    def wait_for(self, seen: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not seen():
            assert self.process.poll() is None, self.said.read_text()
            assert time.monotonic() < end, "nothing came"
            time.sleep(0.002)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def finish(self) -> None:
        assert self.process.wait(60) == 0, self.said.read_text()


class KilledDownloads:
    """Inherit it, and have a fixture `rig`."""

    def test_a_killed_download_leaves_the_old_file(
        self, rig: Rig, tmp_path: Path, gate_count: Callable[[int, int], int]
    ) -> None:
        rig.write("cargo", DATA)
        rig.store()
        target = tmp_path / "target" / "data.bin"
        target.parent.mkdir()
        target.write_bytes(OLD)
        rig.proxy.on(rig.reads, dripping(16 * KIB, 0.02), times=FOR_EVER)
        moments = random.Random(3)
        wanted, killed = gate_count(3, 100), 0
        while killed < wanted:
            before = len(rig.proxy.seen(rig.reads))
            child = Child(rig, "download", target, PART)
            child.said.rename(tmp_path / child.said.name)
            child.wait_for(lambda before=before: len(rig.proxy.seen(rig.reads)) > before)  # type: ignore[misc]
            time.sleep(moments.uniform(0, 0.3))
            child.kill()
            if target.read_bytes() == DATA:  # it was faster
                target.write_bytes(OLD)
                continue
            assert target.read_bytes() == OLD
            killed += 1
        receiving = Receiving(rig, target, PART)
        rig.proxy.heal()
        receiving.run(DATA)
        assert target.read_bytes() == DATA
        assert receiving.leftovers() == []


class KilledUploads:
    """Inherit it, and have a fixture `rig`."""

    @pytest.fixture
    def source(self, rig: Rig, tmp_path: Path) -> Path:
        path = tmp_path / "source"
        path.write_bytes(content(4 * rig.smallest_part + 1))
        rig.write("cargo", OLD)
        return path

    @pytest.mark.parametrize("arrived", [0, 1, 3])
    def test_a_killed_upload_of_a_run_goes_on_with_the_parts_that_arrived(
        self, rig: Rig, source: Path, tmp_path: Path, arrived: int
    ) -> None:
        run = {"store": str(tmp_path / "runs.db"), "run_id": uuid.uuid4().hex}
        kill_after(rig, source, "run", arrived, **run)
        Child(rig, "run", source, rig.smallest_part, **run).finish()
        assert rig.read("cargo") == source.read_bytes()
        assert rig.open_uploads() == []
        counts = Counter(rig.part_of(each) for each in rig.proxy.seen(rig.parts) if each.arrived)
        assert sum(counts.values()) - len(counts) <= 1
        assert len(rig.proxy.seen(rig.begins)) == 1

    def test_a_killed_upload_of_no_run_is_aborted_by_the_next_one(self, rig: Rig, source: Path) -> None:
        kill_after(rig, source, "upload", 1)
        Child(rig, "upload", source, rig.smallest_part).finish()
        assert rig.read("cargo") == source.read_bytes()
        assert rig.open_uploads() == []

    def test_uploads_that_others_left_are_not_touched(self, rig: Rig, source: Path) -> None:
        theirs = rig.begin_upload("theirs")
        kill_after(rig, source, "upload", 1)
        Child(rig, "upload", source, rig.smallest_part).finish()
        assert rig.open_uploads() == ["theirs"]
        theirs()


def kill_after(rig: Rig, source: Path, what: str, arrived: int, **more: Any) -> None:
    """Start an upload and kill it while its next parts are sent; what came is neither old nor new as yet."""
    rig.store()
    rig.proxy.on(rig.parts, silent, times=FOR_EVER, after=arrived)
    child = Child(rig, what, source, rig.smallest_part, **more)

    def stands() -> bool:
        seen = rig.proxy.seen(rig.parts)
        return sum(each.status > 0 for each in seen) == arrived and len(seen) > arrived

    child.wait_for(stands)
    child.kill()
    assert rig.read("cargo") == OLD
    assert "cargo" in rig.open_uploads()
    rig.proxy.heal()
