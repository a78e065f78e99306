"""Workers, schedulers and drivers that die while a flow runs on Dask."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from dask_clusters import LoneCluster, gone
from dask_steps import (
    Assassin,
    Poison,
    dies_once,
    flow_that_holds,
    hold,
    large,
    lines,
    nap,
    size_of,
    wait_for,
)

from longshore import Crashed, Failed, Flow, Success
from longshore_dask import DaskExecutor, ResultLostError

LARGE = 5_000_000


@pytest.fixture
def executor() -> Iterator[DaskExecutor]:
    with DaskExecutor(workers=2, threads=1) as made:
        yield made


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[LoneCluster]:
    with LoneCluster(tmp_path) as lone:
        yield lone


@pytest.mark.gate("C9")
@pytest.mark.gate("P5")
@pytest.mark.parametrize("way", ["kill", "exit", "segfault"])
def test_a_step_whose_worker_dies_runs_again_elsewhere_and_its_state_and_log_say_so(
    executor: DaskExecutor, tmp_path: Path, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Flow("dying") as flow:
        dies_once(str(tmp_path / "lines"), way)
    with caplog.at_level(logging.INFO, "longshore"):
        run = flow.run(executor=executor)
    assert run.results["dies_once"] == "done", run.states
    assert lines(tmp_path / "lines") == ["began 1", "began 1"], "the attempt that was lost is not counted"
    assert f"the last words before it dies {way}" in caplog.text
    assert "that had 'dies_once' died; it runs again elsewhere" in caplog.text


@pytest.mark.gate("C9")
def test_a_step_that_must_not_be_repeated_is_crashed_and_began_once(
    executor: DaskExecutor, tmp_path: Path
) -> None:
    with Flow("dying") as flow:
        dies_once.replace(repeatable=False)(str(tmp_path / "lines"), "kill")
        nap(0.1)
    run = flow.run(executor=executor)
    state = run.states["dies_once"]
    assert isinstance(state, Crashed)
    assert "the worker tcp://127.0.0.1" in state.message
    assert isinstance(run.states["nap"], Success)
    time.sleep(1.0)
    assert lines(tmp_path / "lines") == ["began 1"]


def test_steps_that_a_dead_worker_had_yet_to_begin_run_elsewhere(
    executor: DaskExecutor, tmp_path: Path
) -> None:
    with Flow("queue") as flow:
        dies_once.replace(repeatable=False)(str(tmp_path / "lines"), "kill")
        nap.replace(repeatable=False).map([0.05] * 40)
    run = flow.run(executor=executor)
    assert isinstance(run.states["dies_once"], Crashed)
    assert isinstance(run.states["nap"], Success), run.states["nap"]


def test_a_worker_that_kills_its_step_every_time_is_given_up(executor: DaskExecutor, tmp_path: Path) -> None:
    with Flow("poison") as flow:
        Poison()(str(tmp_path / "lines"))
    run = flow.run(executor=executor)
    assert isinstance(run.states["Poison"], Crashed)
    assert len(lines(tmp_path / "lines")) == 4


def test_a_result_that_is_lost_is_made_again_where_its_step_may_be_repeated(
    executor: DaskExecutor, tmp_path: Path
) -> None:
    place = str(tmp_path / "made")
    with Flow("lost") as flow:
        data = large(place, LARGE)
        killed = Assassin()(place, after=data)
        size_of(data, after=killed)
    run = flow.run(executor=executor)
    assert run.results["size_of"] == LARGE, run.states
    assert len(lines(place)) == 2


def test_a_result_that_is_lost_and_must_not_be_made_again_fails_what_needs_it(
    executor: DaskExecutor, tmp_path: Path
) -> None:
    place, store = str(tmp_path / "made"), str(tmp_path / "runs.db")
    with Flow("lost") as flow:
        data = large.replace(repeatable=False)(place, LARGE)
        killed = Assassin()(place, after=data)
        size_of(data, after=killed)
    run = flow.run(executor=executor, store=store)
    state = run.states["size_of"]
    assert isinstance(state, Failed)
    assert isinstance(state.error, ResultLostError), state
    assert "an input of 'size_of' is lost" in state.message
    assert len(lines(place)) == 1
    again = flow.resume(run.run_id, store=store, executor=executor)
    assert again.results["size_of"] == LARGE, again.states
    assert len(lines(place)) == 1


@pytest.mark.gate("C9")
def test_a_scheduler_that_dies_ends_the_run_with_the_reason_and_it_can_be_resumed(
    cluster: LoneCluster, executor: DaskExecutor, tmp_path: Path
) -> None:
    place, store = str(tmp_path / "held"), str(tmp_path / "runs.db")
    with Flow("headless") as flow:
        hold(place)
        nap.map([0.2] * 30)
    killer = threading.Thread(target=lambda: (wait_for(lambda: lines(place)), cluster.scheduler.kill()))
    killer.start()
    began = time.monotonic()
    with DaskExecutor(cluster.address) as doomed:
        run = flow.run(executor=doomed, store=store)
    killer.join()
    assert time.monotonic() - began < 60
    assert isinstance(run.state, Failed)
    assert "the Dask scheduler has gone" in run.states["hold"].message
    assert "resume the run" in run.states["hold"].message
    Path(f"{place}.short").touch()
    again = flow.resume(run.run_id, store=store, executor=executor)
    assert again.succeeded, again.states


@pytest.mark.gate("P5")
@pytest.mark.gate("C9")
def test_a_driver_that_is_killed_leaves_nothing_running_and_a_run_that_can_be_resumed(
    cluster: LoneCluster, tmp_path: Path
) -> None:
    place, store = str(tmp_path / "held"), str(tmp_path / "runs.db")
    (tmp_path / "driver.py").write_text(DRIVER)
    command = [sys.executable, "driver.py", cluster.address, place, store]
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    driver = subprocess.Popen(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": paths})
    wait_for(lambda: len(lines(place)) >= 2)
    child = int(Path(f"{place}.child").read_text())
    driver.kill()
    driver.wait()
    wait_for(lambda: any(line.startswith("stopped") for line in lines(place)))
    assert gone(child), "a command of a step outlived the driver"
    Path(f"{place}.short").touch()
    with DaskExecutor(cluster.address) as executor:
        again = flow_that_holds(place).resume("the-run", store=store, executor=executor)
    assert again.succeeded, again.states


DRIVER = """
import sys
from dask_steps import flow_that_holds
from longshore_dask import DaskExecutor
address, place, store = sys.argv[1:]
flow_that_holds(place).run(run_id="the-run", executor=DaskExecutor(address), store=store)
"""


@pytest.mark.gate("C9")
def test_ten_seconds_without_a_network_lose_nothing(cluster: LoneCluster, tmp_path: Path) -> None:
    with Flow("cut") as flow:
        nap.map([0.3] * 40)
    with proxied(cluster.port) as (port, cut):
        threading.Timer(2.0, cut.set).start()
        threading.Timer(12.0, cut.clear).start()
        with DaskExecutor(f"tcp://127.0.0.1:{port}") as executor:
            run = flow.run(executor=executor)
    assert run.succeeded, run.states
    assert len(run.results["nap"]) == 40


@contextmanager
def proxied(port: int) -> Iterator[tuple[int, threading.Event]]:
    """Relay connections to a port, except for as long as the event is set."""
    cut = threading.Event()
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

        def relay(source: socket.socket, target: socket.socket) -> None:
            try:
                while data := source.recv(65536):
                    while cut.is_set():
                        time.sleep(0.05)
                    target.sendall(data)
            except OSError:
                pass
            finally:
                source.close()
                target.close()

        def serve() -> None:
            while True:
                try:
                    near = listener.accept()[0]
                    far = socket.create_connection(("127.0.0.1", port))
                except OSError:
                    return
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=relay, args=pair, daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1], cut
