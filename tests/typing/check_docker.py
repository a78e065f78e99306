"""What a type checker sees of the Docker tasks. Checked by mypy and pyright, never run."""

from __future__ import annotations

from typing import Any, assert_type

from longshore import Secret, flow
from longshore_docker import (
    DockerBuild,
    DockerConnection,
    DockerImage,
    DockerMount,
    DockerPull,
    DockerPush,
    DockerResult,
    DockerRun,
)

ENGINE = DockerConnection(base_url="tcp://build.example.com:2376")

assert_type(DockerRun("busybox:1", command="true")(), DockerResult)
assert_type(DockerRun("busybox:1", retries=2)(("a", 1), env={"N": 3})["rows"], Any)
assert_type(DockerRun("busybox:1", mounts=(DockerMount(".", "/data"),)).map([("a",)]), list[DockerResult])
assert_type(DockerRun("busybox:1").replace(memory="1g")().out_of_memory, bool)
assert_type(DockerRun("busybox:1", secrets={"t": Secret("env:T")}, connection=ENGINE)().exit_code, int)
assert_type(DockerPull()("busybox:1"), DockerImage)
assert_type(DockerPush(connection=ENGINE)("busybox:1").digest, str)
assert_type(DockerBuild(image_tags=("app:1",))("./app", text="FROM busybox:1").id, str)

DockerRun()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
DockerRun("busybox:1")(enviroment={})  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]


@flow
def copies(folder: str) -> DockerResult:
    image = DockerBuild()(folder)
    return DockerRun("busybox:1")((image.id,))
