"""Lineage: what each flow and step read and wrote, told as OpenLineage events to a backend such as Marquez.

Nothing is to be called: set `OPENLINEAGE_URL`, or write an `openlineage.yml`, and each run of a flow is told,
with its steps and the datasets that their tasks named by `current.reads(...)` and `current.writes(...)`. The
settings are those of OpenLineage's own clients, keys too; without any, it does nothing and imports nothing.

Example:
    >>> os.environ["OPENLINEAGE_URL"] = "http://marquez:5000"
    >>> nightly.run()
"""

from __future__ import annotations

from longshore_openlineage.identities import parent_id, run_uuid
from longshore_openlineage.names import dataset_name
from longshore_openlineage.senders import flush_lineage

__all__ = ["dataset_name", "flush_lineage", "parent_id", "run_uuid"]
