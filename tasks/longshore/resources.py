"""Resource managers: something that is set up before some steps and always cleaned up after them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from longshore.definitions import Configured
from longshore.errors import FlowError, TaskDefinitionError
from longshore.flows import Flow, building
from longshore.nodes import Step, node_of
from longshore.references import has_references
from longshore.tasks import Task
from longshore.triggers import TriggerFunction, all_finished

if TYPE_CHECKING:
    from types import TracebackType

R = TypeVar("R")


class Resource(Configured, Generic[R]):
    """Something to set up before some steps and to clean up after them, whatever happened to them.

    Subclass it with fields, `setup()` and `cleanup()`. In a flow, `with Cluster(size=4) as cluster:` adds a
    step that sets it up, has the steps inside wait for that, and adds one that cleans up when all of them
    have ended: after a failure, a timeout, Ctrl-C and SIGTERM too. Outside a flow it is a plain context
    manager.

    Example:
        class Workspace(Resource[Path]):
            def setup(self) -> Path:
                return Path(tempfile.mkdtemp())

            def cleanup(self, value: Path) -> None:
                shutil.rmtree(value)
    """

    def setup(self) -> R:
        """Set it up and return what the steps get."""
        raise TaskDefinitionError(f"{type(self).__name__} has no setup(); define one")

    def cleanup(self, value: R) -> None:
        """Clean up what `setup` returned."""
        raise TaskDefinitionError(f"{type(self).__name__} has no cleanup(); define one")

    def _waiting(self) -> dict[str, Any]:
        """Return the fields that only a run knows."""
        return {name: value for name, value in vars(self).items() if has_references(value)}

    def __enter__(self) -> R:
        flow = building()
        opened = _opened.setdefault((threading.get_ident(), id(self)), [])
        if flow is None:
            value = self.setup()
            opened.append((None, value, []))
            return value
        step = SetUp(name=f"{self.default_name()} set-up", resource=self)(self._waiting())
        node = node_of(cast("object", step))
        assert node is not None
        opened.append((flow, step, flow.open_resource(node)))
        return cast("R", step)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        key = threading.get_ident(), id(self)
        flow, value, members = _opened[key].pop()
        if not _opened[key]:
            del _opened[key]
        if flow is None:
            self.cleanup(value)
            return
        inside: Any = building()
        if inside is not flow:
            raise FlowError(f"{self!r} was opened in flow {flow.name!r} and is closed elsewhere")
        flow.close_resource()
        after = [Step(member) for member in members]
        step = CleanUp(name=f"{self.default_name()} clean-up", resource=self)(
            value, self._waiting(), after=after
        )
        node = node_of(cast("object", step))
        assert node is not None
        node.setup = node_of(value)


_opened: dict[tuple[int, int], list[tuple[Flow | None, Any, list[Any]]]] = {}
"""What is open, by thread and resource: a frozen value, which two threads may share."""


class SetUp(Task[Any]):
    """Sets a resource up."""

    resource: Resource[Any]

    def run(self, fields: dict[str, Any]) -> Any:
        """Return what the steps get.

        Args:
            fields: The resource's fields that came from upstream.
        """
        return self.resource.replace(**fields).setup()


class CleanUp(Task[None]):
    """Cleans a resource up."""

    resource: Resource[Any]
    trigger: TriggerFunction = all_finished

    def run(self, value: Any, fields: dict[str, Any]) -> None:
        """Clean up what `setup` returned, with the fields that came from upstream."""
        self.resource.replace(**fields).cleanup(value)
