"""What docs/plugins/dask.md shows is run with a cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

MARK = "<!-- no-run: starts a cluster -->\n"


def test_what_the_page_on_dask_shows_is_true(checkout: Path, tmp_path: Path) -> None:
    text = (checkout / "docs" / "plugins" / "dask.md").read_text()
    assert text.count(MARK) >= 1
    page, folder = tmp_path / "dask.md", tmp_path / "empty"
    page.write_text(text.replace(MARK, ""))
    folder.mkdir()
    command = [sys.executable, str(checkout / "tests" / "core" / "docs_page.py"), str(page)]
    env = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    answer = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=100)
    assert answer.returncode == 0, answer.stderr
