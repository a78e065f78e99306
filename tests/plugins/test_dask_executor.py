"""`DaskExecutor`: where it runs, what it asks of Dask, what it refuses."""

from __future__ import annotations

import importlib
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import distributed
import psutil
import pytest
from dask_clusters import LoneCluster, gone
from dask_steps import grow, large, nap, runs_a_flow, size_of, stamp, text_of, wait_for, where

from longshore import (
    ConfigurationError,
    Failed,
    Flow,
    Secret,
    Success,
    TimedOut,
    open_store,
    register_secret,
    task,
)
from longshore.testing import raises_saying
from longshore_dask import (
    DaskExecutor,
    DaskMismatchError,
    DaskUnreachableError,
    ResultLostError,
    checks,
    courier,
)
from longshore_shell import Shell
from longshore_slack import SlackAlert

NOBODY = "http://127.0.0.1:9/api/"
FULL = os.environ.get("LONGSHORE_GATE") == "full"


@pytest.fixture(scope="module")
def executor() -> Iterator[DaskExecutor]:
    with DaskExecutor(workers=2, threads=2) as made:
        yield made


@pytest.fixture(scope="module")
def cluster() -> Iterator[distributed.LocalCluster]:
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0", resources={"GPU": 1}
    ) as made:
        yield made


# Where it runs.


def test_it_runs_on_an_address_a_cluster_object_and_a_client(cluster: distributed.LocalCluster) -> None:
    with Flow("anywhere") as flow:
        nap(0.0)
    with distributed.Client(cluster, set_as_default=False) as client:
        for place in (cluster.scheduler_address, cluster, client):
            with DaskExecutor(place) as executor:
                assert flow.run(executor=executor).succeeded
        assert client.status == "running", "it is not ours to close"


def test_a_cluster_object_has_workers_as_there_is_work(tmp_path: Path) -> None:
    with (
        distributed.LocalCluster(n_workers=0, threads_per_worker=1, dashboard_address="127.0.0.1:0") as empty,
        DaskExecutor(empty, adapt=(0, 2)) as executor,
    ):
        with Flow("adaptive") as flow:
            nap.map([0.2] * 6)
        assert flow.run(executor=executor).succeeded


def test_two_runs_at_once_share_a_cluster(executor: DaskExecutor) -> None:
    runs = []

    def run(name: str) -> None:
        with Flow(name) as flow:
            size_of.map([bytes(n) for n in range(30)])
        runs.append(flow.run(executor=executor))

    threads = [threading.Thread(target=run, args=(name,)) for name in ("one", "two", "three")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [run.results["size_of"] for run in runs] == [list(range(30))] * 3


def test_a_cluster_of_its_own_is_reached_from_this_machine_alone(executor: DaskExecutor) -> None:
    with Flow("start") as flow:
        nap(0.0)
    flow.run(executor=executor)
    here = psutil.Process()
    opened = [each for process in (here, *here.children()) for each in process.net_connections("tcp")]
    listening = [each.laddr.ip for each in opened if each.status == psutil.CONN_LISTEN]
    assert len(listening) > 4, "the scheduler's and the workers'"
    assert set(listening) == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"workers": 0}, "DaskExecutor(workers=0): give 1 or more"),
        ({"cluster": "tcp://10.0.0.1:8786", "threads": 2}, "is for a cluster of its own"),
        ({"cluster": "tcp//here"}, "give the address of a scheduler, such as 'tcp://10.0.0.1:8786'"),
        ({"adapt": (0, 3)}, "needs a cluster object"),
        ({"cluster": "tcp://10.0.0.1:8786", "adapt": (3, 1)}, "give the fewest and the most workers"),
    ],
)
def test_settings_that_make_no_sense_are_refused(arguments: dict[str, object], says: str) -> None:
    with raises_saying(ConfigurationError, says):
        DaskExecutor(**arguments)  # type: ignore[arg-type]


def test_no_scheduler_is_an_error_that_says_what_to_do() -> None:
    with Flow("nobody") as flow:
        nap(0.0)
    with raises_saying(DaskUnreachableError, "no Dask scheduler answers at tcp://127.0.0.1:9"):
        flow.run(executor=DaskExecutor("tcp://127.0.0.1:9", timeout=1))


def test_a_script_without_its_guard_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        FLOWS + "\nfrom longshore_dask import DaskExecutor\ndoubles.run(executor=DaskExecutor(workers=1))\n"
    )
    answer = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert answer.returncode != 0
    assert "a script needs if __name__ == '__main__': around what starts one" in answer.stderr


# What it asks of Dask.


def test_tags_ask_for_resources_and_priorities(cluster: distributed.LocalCluster) -> None:
    with Flow("tagged") as flow:
        first = nap(0.5)
        where.replace(tags=["dask-resource:GPU=1"])(after=first)
        stamp.replace(tags=["dask-priority:-5"]).map(list(range(20)))
        stamp.replace(tags=["dask-priority:5"]).map(list(range(20)))
    with DaskExecutor(cluster) as executor:
        run = flow.run(executor=executor)
        assert run.succeeded, run.states
        low, high = run.results["stamp"], run.results["stamp-2"]
        assert sum(moment < max(high) for moment in low) <= 5, "one or two were sent before the others"
        with Flow("wrong") as wrong:
            nap.replace(tags=["dask-resource:=x"])(0.0)
        state = wrong.run(executor=executor).states["nap"]
    assert isinstance(state, Failed)
    assert "cannot read the tag 'dask-resource:=x'" in state.message


@pytest.mark.gate("C1")
def test_what_follows_an_item_goes_before_items_that_have_yet_to_begin(executor: DaskExecutor) -> None:
    count = 1600
    with Flow("deep") as flow:
        stamp.map(list(range(count)), stamp.map(list(range(count))))
    run = flow.run(executor=executor)
    assert run.succeeded, run.states
    first = sorted(moment for moment, _ in run.results["stamp"])
    followed = sorted(moment for moment, _ in run.results["stamp-2"])
    assert followed[0] < first[count // 2], "the second step waits for the whole first one"
    assert followed[count // 4] < first[-1]


@pytest.mark.parametrize("recorded", [False, True])
def test_large_results_stay_where_they_are_and_the_driver_stays_small(tmp_path: Path, recorded: bool) -> None:
    size = 1 << 30 if FULL else 200 << 20
    program = tmp_path / "program.py"
    program.write_text(MEASURED)
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    answer = subprocess.run(
        [sys.executable, str(program), str(size), str(tmp_path / "made"), str(tmp_path) * recorded],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert answer.returncode == 0, answer.stderr
    sizes, grown = answer.stdout.split()
    assert int(sizes) == size
    assert int(grown) < 64, f"the driver grew by {grown} MiB"


MEASURED = """
import resource, sys
from dask_steps import grow, large, size_of
from longshore import Flow
from longshore_dask import DaskExecutor

if __name__ == "__main__":
    def used():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

    def chain(size):
        with Flow("chain") as flow:
            size_of(grow(grow(large(sys.argv[2], size))))
        return flow.run(executor=executor, store=sys.argv[3] + "/runs.db" if sys.argv[3] else None)

    with DaskExecutor(workers=2, threads=1) as executor:
        chain(100_000)
        before = used()
        run = chain(int(sys.argv[1]))
        print(run.results["size_of"], used() - before)
"""


@pytest.mark.gate("S1")
def test_a_large_result_with_a_secret_that_only_the_driver_knows_is_not_stored(
    executor: DaskExecutor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    register_secret("canary-of-the-driver-9")
    (tmp_path / "text").write_text("x" * 8_388_600 + "canary-of-the-driver-9" + "x" * 100)
    (tmp_path / "clean").write_text("y" * 9_000_000)
    with Flow("secret") as flow:
        text_of(str(tmp_path / "text"))
        text_of(str(tmp_path / "clean"))
    with caplog.at_level("WARNING", "longshore"):
        run = flow.run(executor=executor, store=str(tmp_path / "runs.db"))
    assert run.succeeded
    assert "the result of text_of is not stored: it holds a secret" in caplog.text
    with closing(open_store(tmp_path / "runs.db")) as store:
        stored = {step.step: step.result for step in store.steps(run.run_id)}
        kept = stored["text_of-2"]
        assert kept is not None
        assert store.results.get(kept) == "y" * 9_000_000
    assert all(
        b"canary-of" not in path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file() and path.name != "text"
    )


def test_a_result_is_there_as_long_as_the_executor_is(tmp_path: Path) -> None:
    with Flow("kept") as flow:
        large(str(tmp_path / "made"), 100_000)
    with DaskExecutor(workers=1, processes=False) as executor:
        run = flow.run(executor=executor)
        assert len(run.results["large"]) == 100_000
        assert "0.1 MiB on the cluster" in repr(run.frontier.runs[0].state)
    with raises_saying(ResultLostError, "cannot fetch <the result of 'large', 0.1 MiB on the cluster>"):
        run.results["large"]


def test_steps_that_no_worker_takes_are_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(courier, "_QUIET", 0.5)
    runs = []
    with distributed.LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0") as empty:
        with Flow("waiting") as flow:
            nap(0.0)
        with DaskExecutor(empty) as executor, caplog.at_level("WARNING", "longshore"):
            thread = threading.Thread(target=lambda: runs.append(flow.run(executor=executor)))
            thread.start()
            wait_for(lambda: "none of the 0 workers of the cluster takes one" in caplog.text)
            empty.scale(1)
            thread.join(60)
    assert "1 attempts wait, of 'nap' among others" in caplog.text
    assert [run.succeeded for run in runs] == [True]


# What it refuses, and what travels.


def test_a_module_of_the_users_own_travels_with_its_code(
    executor: DaskExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Flow("start") as flow:
        nap(0.0)
    flow.run(executor=executor)  # the workers are there, and do not look here
    (tmp_path / "own_steps.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    own = importlib.import_module("own_steps")
    with Flow("own") as flow:
        own.Adder(by=2)(own.base())
        own.name_of(own.point())
    run = flow.run(executor=executor)
    assert run.results["Adder"] == 42, run.states
    assert run.results["name_of"] == "Point"
    assert type(run.results["point"]) is own.Point


OWN = """
from dataclasses import dataclass
from longshore import Task, task

BASE = 40

@dataclass
class Point:
    x: int

@task
def base() -> int:
    return BASE

@task
def point() -> Point:
    return Point(3)

@task
def name_of(value) -> str:
    return type(value).__name__

class Adder(Task[int]):
    by: int
    def run(self, n: int) -> int:
        return n + self.by
"""


def test_a_package_that_a_worker_lacks_is_named_before_anything_runs(
    executor: DaskExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Flow("start") as flow:
        nap(0.0)
    flow.run(executor=executor)
    (tmp_path / "longshore_acme.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(checks, "installed", lambda file: file.is_relative_to(tmp_path))
    acme = importlib.import_module("longshore_acme")
    with Flow("lacking") as flow:
        acme.Adder(by=2)(1)
    with raises_saying(
        DaskMismatchError,
        "has no module 'longshore_acme', which step 'Adder' needs; install it there: "
        "pip install 'longshore[acme]'",
    ):
        flow.run(executor=executor)


def test_a_worker_that_came_later_and_lacks_a_module_is_named(
    executor: DaskExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Flow("start") as flow:
        nap(0.0)
    flow.run(executor=executor)
    (tmp_path / "late_steps.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(courier, "check_workers", lambda client, flow: [])  # they were not there to look at
    late = importlib.import_module("late_steps")
    with Flow("lacking") as flow:
        late.Adder(by=2)(1)
        nap(0.0)
    run = flow.run(executor=executor)
    state = run.states["Adder"]
    assert isinstance(state, Failed)
    assert "the step cannot be loaded on worker tcp://127.0.0.1:" in state.message
    assert "No module named 'late_steps'" in state.message
    assert isinstance(run.states["nap"], Success)


def test_an_executor_of_an_address_travels() -> None:
    copied = pickle.loads(pickle.dumps(DaskExecutor("tcp://10.0.0.1:8786", timeout=3)))
    assert (copied.cluster, copied.timeout) == ("tcp://10.0.0.1:8786", 3)


def test_another_version_of_longshore_is_refused_and_another_one_of_dask_is_told(
    executor: DaskExecutor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with Flow("versions") as flow:
        nap(0.0)
    there = checks.version
    monkeypatch.setattr(checks, "version", lambda name: "0.0.7" if name == "distributed" else there(name))
    with caplog.at_level("WARNING", "longshore"):
        assert flow.run(executor=executor).succeeded
    assert "and this is 0.0.7" in caplog.text
    monkeypatch.setattr(checks, "version", lambda name: "9.9" if name == "longshore" else there(name))
    with raises_saying(DaskMismatchError, "run there: pip install 'longshore[dask]==9.9'"):
        flow.run(executor=executor)


def test_on_the_command_line_it_is_dask_and_an_address(tmp_path: Path) -> None:
    (tmp_path / "flows.py").write_text(FLOWS)
    command = [sys.executable, "-c", COMMAND, "run", "flows.py", "--no-store"]
    with LoneCluster(tmp_path, workers=1) as cluster:
        answer = subprocess.run(
            [*command, "--executor", f"dask:{cluster.address}"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    refused = subprocess.run(
        [*command, "--executor", "dask:tcp//here"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert refused.returncode == 2
    assert "give the address of a scheduler" in refused.stderr


COMMAND = "import sys; from longshore.cli import main; sys.exit(main())"
FLOWS = """
from longshore import flow, task

@task
def double(n):
    return 2 * n

@flow
def doubles():
    return double.map([1, 2, 3])
"""


def test_a_function_of_this_test_travels(executor: DaskExecutor) -> None:
    factor = 3

    @task
    def triple(n: int) -> int:
        return factor * n

    with Flow("local") as flow:
        triple.map([1, 2])
        grow(b"x")
    run = flow.run(executor=executor)
    assert run.results["triple"] == [3, 6]
    assert isinstance(run.states["grow"], Success)


# Steps that run flows, commands and alerts.


@pytest.mark.gate("C3")
@pytest.mark.parametrize("threads", [1, 2])
def test_a_step_that_runs_a_flow_on_its_own_cluster_completes(threads: int) -> None:
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=threads, dashboard_address="127.0.0.1:0"
    ) as own:
        with Flow("outer") as flow:
            runs_a_flow.map([own.scheduler_address] * 4, [1, 2, 3, 4])
        with DaskExecutor(own) as executor:
            run = flow.run(executor=executor)
            assert run.results["runs_a_flow"] == [[n, n] for n in (1, 2, 3, 4)], run.states
            with Flow("refused") as refused:
                runs_a_flow.replace(timeout=30)(own.scheduler_address, 1)
            state = refused.run(executor=executor).states["runs_a_flow"]
    assert isinstance(state, Failed)
    assert "a step with a timeout cannot run a flow on the cluster that it runs on itself" in state.message


@pytest.mark.gate("P4")
def test_a_command_past_its_deadline_ends_with_all_that_it_started(
    executor: DaskExecutor, tmp_path: Path
) -> None:
    with Flow("late") as flow:
        Shell("echo $$ > pids; (trap '' TERM; sleep 90) & echo $! >> pids; wait", timeout=1, cwd=tmp_path)()
    began = time.monotonic()
    run = flow.run(executor=executor)
    assert isinstance(run.states["Shell"], TimedOut), run.states
    assert time.monotonic() - began < 30
    pids = [int(line) for line in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2
    assert all(gone(pid) for pid in pids)


@pytest.mark.gate("N1")
def test_an_alert_that_nobody_answers_changes_nothing(
    executor: DaskExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("slack_sdk")
    monkeypatch.setenv("NO_TOKEN", "xoxb-1-2-3")
    alert = SlackAlert("#data", token=Secret("env:NO_TOKEN"), base_url=NOBODY)
    with Flow("told", state_handlers=[alert]) as flow:
        nap(0.0)
    run = flow.run(executor=executor)
    assert run.succeeded
    with Flow("failing", state_handlers=[alert]) as failing:
        size_of(None)  # type: ignore[arg-type]
    assert isinstance(failing.run(executor=executor).state, Failed)
