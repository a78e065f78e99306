"""`DockerPull`, `DockerPush`, `DockerBuild`: images."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence  # noqa: TC003 - who describes a task evaluates these
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longshore import ConfigurationError, Secret, Task, field, redact
from longshore_docker import client
from longshore_docker.connections import DockerConnection
from longshore_docker.errors import DockerInputError
from longshore_docker.inputs import Value, image_name, text_of
from longshore_docker.progress import follow, follow_build


@dataclass(frozen=True, kw_only=True)
class DockerImage:
    """An image that the engine has.

    Attributes:
        name: As it was asked for; of a built image its first tag, or its id.
        id: The digest of its configuration, by which it can be run.
        digest: `name@sha256:...`, by which its registry knows it; empty when it was never there.
        size: Bytes.
    """

    name: str
    id: str
    digest: str = ""
    size: int = 0


class DockerPull(Task[DockerImage]):
    """Pull an image from its registry; quick when nothing has changed there.

    Args:
        platform: Such as `linux/arm64`; the engine's own when None.
        connection: Where the engine is.
    """

    platform: str | None = None
    connection: DockerConnection = DockerConnection()

    def run(self, image: str) -> DockerImage:
        """Pull the image.

        Args:
            image: Its name; `:latest` without a tag.

        Raises:
            DockerImageNotFoundError: The registry has no such image.
            DockerUnauthorizedError: The registry refuses us.
        """
        engine = client.engine(self.connection)
        follow(engine.pull(image_name(image), self.platform), f"pull {image!r}", image)
        return _described(engine, image)


class DockerPush(Task[DockerImage]):
    """Push an image to the registry that its name begins with.

    Args:
        connection: Where the engine is.
    """

    connection: DockerConnection = DockerConnection()

    def run(self, image: str) -> DockerImage:
        """Push the image.

        Args:
            image: Its name; `:latest` without a tag.

        Raises:
            DockerImageNotFoundError: The engine has no such image.
            DockerUnauthorizedError: The registry refuses us.
        """
        engine = client.engine(self.connection)
        name = image_name(image)
        if ":" not in name.rpartition("/")[2]:
            name += ":latest"  # without a tag the engine would push all of them
        follow(engine.push(name), f"push {image!r}", image)
        return _described(engine, image)


class DockerBuild(Task[DockerImage]):
    """Build an image from a folder, a Dockerfile's text, or both, with the engine's own builder.

    A secret has no place in a build: arguments stay readable in the image's history. What needs one during
    the build is built by `docker buildx build --secret`, in a `Shell`.

    Args:
        image_tags: Names for the image.
        dockerfile: The path of the Dockerfile in the folder.
        build_args: Values for its `ARG`s.
        target: The stage to build; the last when None.
        platform: Such as `linux/arm64`; the engine's own when None.
        labels: Labels of the image.
        network: The network of its `RUN` steps; the engine's bridge when None.
        pull: Whether the images that it starts from are pulled even if the engine has them.
        use_cache: Whether steps that were built before may be taken as they were.
        connection: Where the engine is.

    Example:
        >>> DockerBuild(image_tags=("app:1",))("./app").id
    """

    image_tags: Sequence[str] = ()
    dockerfile: str = "Dockerfile"
    build_args: Mapping[str, Value] = field(default_factory=dict[str, Value])
    target: str | None = None
    platform: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    network: str | None = None
    pull: bool = False
    use_cache: bool = True
    connection: DockerConnection = DockerConnection()

    def check(self) -> None:
        if isinstance(self.image_tags, str):
            raise ConfigurationError(
                f"{self.name}(image_tags={self.image_tags!r}): give a tuple: ({self.image_tags!r},)"
            )
        for tag in self.image_tags:
            image_name(tag)
        self._build_args()

    def run(self, folder: str | Path | None = None, *, text: str | None = None) -> DockerImage:
        """Build the image.

        Args:
            folder: What the Dockerfile can copy from; `.dockerignore` leaves files out.
            text: A Dockerfile, in place of the folder's own.

        Raises:
            DockerBuildFailed: A step failed.
            DockerInputError: There is no such folder, or no Dockerfile.
        """
        engine = client.engine(self.connection)
        with tempfile.TemporaryDirectory() as place:
            image = follow_build(engine.build(self._options(folder, text, place)))
        for tag in self.image_tags[1:]:
            engine.tag(image, tag)
        return _described(engine, self.image_tags[0] if self.image_tags else image)

    def _options(self, folder: str | Path | None, text: str | None, place: str) -> dict[str, Any]:
        """Return what the SDK takes.

        Args:
            folder: The context.
            text: The Dockerfile.
            place: A private folder, for the text: a Dockerfile may lie outside its context.
        """
        dockerfile = self.dockerfile
        if text is not None:
            dockerfile = str(Path(place, "Dockerfile"))
            Path(dockerfile).write_text(text_of(text, "the Dockerfile"))
        if folder is None and text is None:
            raise DockerInputError("cannot build an image of nothing; give a folder, or text=")
        context = Path(place, "context") if folder is None else Path(folder).absolute()
        if folder is None:
            context.mkdir()
        elif not context.is_dir():
            raise DockerInputError(f"cannot build an image of {str(folder)!r}: there is no such folder")
        elif text is None and not (context / dockerfile).is_file():
            raise DockerInputError(
                f"cannot build an image of {str(folder)!r}: there is no {dockerfile!r} in it; give text="
            )
        options = {
            "path": str(context),
            "dockerfile": dockerfile,
            "tag": self.image_tags[0] if self.image_tags else None,
            "buildargs": self._build_args(),
            "target": self.target,
            "platform": self.platform,
            "labels": dict(self.labels) or None,
            "network_mode": self.network,
            "pull": self.pull,
            "nocache": not self.use_cache,
        }
        return {name: value for name, value in options.items() if value is not None}

    def _build_args(self) -> dict[str, str]:
        """Return the arguments, none of which is a secret.

        Raises:
            DockerInputError: One is, or cannot be handed over.
        """
        found = {text_of(n, "a build argument"): value for n, value in self.build_args.items()}
        texts: dict[str, str] = {}
        for name, value in found.items():
            texts[name] = "" if isinstance(value, Secret) else text_of(value, f"build argument {name!r}")
            if isinstance(value, Secret) or redact(texts[name]) != texts[name]:
                raise DockerInputError(
                    f"build argument {name!r} is a secret, which everybody who has the image could read in "
                    "its history; use docker buildx build --secret"
                )
        return texts


def _described(engine: client.Engine, name: str) -> DockerImage:
    about = engine.image(name)
    repository = name.partition("@")[0]
    if ":" in repository.rpartition("/")[2]:
        repository = repository.rpartition(":")[0]
    digests = [str(digest) for digest in about.get("RepoDigests") or ()]
    digest = next((each for each in digests if each.partition("@")[0].endswith(repository)), "")
    return DockerImage(name=name, id=str(about["Id"]), digest=digest, size=int(about.get("Size") or 0))
