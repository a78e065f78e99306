"""Tasks are described from their classes: what `longshore describe` shows."""

from __future__ import annotations

import json
from typing import Any, TypeVar, cast

from longshore import Exponential, FunctionTask, Secret, Task, field, task
from longshore.catalogue import describe
from longshore.tasks import SERVICE_FIELDS

R = TypeVar("R")


class Connected(Task[dict[str, int]]):
    """A parent with a field.

    Args:
        token: Who we are.
    """

    token: Secret = Secret("env:CATALOGUE_TOKEN")


class Upload(Connected):
    """Copy one local file
    to a bucket.

    The file is read once.

    It is never changed.

    Args:
        bucket: Where to. Must be given
            and exist.
        part_size: Bytes sent per request; at least 5 MiB.
        patience: Seconds without an answer before the attempt counts as failed.
        labels: Words for people.
        days: A text with days in it.

    Example:
        >>> Upload("lake")("a.csv")
        {'rows': 3}
    """

    bucket: str = field(kw_only=False)
    part_size: int = 5 * 1024**2
    patience: float | None = None
    labels: dict[str, str] = field(default_factory=lambda: {"made": "by us"})
    days: str = "none"
    retries: int = 3

    def run(self, source: str, *extra: bytes, most: int = 10, **headers: str) -> dict[str, int]:
        """Copy it.

        Args:
            source: The file.
            *extra: More of it.
            most (int): Rows at most.
            **headers: Sent along.

        Returns:
            The rows
            that were sent.
        """
        return {source: most}


@task(retries=2)
async def double(n: int, times: float = 2.0) -> float:
    """Double a number.

    Args:
        n: The number.
        times: How often, in percent.

    Examples:
        >>> double(2)  # doctest: +SKIP
        4.0
    """
    return n * times


class Bare(Task[Any]):
    def run(self, x, y=print):  # type: ignore[no-untyped-def]
        return x


def shown(arguments: Any) -> dict[str, tuple[str, str | None, str]]:
    return {a.name: (a.type, a.default, a.unit) for a in arguments}


def test_the_words_come_from_the_docstrings_without_their_sections() -> None:
    found = describe(Upload)
    assert (found.name, found.module) == ("Upload", Upload.__module__)
    assert found.summary == "Copy one local file to a bucket."
    assert found.text == "The file is read once.\n\nIt is never changed."
    assert found.example == '>>> Upload("lake")("a.csv")\n{\'rows\': 3}'
    assert (found.result, found.returns) == ("dict[str, int]", "The rows that were sent.")


def test_fields_have_their_types_defaults_units_and_words() -> None:
    found = describe(Upload, name="s3.Upload")
    assert found.name == "s3.Upload"
    assert shown(found.fields) == {
        "token": ("Secret", "Secret('env:CATALOGUE_TOKEN')", ""),
        "bucket": ("str", None, ""),
        "part_size": ("int", "5242880", "bytes"),
        "patience": ("float | None", "None", "seconds"),
        "labels": ("dict[str, str]", "{'made': 'by us'}", ""),
        "days": ("str", "'none'", ""),
    }
    assert [a.text for a in found.fields[:2]] == ["Who we are.", "Where to. Must be given and exist."]


def test_inputs_are_those_of_run_with_their_stars() -> None:
    found = describe(Upload)
    assert shown(found.inputs) == {
        "source": ("str", None, ""),
        "*extra": ("bytes", "", ""),
        "most": ("int", "10", "rows"),
        "**headers": ("str", "", ""),
    }
    assert [a.text for a in found.inputs] == ["The file.", "More of it.", "Rows at most.", "Sent along."]


def test_the_fields_of_every_task_stand_apart_with_this_tasks_defaults() -> None:
    service = {a.name: a for a in describe(Upload).service_fields}
    assert set(service) == SERVICE_FIELDS
    assert service["retries"].default == "3"
    assert service["retries"].text == "Attempts after the first."
    assert service["timeout"].unit == "seconds"
    assert service["trigger"].default == "all_successful"
    assert service["retry_on"].default == "Exception"


def test_a_function_task_is_described_by_its_function() -> None:
    assert isinstance(double, FunctionTask)
    found = describe(double)
    assert (found.name, found.summary, found.result, found.fields) == (
        "double",
        "Double a number.",
        "float",
        (),
    )
    assert shown(found.inputs) == {"n": ("int", None, ""), "times": ("float", "2.0", "percent")}
    assert found.example == ">>> double(2)\n4.0"


def test_a_task_without_words_or_types_is_described_all_the_same() -> None:
    found = describe(Bare)
    assert (found.summary, found.text, found.example, found.returns) == ("", "", "", "")
    assert shown(found.inputs) == {"x": ("Any", None, ""), "y": ("Any", "print", "")}


def test_a_configured_object_is_described_as_its_class() -> None:
    assert describe(Upload("lake", retry_delay=Exponential())) == describe(Upload)


def test_a_description_is_plain_json_without_a_secrets_value(monkeypatch: Any) -> None:
    monkeypatch.setenv("CATALOGUE_TOKEN", "canary-5f4e3d")
    text = json.dumps(describe(Upload).as_json())
    assert json.loads(text)["fields"][2]["unit"] == "bytes"
    assert "canary-5f4e3d" not in text


class Counted(Task[R]):
    """What is common to two."""

    def run(self, text: str) -> R:
        return self.read(len(text))

    def read(self, count: int) -> R:
        return cast("R", count)


class Doubled(Counted[list[int]]):
    """A list."""

    def read(self, count: int) -> list[int]:
        return [count, count]


def test_a_result_that_a_generic_base_declares_is_the_one_of_the_class() -> None:
    assert describe(Doubled).result == "list[int]"
