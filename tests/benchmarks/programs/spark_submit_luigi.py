"""Submit an application by Luigi: `spark_submit_luigi.py APPLICATION SPARK_HOME`; prints seconds."""

from __future__ import annotations

import json
import sys
import time

import luigi
from luigi.contrib.spark import SparkSubmitTask

APPLICATION, HOME = sys.argv[1:]


class Submission(SparkSubmitTask):
    name = "submission"
    app = APPLICATION
    spark_submit = f"{HOME}/bin/spark-submit"
    master = "local[2]"
    conf = {"spark.ui.enabled": "false", "spark.log.level": "WARN"}  # noqa: RUF012 - as Luigi wants it


began = time.perf_counter()
done = luigi.build([Submission()], local_scheduler=True, log_level="WARNING")
seconds = time.perf_counter() - began
assert done
print(json.dumps({"seconds": seconds}))
