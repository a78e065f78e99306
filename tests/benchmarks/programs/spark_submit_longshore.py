"""Submit an application in a flow: `spark_submit_longshore.py APPLICATION SPARK_HOME`; prints seconds."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from typing import Any

from longshore import flow
from longshore_spark import SparkConnection, SparkSubmit

APPLICATION, HOME = sys.argv[1:]
HERE = SparkConnection("local[2]", conf={"spark.ui.enabled": False}, spark_home=HOME)


@flow
def submission() -> Any:
    return SparkSubmit(APPLICATION, connection=HERE, jobs_folder=FOLDER, log_level=None)()


with tempfile.TemporaryDirectory() as FOLDER:
    began = time.perf_counter()
    run = submission.run()
    seconds = time.perf_counter() - began
    assert run.succeeded, run
print(json.dumps({"seconds": seconds}))
