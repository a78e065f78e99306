"""How the command starts: what it needs, what it imports, which words are its own."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from importlib.metadata import version
from pathlib import Path

import pytest

pytest.importorskip("click", reason="needs longshore[cli]")

from longshore.cli import main
from longshore.commands import COMMANDS
from longshore.offers import RESERVED


def test_new_plugin_writes_a_plugin_and_says_what_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new-plugin", "tides"]) == 0
    assert (tmp_path / "longshore-tides" / "pyproject.toml").is_file()
    assert "pip install -e 'longshore-tides'" in capsys.readouterr().out
    assert main(["new-plugin", "tides"]) == 2
    assert "it exists" in capsys.readouterr().err


def test_version_is_the_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"longshore {version('longshore')}\n"


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60, check=False
    )


def test_without_click_the_command_says_what_to_install() -> None:
    answer = python("""
        import sys
        sys.modules["click"] = None  # as if it were not installed
        from longshore.cli import main
        sys.exit(main(["run", "flows.py"]))
    """)
    assert answer.returncode == 2
    assert answer.stderr == "longshore: 'click' is not installed; run: pip install 'longshore[cli]'\n"


def test_help_imports_no_rich_and_no_sdk() -> None:
    answer = python("""
        import sys
        from longshore.cli import main
        main(["--help"])
        heavy = ["rich", "requests", "multiprocessing", "asyncio", "longshore.engine", "longshore.catalogue"]
        print([name for name in heavy if name in sys.modules], file=sys.stderr)
    """)
    assert answer.stderr == "[]\n"


def test_an_unknown_command_exits_with_2_and_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rnu"]) == 2
    assert "no command 'rnu' (did you mean 'run'?)" in capsys.readouterr().err


def test_every_command_of_ours_is_reserved() -> None:
    assert set(COMMANDS) == RESERVED["longshore_commands"]
