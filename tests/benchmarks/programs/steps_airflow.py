"""Steps in Airflow, by `dag.test()`: `steps_airflow.py STEPS REPEATS`; its database is made first."""

from __future__ import annotations

from clock import STEPS, report, swallow_output

RESULTS = swallow_output()  # before Airflow binds its loggers

from airflow.models.dagbundle import DagBundleModel  # noqa: E402
from airflow.models.serialized_dag import SerializedDagModel  # noqa: E402
from airflow.sdk import dag, task  # noqa: E402
from airflow.serialization.definitions.dag import SerializedDAG  # noqa: E402
from airflow.serialization.serialized_objects import LazyDeserializedDAG  # noqa: E402
from airflow.utils.db import initdb  # noqa: E402
from airflow.utils.session import create_session  # noqa: E402

initdb()
with create_session() as session:
    session.add(DagBundleModel(name="bench"))


@dag(schedule=None)
def bench():
    @task
    def step(n):
        return n

    for n in range(STEPS):
        step(n)


def run(made):
    known = LazyDeserializedDAG.from_dag(made)
    SerializedDAG.bulk_write_to_db("bench", None, [known])
    SerializedDagModel.write_dag(known, bundle_name="bench")
    done = made.test()
    assert str(done.state) == "success", done.state


report(bench, run, RESULTS)
