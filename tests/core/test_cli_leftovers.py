"""`longshore sweep` and `longshore prune` end what plugins have left in other systems."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("click", reason="needs longshore[cli]")
if sys.platform == "win32":
    pytest.skip("needs signals", allow_module_level=True)

from recorded_flows import Command

from longshore.stores.records import RunChanged, RunRecord
from longshore.stores.sqlite import SQLiteStore

PLUGIN = """
    import pathlib
    from longshore import Leftover, hookimpl

    FOLDER = pathlib.Path({folder!r})

    def leftover(path):
        run_id, store, since = path.read_text().split("|")

        def end():
            if path.name == "stuck":
                raise PermissionError("the service says \\x1b[31mno")
            path.unlink()
            return True

        return Leftover(
            kind="multipart upload", label=f"lake://{{path.name}}", end=end, text="2 of 3 parts",
            since=float(since), run_id=run_id, store=store,
        )

    @hookimpl
    def longshore_sweep():
        for path in sorted(FOLDER.iterdir()):
            yield leftover(path)
        if (FOLDER.parent / "broken").exists():
            raise OSError("the ledger cannot be read")
"""


@pytest.fixture
def longshore(tmp_path: Path, shelf: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    (tmp_path / "lake").mkdir()
    shelf.add("lake", PLUGIN.format(folder=str(tmp_path / "lake")))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("LONGSHORE_ALLOW_PLUGINS", "lake")
    command = Command(tmp_path)
    yield command
    command.end()


@pytest.fixture
def store(longshore: Command) -> Iterator[SQLiteStore]:
    store = SQLiteStore(longshore.store)
    add_run(store, "done-run", "Success", 2.0)
    add_run(store, "failed-run", "Failed", time.time())
    yield store
    store.close()


def add_run(store: SQLiteStore, run_id: str, state: str, ended: float) -> None:
    """Put a run on record that has ended so."""
    store.create(RunRecord(run_id=run_id, flow="nightly", created=1.0))
    store.claim(run_id, "token")
    store.write(run_id, "token", [RunChanged(state=state, message="", time=ended, finished=True)])
    store.release(run_id, "token")


def leave(longshore: Command, name: str, run_id: str = "", store: SQLiteStore | None = None) -> Path:
    """Have the plugin say that there is something left, since an hour ago."""
    path: Path = longshore.folder / "lake" / name
    path.write_text(f"{run_id}|{store.location if store else ''}|{time.time() - 3600}")
    return path


def test_sweep_shows_what_is_left_and_ends_it_but_for_what_a_run_may_go_on_with(
    longshore: Command, store: SQLiteStore
) -> None:
    done = leave(longshore, "done.csv", "done-run", store)
    held = leave(longshore, "held.csv", "failed-run", store)
    lines = longshore("sweep").stdout.splitlines()
    assert lines[0].split() == ["run", "what", "is", "left", "which"]
    told = "2 of 3 parts, 1 h 00 min ago, plugin lake"
    assert " ".join(lines[1].split()) == f"done-run multipart upload lake://done.csv left {told}"
    assert " ".join(lines[2].split()) == f"failed-run multipart upload lake://held.csv held {told}"
    assert lines[4:] == [
        "1 multipart upload can be ended: longshore sweep --end",
        "",
        "1 multipart upload held for a run; to end that too: longshore sweep --end --held",
        "to go on with it: longshore resume failed-run",
    ]
    assert done.exists()
    swept = longshore.told("sweep", "--end")
    assert [(one["label"], one["found"], one["run_state"]) for one in swept] == [
        ("lake://done.csv", "was ended", "Success"), ("lake://held.csv", "held", "Failed"),
    ]  # fmt: skip
    assert (done.exists(), held.exists()) == (False, True)
    assert longshore("sweep", "--end", "--held").returncode == 0
    assert not held.exists()
    assert longshore("sweep").stdout == "nothing in other systems is without a run\n"
    assert "longshore sweep --end --held" in longshore("sweep", "--held").stderr


def test_what_cannot_be_ended_or_asked_for_makes_sweep_fail_and_is_said(
    longshore: Command, store: SQLiteStore
) -> None:
    leave(longshore, "stuck")
    (longshore.folder / "broken").touch()
    answer = longshore("sweep", "--end")
    assert answer.returncode == 1
    assert "cannot end  PermissionError: the service says \\x1b[31mno" in answer.stdout
    assert "longshore_sweep of plugin 'lake'" in answer.stderr
    assert "it raised OSError: the ledger cannot be read" in answer.stderr
    pruned = longshore("prune", "--older-than", "1d")
    assert pruned.returncode == 1
    assert "cannot end multipart upload 'lake://stuck' of plugin 'lake': PermissionError" in pruned.stderr
    (longshore.folder / "lake" / "stuck").unlink()
    assert longshore("sweep").returncode == 0


def test_prune_ends_what_no_run_goes_on_with_any_more(longshore: Command, store: SQLiteStore) -> None:
    add_run(store, "failed-long-ago", "Failed", 2.0)
    alone = leave(longshore, "alone.csv")
    old = leave(longshore, "old.csv", "failed-long-ago", store)
    held = leave(longshore, "held.csv", "failed-run", store)
    foreseen = longshore.told("prune", "--older-than", "1d", "--dry-run")
    assert foreseen["runs"] == 2
    assert [(one["label"], one["found"]) for one in foreseen["left_over"]] == [
        ("lake://alone.csv", "left"), ("lake://old.csv", "left"),
    ]  # fmt: skip
    assert (alone.exists(), old.exists()) == (True, True)
    again = longshore("prune", "--older-than", "1d", "--dry-run").stdout
    assert "would end 2 multipart uploads that no run goes on with\n" in again
    said = longshore("prune", "--older-than", "1d")
    assert said.stdout.splitlines()[1:] == ["ended 2 multipart uploads that no run goes on with"]
    assert said.returncode == 0
    assert (alone.exists(), old.exists(), held.exists()) == (False, False, True)
