"""What docs/plugins/spark.md shows is run with a Java; where there is none its examples are left out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from spark_rig import FAST

MARK = "<!-- no-run: needs Java -->\n"


@pytest.mark.timeout(400)
def test_what_the_page_on_spark_shows_is_true(java: str, checkout: Path, tmp_path: Path) -> None:
    text = (checkout / "docs" / "plugins" / "spark.md").read_text()
    assert text.count(MARK) >= 4
    page, folder, settings = tmp_path / "spark.md", tmp_path / "empty", tmp_path / "conf"
    page.write_text(text.replace(MARK, ""))
    folder.mkdir()
    settings.mkdir()
    (settings / "spark-defaults.conf").write_text("\n".join(f"{name} {FAST[name]}" for name in FAST))
    command = [sys.executable, str(checkout / "tests" / "core" / "docs_page.py"), str(page)]
    env = {**os.environ, "HOME": str(folder), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_CONF_DIR": str(settings)}
    answer = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=380)
    assert answer.returncode == 0, answer.stderr
