"""How Longshore is built and checked: `nox` runs what CI runs, the sessions with a star.

`nox -s NAME` runs one session and `nox -r` keeps the environments. What follows `--` goes to pytest:
`nox -s tests-3.11 -- tests/core/test_house.py -x`.
Python versions, extras, integrations and dependency groups are read from pyproject.toml, never repeated here.
"""

from __future__ import annotations

import os
import re
import shutil
import tarfile
import tempfile
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"

ROOT = Path(__file__).parent
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
OLDEST, NEWEST = PYTHONS[0], PYTHONS[-1]
PROGRAMS = {
    "busybox": "busybox-static",
    "dockerd": "docker.io",
    "dot": "graphviz",
    "iptables": "iptables",
    "java": "openjdk-17-jre-headless",
    "node": "nodejs",
    "openssl": "openssl",
    "perl": "perl",
}
"""Programs that tests run, and the Debian packages that have them."""
BY_THEMSELVES = {"dask": ["-n2", "--dist=loadfile"], "docker": ["-n0"], "spark": ["-n2", "--dist=loadgroup"]}
"""Integrations whose tests run in `plugin` alone, so many at once: they share a service or start many."""
WITH_SERVICES = ("gcs", "s3", "snowflake")
"""Integrations whose tests start servers that have environments of their own."""
WITH_FRAMES = ("snowflake",)
"""Integrations that give data frames of libraries which are the user's own choice."""
PLUGINS = sorted(PROJECT["project"]["entry-points"]["longshore"])

nox.options.default_venv_backend = "uv|virtualenv"
# A laptop without one of the declared versions skips its sessions; CI must have the oldest and the newest.
nox.options.error_on_missing_interpreters = "CI" in os.environ
nox.options.sessions = [
    "lint",
    "typing",
    "plugin",
    f"tests-{OLDEST}",
    "docs",
    "wheel",
    "demo",
]


def show_pyenv_pythons() -> None:
    """Let pyenv's `python3.13` answer although `pyenv global` names another version."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [path.name for python in PYTHONS for path in sorted(versions.glob(f"{python}.*"))[-1:]]
    if found:
        os.environ.setdefault("PYENV_VERSION", ":".join(found))


show_pyenv_pythons()


def install(session: nox.Session, extras: str, *groups: str) -> None:
    """Install the checkout, editable, with the named extras and dependency groups."""
    target = f".[{extras}]" if extras else "."
    session.install("-e", target, *nox.project.dependency_groups(PROJECT, *groups))


def install_programs(session: nox.Session) -> None:
    """Install the programs that tests run and the machine lacks: in CI, as root; a laptop skips tests."""
    missing = [package for program, package in PROGRAMS.items() if not shutil.which(program)]
    if missing and "CI" in os.environ and os.geteuid() == 0 and shutil.which("apt-get"):
        session.run("apt-get", "-qq", "update", external=True)
        session.run("apt-get", "-qq", "install", "--no-install-recommends", "-y", *missing, external=True)


def make_services(session: nox.Session) -> None:
    """Make the environments of the servers that tests start: in CI; a laptop skips tests."""
    if "CI" in os.environ:
        session.run("python", "tests/plugins/service_environments.py")


def pytest(session: nox.Session, *arguments: str) -> None:
    """Run pytest with what follows `--` on nox's command line; paths there replace the session's own."""
    install_programs(session)
    named = any(Path(argument.partition("::")[0]).exists() for argument in session.posargs)
    kept = [argument for argument in arguments if not (named and Path(argument).exists())]
    # Most tests wait for processes and services, so two cores bear more than two of them at once.
    session.run("python", "-m", "pytest", "-p", "no:cacheprovider", "-n4", *kept, *session.posargs)


BARE = ("-m", "not gate", "tests/core", "tests/flows")
"""What pytest is told with no extra installed; "tests" has the rows of the gate."""


def tests_of(word: str) -> list[str]:
    """Return the files of an integration's tests."""
    return sorted(str(path) for path in Path("tests/plugins").glob(f"test_{word}*.py"))


@nox.session(python=PYTHONS, default=False)
def bare(session: nox.Session) -> None:
    """The core and the import promises, with no extra installed; `wheel` does that with what it built."""
    install(session, "", "test")
    pytest(session, *BARE)


@nox.session(python=NEWEST)
@nox.parametrize("word", PLUGINS, ids=PLUGINS)
def plugin(session: nox.Session, word: str) -> None:
    """One integration with only its own extra: `nox -s "plugin(shell)"`."""
    install(session, word, "test", *(["frames"] if word in WITH_FRAMES else []))
    # "tests" has the rows of the gate; here it is about what is installed.
    arguments = BY_THEMSELVES.get(word, ["-m", "not gate"])
    if word in WITH_SERVICES:
        make_services(session)
    pytest(session, *arguments, *tests_of(word))


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The core, the rows of the gate and what takes several extras, with all of them installed."""
    everything(session, "-m", "gate or core or extras")


@nox.session(python=OLDEST, default=False)
def coverage(session: nox.Session) -> None:
    """Every test, but for what runs by itself in `plugin`, and the branches that none took."""
    everything(session, "--cov", "--cov-report=term:skip-covered")


def everything(session: nox.Session, *options: str) -> None:
    install(session, "all,demo", "test", "frames", "lint", "typing")  # new-plugin: what it writes is checked
    make_services(session)
    left_out = [f"--ignore={path}" for word in BY_THEMSELVES for path in tests_of(word)]
    pytest(session, *options, *left_out)


@nox.session(python=OLDEST)
def typing(session: nox.Session) -> None:
    """mypy and pyright, both strict, on the sources and on what users see (tests/typing)."""
    install(session, "all", "test", "typing")
    session.run("mypy")
    session.run("pyright")


@nox.session(python=OLDEST, default=False)
def services(session: nox.Session) -> None:
    """Install the servers that tests start, in the user's cache folder; in CI, sessions do it themselves."""
    session.run("python", "tests/plugins/service_environments.py")


@nox.session(python=OLDEST)
def lint(session: nox.Session) -> None:
    """ruff: the rules and the format."""
    session.install(*nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(python=OLDEST)
def docs(session: nox.Session) -> None:
    """Build the documentation with strict links, into site/."""
    install(session, "all", "docs")
    session.run("mkdocs", "build", "--strict", env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session(python=NEWEST)
def wheel(session: nox.Session) -> None:
    """Build sdist and wheel; run the sdist's bare tests on the installed wheel, outside the checkout."""
    session.install(*nox.project.dependency_groups(PROJECT, "test", "wheel"))
    with tempfile.TemporaryDirectory() as folder:
        session.run("python", "-m", "build", "--outdir", folder, str(ROOT), silent=True)
        [built], [source] = Path(folder).glob("*.whl"), Path(folder).glob("*.tar.gz")
        session.install(str(built))
        with tarfile.open(source) as archive:
            archive.extractall(folder, filter="data")
        with session.chdir(Path(folder, source.name.removesuffix(".tar.gz"))):
            here = "import longshore, sys; assert longshore.__file__.startswith(sys.prefix)"
            session.run("python", "-c", here)
            pytest(session, *BARE)


@nox.session(python=OLDEST)
def demo(session: nox.Session) -> None:
    """What the README says first: install the demo and run it, somewhere else than in the checkout."""
    session.install(".[demo]")
    session.chdir(session.create_tmp())
    session.run("longshore", "demo")


@nox.session(python=OLDEST, default=False)
def bench(session: nox.Session) -> None:
    """Speed and memory, with `-- --peers` beside other libraries; takes minutes."""
    install(session, "all,demo")
    session.run("python", "tests/benchmarks/run.py", *session.posargs)


@nox.session(python=OLDEST, default=False)
def gate(session: nox.Session) -> None:
    """The reliability gate with its full counts and sizes; takes hours, no time limit."""
    install(session, "all,demo", "test")
    session.env["LONGSHORE_GATE"] = "full"
    make_services(session)
    pytest(session, "-mgate", "--timeout=0", "-n0", "tests")


@nox.session(python=False, default=False)
def new_plugin(session: nox.Session) -> None:
    """Start an integration of this repository in its five places: `nox -s new_plugin -- WORD`."""
    if len(session.posargs) != 1 or not re.fullmatch("[a-z][a-z0-9]*", session.posargs[0]):
        session.error("give one short lower-case word: nox -s new_plugin -- s3")
    word = session.posargs[0]
    if word in PLUGINS:
        session.error(f"there is an integration {word!r} already")
    for name, text in NEW_FILES.items():
        path = ROOT / name.format(word=word)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(word=word, Word=word.capitalize()))
        session.log(f"wrote {path.relative_to(ROOT)}")
    for name, additions in NEW_LINES.items():
        path = ROOT / name
        text = path.read_text()
        for line, added in additions.items():
            text = re.sub(f"({line})", rf"\g<1>{added.format(word=word)}", text, flags=re.MULTILINE)
        path.write_text(text)
        session.log(f"added {word} to {name}")
    session.log(f'next: fill them in, and try: nox -s "plugin({word})"')


NEW_FILES = {
    "plugins/longshore_{word}/py.typed": "",
    "plugins/longshore_{word}/__init__.py": '''"""{Word}: what it does, and where its credentials come from.

Example:
    >>> {Word}Echo()("hello")
    'hello'
"""

from longshore_{word}.tasks import {Word}Echo

__all__ = ["{Word}Echo"]
''',
    "plugins/longshore_{word}/tasks.py": '''"""The tasks."""

from __future__ import annotations

from longshore import Task


class {Word}Echo(Task[str]):
    """Return a text as it is."""

    def run(self, text: str) -> str:
        """Return the text.

        Args:
            text: What to return.
        """
        return text
''',
    "plugins/longshore_{word}/plugin.py": '''"""What {word} offers."""

from __future__ import annotations

from typing import Any

from longshore import Task, hookimpl
from longshore_{word}.tasks import {Word}Echo


@hookimpl
def longshore_tasks() -> list[type[Task[Any]]]:
    """Return the task classes."""
    return [{Word}Echo]
''',
    "tests/plugins/test_{word}.py": '''"""What the {word} tasks promise."""

from __future__ import annotations

from longshore_{word} import {Word}Echo


def test_an_echo_returns_the_text() -> None:
    assert {Word}Echo()("hello") == "hello"
''',
    "docs/plugins/{word}.md": """# {Word}

```python
from longshore_{word} import {Word}Echo

print({Word}Echo()("hello"))
```

```text
hello
```

Install it with `pip install "longshore[{word}]"`.

::: longshore_{word}
""",
}
"""The files of a new integration, by path."""

NEW_LINES = {
    "pyproject.toml": {
        r"^\[project\.entry-points\.longshore\]\n": '{word} = "longshore_{word}.plugin"\n',
        r"^# One extra for each .*\n": "{word} = []\n",
        r"^all = \[\"longshore\[": "{word},",
    },
    "README.md": {
        r"^\|---\|---\|---\|\n": "| [{word}](docs/plugins/{word}.md) | "
        '`pip install "longshore[{word}]"` | what it offers |\n'
    },
    "mkdocs.yml": {r"^  - Integrations:\n": "      - {word}: plugins/{word}.md\n"},
}
"""The lines it adds to other files, by the text that they come after."""
