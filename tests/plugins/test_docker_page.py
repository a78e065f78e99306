"""What docs/plugins/docker.md shows is run with an engine; where there is none its examples are left out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from docker_engine import DockerEngine

MARK = "<!-- no-run: needs a Docker engine -->\n"


def test_what_the_page_on_docker_shows_is_true(docker: DockerEngine, checkout: Path, tmp_path: Path) -> None:
    text = (checkout / "docs" / "plugins" / "docker.md").read_text()
    assert text.count(MARK) >= 4
    page, folder = tmp_path / "docker.md", tmp_path / "empty"
    page.write_text(text.replace(MARK, ""))
    folder.mkdir()
    command = [sys.executable, str(checkout / "tests" / "core" / "docs_page.py"), str(page)]
    env = {**os.environ, "DOCKER_HOST": docker.url, "HOME": str(folder)}
    answer = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=100)
    assert answer.returncode == 0, answer.stderr
    docker.api.remove_image("greet:1", force=True)
