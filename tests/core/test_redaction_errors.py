"""An error comes out without secrets, as itself when it had none, else as a masked copy of its type."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from longshore.errors import Fail, LongshoreError, OutputsError, PortableError, Retry
from longshore.redaction import isolated, redact_error, redact_value, register
from longshore.secrets import Secret

VALUE = "horse-battery-staple"


@pytest.fixture(autouse=True)
def own_redaction() -> Iterator[None]:
    with isolated():
        register(VALUE)
        yield


@dataclass
class Response:
    """Stands for an SDK's object: it shows a status and carries its request."""

    status: int
    headers: dict[str, str]

    def __repr__(self) -> str:
        return f"<Response {self.status}>"


class WithFieldsError(Exception):
    """Takes other arguments than it keeps in `args`."""

    def __init__(self, host: str, *, body: Any) -> None:
        super().__init__(f"{host} said no")
        self.host = host
        self.body = body


class SlottedError(Exception):
    __slots__ = ("detail",)


class StubbornError(Exception):
    """Makes its text from what no copy can be given."""

    def __str__(self) -> str:
        return f"stubborn {VALUE}"


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class BatchFailed(ExceptionGroup[Exception]):
    pass


def everything(error: BaseException) -> str:
    """Return all that a log, a store or a report may show of an error."""
    seen = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error)) + repr(error.args)
    for linked in (error.__cause__, error.__context__, *getattr(error, "exceptions", ())):
        seen += everything(linked) if linked is not None else ""
    return seen


def fail_between_two(cause: str, context: str) -> None:
    try:
        try:
            raise KeyError(context)
        except KeyError:
            raise ValueError("between") from OSError(1, cause)
    except ValueError as middle:
        middle.add_note(f"note {context}")
        raise RuntimeError("clean itself")  # noqa: B904 - the context is what is looked at


def test_an_error_without_secrets_is_returned_itself() -> None:
    with pytest.raises(RuntimeError) as caught:
        fail_between_two("a", "b")
    assert redact_error(caught.value) is caught.value
    group = ExceptionGroup("g", [ValueError("a"), OSError(2, "no such file", "x")])
    assert redact_error(group) is group
    assert redact_error(unprintable := UnprintableError("x")) is unprintable


@pytest.mark.gate("S1")
@pytest.mark.parametrize(
    "error",
    [
        ValueError(f"bad token {VALUE}"),
        KeyError(VALUE),
        RuntimeError("a", {"b": [VALUE]}, 3),
        OSError(2, f"cannot use {VALUE}", f"/run/{VALUE}"),
        FileNotFoundError(2, "no such file", f"/run/{VALUE}", None, f"/to/{VALUE}"),
        PermissionError(f"only text {VALUE}"),
        UnicodeDecodeError("utf-8", f"\xff{VALUE}".encode("latin-1"), 0, 1, "invalid start byte"),
        UnicodeEncodeError("ascii", f"ü{VALUE}", 0, 1, "not in range"),
        ImportError(f"no {VALUE}", name=VALUE, path=f"/x/{VALUE}"),
        SyntaxError("bad", (f"{VALUE}.py", 1, 2, f"token = {VALUE}", 1, 3)),
        StopIteration(VALUE),
        SystemExit(f"exit {VALUE}"),
        KeyboardInterrupt(VALUE),
        NameError(VALUE, name=VALUE),
        AttributeError(f"no {VALUE}", name="x", obj=VALUE),
        WithFieldsError(VALUE, body={"sent": VALUE.encode()}),
        OutputsError(f"line {VALUE!r}"),
        Fail(f"because {VALUE}"),
        Retry(f"because {VALUE}", after=3),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_any_type_keeps_its_type_and_loses_the_secret(error: BaseException) -> None:
    before = str(error)
    masked = redact_error(error)
    assert masked is not error
    assert type(masked) is type(error)
    assert VALUE not in everything(masked)
    assert VALUE.encode() not in pickle.dumps(masked.args)
    assert str(masked) == before.replace(VALUE, "***")
    assert str(error) == before


def test_the_parts_of_a_masked_error_keep_what_is_no_secret() -> None:
    missing = redact_error(FileNotFoundError(2, "no such file", f"/run/{VALUE}"))
    assert isinstance(missing, FileNotFoundError)
    assert (missing.errno, missing.strerror, missing.filename) == (2, "no such file", "/run/***")
    retry = redact_error(Retry(f"because {VALUE}", after=3))
    assert isinstance(retry, Retry)
    assert (retry.message, retry.after) == ("because ***", 3)


@pytest.mark.gate("S1")
def test_notes_causes_and_contexts_are_masked_and_the_traceback_is_kept() -> None:
    with pytest.raises(RuntimeError) as caught:
        fail_between_two(f"cause {VALUE}", VALUE)
    masked = redact_error(caught.value)
    assert masked is not caught.value
    assert masked.__traceback__ is caught.value.__traceback__
    assert VALUE not in everything(masked)
    middle = masked.__context__
    assert isinstance(middle, ValueError)
    assert middle.__notes__ == ["note ***"]
    assert middle.__suppress_context__
    assert isinstance(middle.__context__, KeyError)
    assert str(middle.__cause__) == "[Errno 1] cause ***"
    assert not masked.__suppress_context__


def test_a_clean_cause_stays_the_same_object() -> None:
    cause = ValueError("clean")
    error = RuntimeError(VALUE)
    error.__cause__ = cause
    assert redact_error(error).__cause__ is cause


def test_errors_that_refer_to_each_other_are_masked() -> None:
    first, second = ValueError(VALUE), RuntimeError("second")
    first.__context__, second.__cause__ = second, first
    first.args = (*first.args, first)
    masked = redact_error(second)
    assert VALUE not in "".join(traceback.format_exception(masked))
    assert masked.__cause__ is not None
    assert masked.__cause__.__context__ is masked


@pytest.mark.gate("S1")
def test_the_members_of_groups_are_masked_and_the_clean_ones_kept() -> None:
    clean = ValueError("clean")
    group = BatchFailed(f"batch {VALUE}", [clean, ExceptionGroup("inner", [OSError(VALUE)])])
    group.add_note(f"note {VALUE}")
    masked = redact_error(group)
    assert isinstance(masked, BatchFailed)
    assert masked.message == "batch ***"
    assert masked.exceptions[0] is clean
    assert VALUE not in everything(masked)
    assert masked.__notes__ == ["note ***"]


def test_an_error_inside_the_arguments_is_masked_and_keeps_its_type() -> None:
    masked = redact_error(RuntimeError(ConnectionError(f"to {VALUE}")))
    assert isinstance(masked.args[0], ConnectionError)
    assert str(masked) == "to ***"


@pytest.mark.gate("S1")
def test_an_object_that_would_pickle_a_secret_is_replaced_by_its_text() -> None:
    error = LongshoreError("the server answered 401")
    error.response = Response(401, {"authorization": VALUE})  # type: ignore[attr-defined]
    error.request = Response(1, {"accept": "all"})  # type: ignore[attr-defined]
    error.path = Path(VALUE)  # type: ignore[attr-defined]
    masked: Any = redact_error(error)
    assert masked.response == "<Response 401>"
    assert masked.request is error.request  # type: ignore[attr-defined]
    assert masked.path == "PosixPath('***')"
    assert VALUE.encode() not in pickle.dumps(masked)


def test_an_object_that_neither_shows_nor_pickles_stays() -> None:
    class Opaque:
        def __repr__(self) -> str:
            raise RuntimeError("no text")

        def __reduce__(self) -> str:
            raise TypeError(VALUE)

    error = LongshoreError("x")
    error.held = held = Opaque()  # type: ignore[attr-defined]
    assert redact_error(error) is error
    error.args = (VALUE,)
    masked: Any = redact_error(error)
    assert masked.held is held


def test_a_secret_inside_an_error_stays_a_reference() -> None:
    error = LongshoreError("x", Secret("env:NAME"))
    assert redact_error(error) is error


def test_a_slot_is_masked() -> None:
    error = SlottedError("clean")
    error.detail = VALUE
    masked = redact_error(error)
    assert isinstance(masked, SlottedError)
    assert masked.detail == "***"


def test_an_error_that_no_copy_can_clean_becomes_portable_with_masked_text() -> None:
    error = StubbornError("x")
    error.retry_after = 7.0  # type: ignore[attr-defined]
    masked = redact_error(error)
    assert isinstance(masked, PortableError)
    assert str(masked) == "stubborn ***"
    assert masked.type_name.endswith("StubbornError")
    assert "stubborn ***" in masked.traceback_text
    assert masked.retry_after == 7.0
    assert VALUE not in everything(masked)


def test_a_group_that_no_copy_can_clean_becomes_a_plain_group() -> None:
    class Strict(ExceptionGroup[Exception]):
        def __new__(cls, rows: int) -> Strict:
            return super().__new__(cls, f"{rows} rows of {VALUE}", [ValueError(VALUE)])

    masked = redact_error(Strict(7))
    assert type(masked) is ExceptionGroup
    assert masked.message == "7 rows of *** (1 sub-exception)"
    assert [str(member) for member in masked.exceptions] == ["***"]


def test_everything_passes_while_nothing_is_registered() -> None:
    with isolated():
        error = ValueError(VALUE)
        assert redact_error(error) is error
        assert redact_value(values := [VALUE]) is values
