"""Measure Longshore, and beside it the libraries that people use today.

`python tests/benchmarks/run.py --peers` measures all; `--only steps` one benchmark.
Each `bench_NAME.py` beside this file has `measure(peers)`, which yields tables. Nothing here fails for
being slow: people read the figures. Each program runs in a process of its own; figures are medians.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from environments import cache_folder
from tables import Table, machine, write_json

FOLDER = Path(__file__).parent
NAMES = sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))


def main() -> None:
    """Measure, print the tables and write them as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", choices=NAMES, help="one benchmark; may be given again")
    parser.add_argument(
        "--peers", action="store_true", help="measure other libraries too; installs them once"
    )
    parser.add_argument("--json", type=Path, default=cache_folder() / "figures.json", help="where figures go")
    options = parser.parse_args()
    print(f"On {machine()}.\n")
    tables: list[Table] = []
    for name in options.only or NAMES:
        for table in importlib.import_module(f"bench_{name}").measure(options.peers):
            print(table, end="\n\n", flush=True)
            tables.append(table)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    write_json(options.json, tables)
    print(f"written to {options.json}", file=sys.stderr)


if __name__ == "__main__":
    main()
