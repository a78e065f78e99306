"""Serving processes: real ones on one real store, that share the work, are killed, and are told to stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from longshore.flowfiles import load_flow
from longshore.stores.interface import RunStore
from longshore.stores.locations import open_store

pytest.importorskip("click", reason="needs longshore[cli]")

COMMAND = [sys.executable, "-c", "import sys; from longshore.cli import main; sys.exit(main())"]
FLOWS = Path(__file__).with_name("served_flows.py")


class Shop:
    """A folder with a store, flows that are served from it, and the processes that do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = dict(
            os.environ,
            SERVED_FOLDER=str(folder),
            SERVED_START=str(time.time() + 1.5),
            LONGSHORE_STORE=str(folder / "runs.db"),
            LONGSHORE_ALLOW_PLUGINS="none",
        )
        self.servers: list[subprocess.Popen[str]] = []
        self.store: RunStore = open_store(folder / "runs.db")

    def serve(self, *flows: str, workers: int = 4, place: Path = FLOWS) -> subprocess.Popen[str]:
        words = [f"{place}:{name}" for name in flows]
        log = (self.folder / f"server{len(self.servers)}.log").open("w")
        server = subprocess.Popen(
            [*COMMAND, "serve", *words, "--workers", str(workers)],
            env=self.environment, cwd=self.folder, stdout=log, stderr=log, text=True,
        )  # fmt: skip
        log.close()
        self.servers.append(server)
        return server

    def longshore(self, *words: str, wait: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *words], env=self.environment, cwd=self.folder, capture_output=True, text=True,
            timeout=wait, check=False,
        )  # fmt: skip

    def log(self, number: int = 0) -> str:
        return (self.folder / f"server{number}.log").read_text()

    def told(self, name: str) -> list[tuple[str, int, int, float]]:
        """What the runs of a flow said: word, n, process, time."""
        path = self.folder / f"{name}.txt"
        lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
        return [(word, int(n), int(pid), float(at)) for word, n, pid, at in lines]

    def states(self, name: str) -> Counter[str]:
        return Counter(run.state for run in self.store.runs(flow=name))

    def stop(self, server: subprocess.Popen[str], signum: int = signal.SIGTERM) -> int:
        server.send_signal(signum)
        return server.wait(20)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    for server in made.servers:
        if server.poll() is None:
            server.terminate()
            server.wait(20)
    made.store.close()


def until(found: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


def submit(shop: Shop, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Submit runs from this process."""
    monkeypatch.setenv("SERVED_FOLDER", str(shop.folder))
    many = load_flow(f"{FLOWS}:many")
    for n in range(count):
        many.submit(store=shop.store, n=n)


def test_two_servers_share_the_work_and_neither_a_killed_server_nor_a_killed_run_loses_any(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given 20 submitted runs, when a run and a server are killed, then all are done, each once."""
    submit(shop, monkeypatch, 20)
    first, _second = shop.serve("many", workers=2), shop.serve("many", workers=2)
    until(lambda: len(shop.told("many")) >= 2)
    _, killed_n, killed_pid, _ = next(line for line in reversed(shop.told("many")) if line[0] == "start")
    os.kill(killed_pid, signal.SIGKILL)
    until(lambda: sum(word == "end" for word, *_ in shop.told("many")) >= 8)
    first.kill()
    first.wait()
    until(lambda: shop.states("many") == {"Success": 20})
    starts = Counter(n for word, n, *_ in shop.told("many") if word == "start")
    ends = Counter(n for word, n, *_ in shop.told("many") if word == "end")
    assert set(ends) == set(range(20))
    assert {n for n, count in starts.items() if count > 1} <= {killed_n}
    assert starts[killed_n] <= 2
    assert {n for n, count in ends.items() if count > 1} <= {killed_n}


def test_runs_of_a_killed_server_go_on_to_their_end(shop: Shop) -> None:
    server = shop.serve("many")
    run_id = shop.longshore("submit", f"{FLOWS}:many", "--n", "1", "--seconds", "1.5").stdout.strip()
    until(lambda: shop.told("many"))
    server.kill()
    server.wait()
    until(lambda: shop.store.run(run_id).state == "Success", 10)
    assert [word for word, *_ in shop.told("many")] == ["start", "end"]


def test_a_run_whose_process_dies_is_resumed_three_times_at_most(shop: Shop) -> None:
    shop.serve("doomed")
    answer = shop.longshore("submit", f"{FLOWS}:doomed", "--wait")
    assert answer.returncode == 1
    assert "ended Crashed" in answer.stderr
    time.sleep(1.2)
    assert len(shop.told("doomed")) == 3
    [run] = shop.store.runs()
    assert (run.state, run.tries) == ("Crashed", 3)
    assert shop.log().count("its process was ended by SIGKILL") == 3


def test_overlapping_runs_wait_are_left_out_or_run_together_also_among_two_servers(shop: Shop) -> None:
    """Each flow has three times, a second apart, and its runs take longer than that."""
    flows = ["queued", "skipping", "together"]
    servers = [shop.serve(*flows), shop.serve(*flows)]
    until(lambda: all(shop.states(name)["Scheduled"] == 3 for name in flows), 5)
    until(lambda: sum(shop.states(name)["Success"] + shop.states(name)["Skipped"] for name in flows) == 9)
    assert [(word, n) for word, n, *_ in shop.told("queued")] == [
        (word, n) for n in (1, 2, 3) for word in ("start", "end")
    ]
    assert shop.states("skipping")["Skipped"] >= 1
    said = [word for word, *_ in shop.told("skipping")]
    assert said == ["start", "end"] * shop.states("skipping")["Success"]
    assert [word for word, *_ in shop.told("together")[:2]] == ["start", "start"]
    assert [shop.stop(server) for server in servers] == [143, 143]
    for number in (0, 1):
        assert "Traceback" not in shop.log(number)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_runs_in_order_and_starts_no_more(shop: Shop, signum: int, code: int) -> None:
    for n in ("1", "2"):
        shop.longshore("submit", f"{FLOWS}:many", "--n", n, "--seconds", "1")
    server = shop.serve("many", workers=1)
    until(lambda: shop.told("many"))
    assert shop.stop(server, signum) == code
    assert shop.states("many") == {"Cancelled": 1, "Scheduled": 1}
    assert f"received {signum.name}: ending many" in shop.log()  # type: ignore[attr-defined]
    assert len(shop.told("many")) == 2, "the step of a run in threads is waited for, and no other begins"


def test_ctrl_c_twice_leaves_at_once_and_the_run_is_shown_as_crashed(shop: Shop) -> None:
    server = shop.serve("many")
    shop.longshore("submit", f"{FLOWS}:many", "--n", "1", "--seconds", "20")
    until(lambda: shop.told("many"))
    server.send_signal(signal.SIGINT)
    time.sleep(0.6)
    server.send_signal(signal.SIGINT)
    assert server.wait(5) == 130
    assert shop.states("many") == {"Crashed": 1}


def test_the_next_ten_stand_in_the_store_while_a_flow_is_served(shop: Shop) -> None:
    shop.serve("hourly")
    until(lambda: shop.states("hourly") == {"Scheduled": 10})
    answer = shop.longshore("submit", "hourly", "--wait")
    assert answer.returncode == 0, answer.stderr
    assert "flow 'hourly' ended Success" in answer.stderr
    assert shop.store.run(answer.stdout.strip()).state == "Success"


def test_lines_of_several_flows_say_whose_they_are(shop: Shop) -> None:
    shop.serve("hourly", "many")
    until(lambda: shop.states("hourly"))
    for words in (["hourly"], [f"{FLOWS}:many", "--n", "4"]):
        assert shop.longshore("submit", *words, "--wait").returncode == 0
    for run in shop.store.runs(states=["Success"]):
        assert f"INFO    {run.flow} {run.run_id[:8]} | work | Success" in shop.log()


def test_a_file_that_cannot_be_loaded_fails_its_run_with_the_reason(shop: Shop) -> None:
    half = shop.folder / "half_saved.py"
    half.write_text("from longshore import flow\n\n@flow\ndef sometimes():\n    pass\n")
    shop.serve("sometimes", place=half)
    until(lambda: "serving sometimes" in shop.log())
    sometimes = load_flow(f"{half}:sometimes")
    half.write_text("raise ValueError('half saved')\n")
    submitted = sometimes.submit(store=shop.store)
    until(lambda: shop.store.run(submitted).state == "Failed", 10)
    assert "half_saved.py" in shop.store.run(submitted).message
    assert "ValueError: half saved" in shop.store.run(submitted).message
    assert f"sometimes {submitted[:8]} | Failed: cannot start" in shop.log()


def test_a_script_that_serves_without_a_guard_does_not_start_servers_without_end(shop: Shop) -> None:
    script = shop.folder / "unguarded.py"
    script.write_text(
        "from longshore import flow\n\n@flow\ndef once():\n    pass\n\n"
        "if __name__ == '__main__':\n    once.submit()\nonce.serve()\n"
    )
    server = subprocess.Popen(
        [sys.executable, str(script)],
        env=shop.environment,
        cwd=shop.folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    shop.servers.append(server)
    until(lambda: shop.states("once") == {"Failed": 1}, 10)
    [run] = shop.store.runs()
    assert 'if __name__ == "__main__":' in run.message
    server.send_signal(signal.SIGINT)
    _, err = server.communicate(timeout=10)
    assert "KeyboardInterrupt: serving was ended: received SIGINT" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["serve"], "Missing argument 'FLOW...'"),
        (["serve", f"{FLOWS}:many", "--workers", "0"], "--workers"),
        (["serve", f"{FLOWS}:many", f"{FLOWS}:many"], "cannot serve two flows 'many'"),
        (["serve", f"{FLOWS}:no"], "has no flow 'no'"),
        (["submit", "nightly"], "longshore submit flows.py:nightly"),
        (["submit", f"{FLOWS}:many"], "--n"),
        (["submit", f"{FLOWS}:many", "--n", "1", "--at", "tomorrow"], "'tomorrow'"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_started(shop: Shop, words: list[str], message: str) -> None:
    answer = shop.longshore(*words)
    assert answer.returncode == 2
    assert message in answer.stderr
    assert shop.store.runs() == []


def test_a_run_is_submitted_once_under_an_id_of_ones_own(shop: Shop) -> None:
    words = ["submit", f"{FLOWS}:many", "--n", "1", "--run-id", "mine"]
    assert shop.longshore(*words).stdout == "mine\n"
    again = shop.longshore(*words)
    assert again.returncode == 2
    assert "there is one of this id, Scheduled" in again.stderr
