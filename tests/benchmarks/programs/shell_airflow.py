"""A command's output in Airflow, by its BashOperator alone: `shell_airflow.py COMMAND`."""

from __future__ import annotations

import sys

from clock import report_wall, swallow_output

RESULTS = swallow_output()  # before Airflow binds its loggers

from airflow.providers.standard.operators.bash import BashOperator  # noqa: E402

operator = BashOperator(task_id="bench", bash_command=sys.argv[1])
report_wall(lambda: operator.execute({"ti": None}), RESULTS)
