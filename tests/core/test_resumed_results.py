"""Results that cannot be stored, or only by a serializer, when a run is resumed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flow_file import FlowFile


@pytest.fixture
def flows(tmp_path: Path) -> Iterator[FlowFile]:
    made = FlowFile(tmp_path)
    yield made
    made.store.close()


def test_a_result_that_cannot_be_stored_is_said_and_its_step_runs_again_only_if_it_is_needed(
    flows: FlowFile,
) -> None:
    flows.write("""
        @task
        def connect(name):
            did(f"connect {name}")
            return open(os.devnull)

        @task
        def use(file):
            did("use")
            die_unless("died")
            return file.closed

        @flow
        def f():
            connect.replace(name="kept")("kept")
            use(connect.replace(name="needed")("needed"))
    """)
    first = flows.run(more="executor=InlineExecutor()")
    assert first.returncode == -9
    assert "the result of needed is not stored" in first.stderr
    resumed = flows.resume()
    assert "'use': False" in resumed.stdout, resumed.stderr
    assert flows.effects() == {"connect kept": 1, "connect needed": 2, "use": 2}


def test_a_result_without_a_form_in_json_is_kept_by_a_serializer_that_the_store_is_given(
    flows: FlowFile,
) -> None:
    flows.write("""
        STORE = SQLiteStore("runs.db", serializers=[PickleSerializer()])

        @task
        def find():
            did("find")
            return ValueError

        @flow
        def f():
            task(lambda kind: (die_unless("died"), kind.__name__), name="use")(find())
    """)
    assert flows.call("f.run(store=STORE, run_id='r')").returncode == -9
    resumed = flows.call("f.resume('r', store=STORE).results['use'][1]")
    assert resumed.stdout == "ValueError\n", resumed.stderr
    assert flows.effects() == {"find": 1}


def test_a_step_that_cannot_be_repeated_and_whose_needed_result_was_not_stored_fails_and_says_so(
    flows: FlowFile,
) -> None:
    flows.write("""
        @task(repeatable=False)
        def connect():
            did("connect")
            return open(os.devnull)

        @flow
        def f():
            task(lambda file: die_unless("died"), name="use")(connect())
    """)
    assert flows.run().returncode == -9
    resumed = flows.resume()
    assert "Failed" in resumed.stdout
    assert "its result is not there" in resumed.stdout
    assert flows.effects() == {"connect": 1}


def test_a_job_whose_result_cannot_be_stored_is_kept_and_asked_for_it_again(flows: FlowFile) -> None:
    flows.write("""
        class FolderJob(Job[object]):
            def submit(self, key, /):
                did("submit")
                (HERE / key).mkdir()
                return key

            def find(self, key):
                return key if (HERE / key).exists() else None

            def poll(self, handle):
                return JobFinished()

            def result(self, handle):
                did("result")
                return (HERE / handle).iterdir()

            def cancel(self, handle):
                did("cancel")

            def discard(self, handle):
                did("discard")
                (HERE / handle).rmdir()

        @task
        def use(files):
            die_unless("died")
            return list(files)

        @flow
        def f():
            use(FolderJob()())
    """)
    first = flows.run()
    assert first.returncode == -9
    assert "the result of FolderJob is not stored" in first.stderr
    resumed = flows.resume()
    assert "'use': []" in resumed.stdout, resumed.stderr
    assert flows.effects() == {"submit": 1, "result": 2}
