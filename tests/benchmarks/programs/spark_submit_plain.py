"""Submit an application by the command: `spark_submit_plain.py APPLICATION SPARK_HOME`; prints seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

APPLICATION, HOME = sys.argv[1:]
COMMAND = [f"{HOME}/bin/spark-submit", "--master", "local[2]", "--conf", "spark.ui.enabled=false"]

began = time.perf_counter()
subprocess.run(
    [*COMMAND, "--conf", "spark.log.level=WARN", APPLICATION],
    env={**os.environ, "PYSPARK_PYTHON": sys.executable},
    capture_output=True,
    check=True,
)
print(json.dumps({"seconds": time.perf_counter() - began}))
