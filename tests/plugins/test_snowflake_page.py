"""What docs/plugins/snowflake.md shows is run against an account; without one its examples are left out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from snowflake_server import SnowflakeServer

MARK = "<!-- no-run: needs a Snowflake account -->\n"


def test_what_the_page_on_snowflake_shows_is_true(
    snowflake_server: SnowflakeServer, checkout: Path, tmp_path: Path
) -> None:
    pytest.importorskip("snowflake.connector", reason="needs longshore[snowflake]")
    text = (checkout / "docs" / "plugins" / "snowflake.md").read_text()
    assert text.count(MARK) >= 2
    page, folder = tmp_path / "snowflake.md", tmp_path / "empty"
    page.write_text(text.replace(MARK, ""))
    folder.mkdir()
    given = snowflake_server.connect_arguments(database=snowflake_server.new_database())
    section = "".join(f"{name} = {value!r}\n" for name, value in given.items())
    (folder / "connections.toml").write_text(f"[default]\n{section}")
    (folder / "connections.toml").chmod(0o600)
    command = [sys.executable, str(checkout / "tests" / "core" / "docs_page.py"), str(page)]
    env = {**os.environ, "SNOWFLAKE_HOME": str(folder), "HOME": str(folder)}
    answer = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=100)
    assert answer.returncode == 0, answer.stderr
