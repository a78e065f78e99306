"""Images are built, pulled and pushed; a registry's refusal is an error although the engine answers 200."""

from __future__ import annotations

import json
import logging
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_engine import IMAGE, DockerEngine
from docker_registry import DockerRegistry

from longshore import AttemptTimedOut, ConfigurationError, JobFailed
from longshore.context import Attempt, active
from longshore.testing import Canary, raises_saying
from longshore_docker import (
    DockerBuild,
    DockerBuildFailed,
    DockerConnection,
    DockerImageNotFoundError,
    DockerInputError,
    DockerPull,
    DockerPush,
    DockerRun,
    DockerUnauthorizedError,
)


@pytest.fixture
def connection(docker: DockerEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DockerConnection:
    (tmp_path / "settings").mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "settings"))
    return DockerConnection(base_url=docker.url)


@pytest.fixture
def registry() -> Iterator[DockerRegistry]:
    with DockerRegistry() as running:
        yield running


@pytest.fixture
def pushed(docker: DockerEngine, connection: DockerConnection, registry: DockerRegistry) -> Iterator[str]:
    """An image that only the registry has."""
    name = f"{registry.host}/team/app:1"
    docker.api.tag(IMAGE, name)
    DockerPush(connection=connection)(name)
    docker.api.remove_image(name)
    yield name
    for each in docker.api.images(f"{registry.host}/team/app"):
        for tag in each["RepoTags"] or []:
            docker.api.remove_image(tag, force=True)


def test_an_image_is_pushed_and_pulled_by_its_digest(
    docker: DockerEngine, connection: DockerConnection, registry: DockerRegistry, pushed: str
) -> None:
    image = DockerPull(connection=connection)(pushed)
    assert image.id == docker.api.inspect_image(IMAGE)["Id"]
    assert image.name == pushed
    assert image.digest.startswith(f"{registry.host}/team/app@sha256:")
    assert image.size > 500_000
    assert DockerPull(connection=connection)(image.digest).id == image.id
    docker.api.tag(IMAGE, f"{registry.host}/team/app")
    assert DockerPush(connection=connection)(f"{registry.host}/team/app").digest == image.digest
    assert ("team/app", "latest") in registry.manifests


def test_a_run_pulls_what_the_engine_does_not_have_and_always_if_asked_to(
    connection: DockerConnection, registry: DockerRegistry, pushed: str
) -> None:
    assert DockerRun(pushed, command="true", connection=connection)().exit_code == 0
    registry.asked.clear()
    assert DockerRun(pushed, command="true", connection=connection)().exit_code == 0
    assert registry.asked == []
    assert DockerRun(pushed, command="true", pull="always", connection=connection)().exit_code == 0
    assert registry.asked != []


def test_a_missing_image_is_told_from_a_refused_login(
    docker: DockerEngine, connection: DockerConnection, registry: DockerRegistry
) -> None:
    missing = f"{registry.host}/team/none:1"
    with raises_saying(DockerImageNotFoundError, f"cannot pull '{missing}'", "manifest unknown"):
        DockerPull(connection=connection)(missing)
    with pytest.raises(JobFailed) as caught:
        DockerRun(missing, connection=connection)()
    assert (caught.value.reason, caught.value.retryable) == ("image not found", False)
    with raises_saying(DockerImageNotFoundError, f"cannot push '{missing}'", "does not exist locally"):
        DockerPush(connection=connection)(missing)
    registry.login = "ada:s3cret"
    with raises_saying(DockerUnauthorizedError, f"run: docker login {registry.host}"):
        DockerPull(connection=connection)(missing)
    with pytest.raises(JobFailed) as caught:
        DockerRun(missing, connection=connection)()
    assert caught.value.reason == "unauthorized"
    docker.api.tag(IMAGE, missing)
    with raises_saying(DockerUnauthorizedError, f"run: docker login {registry.host}"):
        DockerPush(connection=connection)(missing)
    docker.api.remove_image(missing)


@pytest.mark.filterwarnings("ignore:docker-credential-tests not installed")
def test_credentials_are_those_of_docker_login_also_by_a_helper(
    docker: DockerEngine,
    connection: DockerConnection,
    registry: DockerRegistry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name, settings = f"{registry.host}/team/private:1", tmp_path / "settings" / "config.json"
    docker.api.tag(IMAGE, name)
    registry.login = "ada:s3cret"
    push = DockerPush(connection=connection)
    with pytest.raises(DockerUnauthorizedError):
        push(name)
    settings.write_text(registry.config())  # somebody logs in while we run
    push(name)
    settings.write_text(json.dumps({"credHelpers": {registry.host: "tests"}}))
    with raises_saying(DockerUnauthorizedError, "docker-credential-tests not installed"):
        push(name)
    helper = tmp_path / "docker-credential-tests"
    helper.write_text('#!/bin/sh\necho \'{"ServerURL": "x", "Username": "ada", "Secret": "s3cret"}\'\n')
    helper.chmod(helper.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    push(name)
    docker.api.remove_image(name)


def test_a_pull_that_stalls_ends_with_its_timeout(
    connection: DockerConnection, registry: DockerRegistry, pushed: str, docker: DockerEngine
) -> None:
    for each in docker.api.images(f"{registry.host}/team/app"):
        docker.api.remove_image(each["Id"], force=True)
    layer = DockerBuild(image_tags=(pushed,), connection=connection, use_cache=False)(
        text=f"FROM {IMAGE}\nRUN head -c 3000000 /dev/urandom > /noise"
    )
    DockerPush(connection=connection)(pushed)
    docker.api.remove_image(layer.id, force=True)
    registry.stalls.set()
    began = time.monotonic()
    try:
        with pytest.raises(AttemptTimedOut):
            DockerPull(connection=connection, timeout=1.0)(pushed)
    finally:
        registry.stalls.clear()
    assert time.monotonic() - began < 5
    assert DockerPull(connection=connection)(pushed).id == layer.id


def test_an_image_is_built_from_a_folder_with_arguments_and_a_stage(
    docker: DockerEngine, connection: DockerConnection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "data").write_text("seen")
    (folder / "left out").write_text("x")
    (folder / ".dockerignore").write_text("left*\n")
    (folder / "Dockerfile").write_text(
        f"FROM {IMAGE} AS first\nARG WHO\nCOPY . /app/\nRUN echo hello $WHO > /who && ls /app\n"
        "FROM first AS second\nRUN false\n"
    )
    who = "ada & $(id); \"x\" 'y'"
    build = DockerBuild(
        image_tags=("longshore-app:1", "longshore-app:2"),
        build_args={"WHO": who},
        target="first",
        labels={"team": "data"},
        connection=connection,
    )
    with caplog.at_level(logging.INFO, "longshore"):
        image = build(folder)
    about = docker.api.inspect_image("longshore-app:2")
    assert (image.id, image.name) == (about["Id"], "longshore-app:1")
    assert about["Config"]["Labels"]["team"] == "data"
    said = [record.getMessage() for record in caplog.records]
    assert any(text.startswith("Step 4/5 : RUN echo") for text in said), said
    assert "data" in said
    assert not any("left out" in text for text in said)
    with raises_saying(JobFailed, "last line: 'hello "):
        DockerRun("longshore-app:1", command=("sh", "-c", "cat /who; exit 1"), connection=connection)()
    with pytest.raises(DockerBuildFailed) as caught:
        build.replace(target=None)(folder)
    assert "cannot build the image: The command '/bin/sh -c false' returned a non-zero code: 1" in str(
        caught.value
    )
    assert any(line.endswith(": RUN false") for line in caught.value.log_tail)
    docker.api.remove_image(image.id, force=True)


def test_a_text_and_a_folder_together_are_a_build(
    docker: DockerEngine, connection: DockerConnection, tmp_path: Path
) -> None:
    (tmp_path / "rows.csv").write_text("1\n")
    image = DockerBuild(connection=connection)(tmp_path, text=f"FROM {IMAGE}\nCOPY rows.csv /\n")
    run = DockerRun(image.id, command=("cat", "/rows.csv"), connection=connection)
    assert run().image_id == image.id
    docker.api.remove_image(image.id, force=True)


def test_what_cannot_be_built_says_so(connection: DockerConnection, tmp_path: Path, canary: Canary) -> None:
    build = DockerBuild(connection=connection)
    with raises_saying(DockerInputError, "there is no such folder"):
        build(tmp_path / "none")
    with raises_saying(DockerInputError, "there is no 'Dockerfile' in it; give text="):
        build(tmp_path / "settings")
    with raises_saying(DockerInputError, "cannot build an image of nothing"):
        build()
    with raises_saying(DockerInputError, "there is no such folder"):
        build("https://example.com/repository.git")
    with raises_saying(DockerInputError, "everybody who has the image could read"):
        DockerBuild(build_args={"TOKEN": canary.secret}, connection=connection)  # type: ignore[dict-item]
    canary.secret.get()
    with raises_saying(DockerInputError, "everybody who has the image could read"):
        DockerBuild(build_args={"TOKEN": f"x{canary.value}"}, connection=connection)
    with raises_saying(DockerInputError, "'Bad Tag' is no name of an image"):
        DockerBuild(image_tags=("Bad Tag",))
    with raises_saying(ConfigurationError, "give a tuple: ('app:1',)"):
        DockerBuild(image_tags="app:1")
    with raises_saying(DockerInputError, "holds a NUL"):
        DockerBuild(build_args={"A": "a\0b"})


def test_a_build_that_hangs_ends_with_its_timeout(docker: DockerEngine, connection: DockerConnection) -> None:
    began = time.monotonic()
    with pytest.raises(AttemptTimedOut):
        DockerBuild(connection=connection, timeout=1.5, use_cache=False)(text=f"FROM {IMAGE}\nRUN sleep 60\n")
    assert time.monotonic() - began < 6
    end = time.monotonic() + 15
    while any(c["Command"].endswith("'sleep 60'") for c in docker.api.containers()):
        assert time.monotonic() < end, "the engine goes on with the build"
        time.sleep(0.1)
    assert threading.active_count() < 50


def test_a_pull_tells_how_far_it_is(
    connection: DockerConnection, registry: DockerRegistry, docker: DockerEngine
) -> None:
    name = f"{registry.host}/team/noise:1"
    text = f"FROM {IMAGE}\nRUN head -c 3000000 /dev/urandom > /noise"
    layer = DockerBuild(image_tags=(name,), connection=connection, use_cache=False)(text=text)
    DockerPush(connection=connection)(name)
    docker.api.remove_image(layer.id, force=True)
    heard: list[tuple[float | None, str]] = []
    told = Attempt("pull", progress=lambda _, progress: heard.append((progress.fraction, progress.message)))
    token = active.set(told)
    try:
        assert DockerPull(connection=connection).run(name).id == layer.id
    finally:
        active.reset(token)
    assert heard
    fractions = [fraction or 0.0 for fraction, _ in heard]
    assert fractions == sorted(fractions)
    assert heard[-1][0] == 1.0
    assert heard[0][1].startswith(f"pull '{name}': ")
    docker.api.remove_image(layer.id, force=True)
