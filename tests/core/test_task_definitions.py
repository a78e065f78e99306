"""What a Task class may declare, and what it is told when it may not."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any, ClassVar, Generic, Optional, TypeVar

import pytest

from longshore import Task, TaskDefinitionError, field

T = TypeVar("T")


class Copy(Task[str]):
    """Copy a text some times."""

    times: int = 2
    separator: str = ""

    def run(self, text: str) -> str:
        return self.separator.join([text] * self.times)


class CopyThrice(Copy):
    times: int = 3


class CopyThriceApart(CopyThrice):
    separator: str = "-"
    retries: int = 4


class Shell(Task[str]):
    script: str = field(kw_only=False)
    cwd: str = "."

    def run(self) -> str:
        return f"{self.cwd}$ {self.script}"


class Identity(Task[T], Generic[T]):
    def run(self, value: T) -> T:
        return value


def refusal(define: Callable[[], object]) -> str:
    with pytest.raises(TaskDefinitionError) as caught:
        define()
    return str(caught.value)


def test_fields_are_configuration_and_run_takes_input() -> None:
    assert Copy(times=3)("ab") == "ababab"


def test_a_task_cannot_be_changed() -> None:
    task = Copy()
    with pytest.raises(AttributeError, match="times"):
        task.times = 5  # type: ignore[misc]
    assert task.times == 2


def test_fields_are_given_by_name_only() -> None:
    with pytest.raises(TypeError, match=r"Copy\(\) takes nothing by position, got 1; by name it takes times"):
        Copy(3)  # type: ignore[misc]


def test_one_field_may_be_given_by_position() -> None:
    assert Shell("make", cwd="/src")() == "/src$ make"
    assert Shell(script="make") == Shell("make")


def test_a_new_default_holds_for_the_class_and_those_below_it() -> None:
    assert (Copy().times, CopyThrice().times, CopyThriceApart().times) == (2, 3, 3)
    assert CopyThriceApart()("a") == "a-a-a"
    assert (Copy().retries, CopyThriceApart().retries) == (0, 4)


def test_a_new_default_written_as_another_spelling_of_the_same_type_is_taken() -> None:
    class Base(Task[None]):
        paths: dict[str, int] | None = None

        def run(self) -> None: ...

    class Below(Base):
        paths: Optional[dict[str, int]] = field(default_factory=dict[str, int])  # noqa: UP045 - as others write it

    assert Below().paths == {}


def test_class_variables_are_no_fields() -> None:
    class Counted(Task[int]):
        calls: ClassVar[int] = 7

        def run(self) -> int:
            return self.calls

    assert Counted()() == 7
    with pytest.raises(TypeError, match="no argument 'calls'"):
        Counted(calls=3)  # type: ignore[call-arg]


def test_generic_tasks_are_tasks() -> None:
    assert Identity[int]()(4) == 4


def test_an_init_of_ones_own_is_refused() -> None:
    def define() -> object:
        class Upload(Task[None]):
            def __init__(self, bucket: str) -> None: ...

        return Upload

    assert "Upload has its own __init__; declare fields: bucket: str" in refusal(define)


def test_a_post_init_of_ones_own_is_refused() -> None:
    def define() -> object:
        class Upload(Task[None]):
            def __post_init__(self) -> None: ...

        return Upload

    assert "Upload has its own __post_init__; write: def check(self) -> None" in refusal(define)


def test_a_default_without_its_type_is_refused() -> None:
    def define() -> object:
        class CopyOften(Copy):
            times = 9

        return CopyOften

    message = refusal(define)
    assert "CopyOften sets 'times' without its type" in message
    assert "write times: int = ..." in message


def test_a_service_field_without_its_type_is_refused() -> None:
    def define() -> object:
        class Stubborn(Task[None]):
            retries = 9

        return Stubborn

    assert "Stubborn sets 'retries' without its type" in refusal(define)


@pytest.mark.parametrize("name", ["run", "map", "replace", "check", "identity", "signature"])
def test_a_field_named_like_a_method_is_refused(name: str) -> None:
    def define() -> object:
        return type("Upload", (Task,), {"__annotations__": {name: "str"}, "__module__": __name__, name: ""})

    message = refusal(define)
    assert f"Upload has a field {name!r}, which is a method of every task; rename it" in message


def test_input_named_like_a_field_is_refused() -> None:
    def define() -> object:
        class Upload(Task[None]):
            bucket: str = ""

            def run(self, bucket: str) -> None: ...

        return Upload

    assert "Upload takes 'bucket', which is a field; rename one of them" in refusal(define)


def test_input_named_like_a_service_field_is_refused() -> None:
    def define() -> object:
        class Upload(Task[None]):
            def run(self, name: str) -> None: ...

        return Upload

    assert "Upload takes 'name', which is a field" in refusal(define)


def test_a_field_named_like_the_input_of_an_inherited_run_is_refused() -> None:
    def define() -> object:
        class CopyText(Copy):
            text: str = ""

        return CopyText

    assert "CopyText takes 'text', which is a field" in refusal(define)


def test_input_named_after_is_refused() -> None:
    def define() -> object:
        class Wait(Task[None]):
            def run(self, after: str) -> None: ...

        return Wait

    assert "Wait takes 'after', which every call in a flow has; rename it" in refusal(define)


def test_a_field_redeclared_with_another_type_is_refused() -> None:
    def define() -> object:
        class CopyWords(Copy):
            times: str = "2"  # type: ignore[assignment]

        return CopyWords

    message = refusal(define)
    assert (
        "CopyWords redeclares 'times' as str; it is int on Copy; keep that type, or use another name"
        in message
    )


def test_two_positional_fields_are_refused() -> None:
    def define() -> object:
        class Move(Task[None]):
            source: str = field(kw_only=False)
            target: str = field(kw_only=False)

        return Move

    assert "Move has more than one positional field: source, target" in refusal(define)


def test_a_mutable_default_is_refused() -> None:
    def define() -> object:
        class Collect(Task[None]):
            items: list[str] = []  # noqa: RUF012 - what is refused

        return Collect

    message = refusal(define)
    assert "Collect" in message
    assert "items" in message
    assert "field(default_factory=...)" in message


def test_a_class_without_run_says_so_when_it_is_called() -> None:
    class Nothing(Task[None]):
        pass

    with pytest.raises(TaskDefinitionError, match=r"Nothing has no run\(\); define one"):
        Nothing()()


def test_a_module_without_postponed_annotations_is_read_alike() -> None:
    scope: dict[str, Any] = {"__name__": __name__}
    source = """
from typing import ClassVar
from longshore import Task, TaskDefinitionError

class Base(Task[int]):
    calls: ClassVar[int] = 7
    sizes: list[int] | None = None
    def run(self) -> int:
        return len(self.sizes or ()) + self.calls

class Below(Base):
    sizes: list[int] | None = (1, 2)

try:
    class Wrong(Base):
        sizes: list[str] | None = None
except TaskDefinitionError as error:
    told = str(error)
"""
    exec(compile(source, "made.py", "exec", dont_inherit=True), scope)
    assert scope["Below"]()() == 9
    assert "redeclares 'sizes' as list[str] | None; it is list[int] | None on Base" in scope["told"]


def test_a_definition_error_names_the_module_too() -> None:
    def define() -> object:
        class Upload(Task[None]):
            def __init__(self) -> None: ...

        return Upload

    assert __name__ in refusal(define)


def test_definition_errors_are_type_errors_and_pickle() -> None:
    error: Any = TaskDefinitionError("x")
    assert isinstance(error, TypeError)
    assert str(pickle.loads(pickle.dumps(error))) == "x"
