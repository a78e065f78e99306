"""`nox` runs everything; `nox -s tests` one session."""

import nox

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = ["3.11", "3.12", "3.13"]


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The tests, on every Python that is installed."""
    session.install("-e", ".", *nox.project.dependency_groups(PROJECT, "test"))
    session.run("pytest", *session.posargs)


@nox.session
def typing(session: nox.Session) -> None:
    """mypy, strict."""
    session.install("-e", ".", *nox.project.dependency_groups(PROJECT, "typing"))
    session.run("mypy")


@nox.session
def lint(session: nox.Session) -> None:
    """ruff: the rules and the format."""
    session.install(*nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
