"""Requests are repeated where that may help, and no more often than a service can bear."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from longshore import Exponential, Flow, current, task
from longshore_storage.errors import (
    AccessDeniedError,
    CredentialsError,
    ThrottledError,
    TransferCancelled,
    UnreachableError,
)
from longshore_storage.protocol import ObjectStore
from longshore_storage.transfers import Patience, patience


class Renewing(ObjectStore):
    """A store of which nothing is used but its credentials."""

    scheme = "renewing"

    def __init__(self, *, can_renew: bool = True) -> None:
        self.can_renew = can_renew
        self.renewed = 0

    def refresh(self) -> bool:
        time.sleep(0.05)  # others are refused meanwhile
        self.renewed += self.can_renew
        return self.can_renew


Renewing.__abstractmethods__ = frozenset()  # type: ignore[attr-defined]


def store_of(*, can_renew: bool = True) -> ObjectStore:
    return Renewing(can_renew=can_renew)


class Service:
    """Answers with errors first, and counts its requests and their times."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.times: list[float] = []

    def __call__(self) -> str:
        self.times.append(time.monotonic())
        if self.errors:
            raise self.errors.pop(0)
        return "done"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_DELAY", Exponential(base=0.001, cap=0.002))
    monkeypatch.setattr(patience, "_SLOWER", Exponential(base=0.001, cap=0.002))


def test_three_refusals_are_waited_out(quick: None) -> None:
    service = Service(*[ThrottledError("slow down")] * 3)
    assert Patience(store_of()).call(service) == "done"
    assert len(service.times) == 4


def test_thirty_refusals_are_not(quick: None) -> None:
    service = Service(*[ThrottledError("slow down")] * 30)
    with pytest.raises(ThrottledError):
        Patience(store_of()).call(service)
    assert len(service.times) == 8


def test_a_hopeless_error_is_raised_at_once() -> None:
    service = Service(AccessDeniedError("no"))
    with pytest.raises(AccessDeniedError):
        Patience(store_of()).call(service)
    assert len(service.times) == 1


def test_a_request_does_not_come_back_sooner_than_the_service_asked(quick: None) -> None:
    error = ThrottledError("slow down")
    error.retry_after = 0.3
    service = Service(error)
    assert Patience(store_of()).call(service) == "done"
    assert service.times[1] - service.times[0] >= 0.3


def test_a_service_that_asks_for_an_hour_is_left_to_the_retries_of_the_task() -> None:
    error = ThrottledError("slow down")
    error.retry_after = 3600.0
    with pytest.raises(ThrottledError) as raised:
        Patience(store_of()).call(Service(error))
    assert raised.value.retry_after == 3600.0


def test_expired_credentials_are_renewed_once_for_all_threads() -> None:
    store = store_of()
    assert isinstance(store, Renewing)
    barrier = threading.Barrier(8)

    def request() -> str:
        if not store.renewed:
            barrier.wait()
            raise CredentialsError("expired")
        return "done"

    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(Patience(store).call, request) for _ in range(8)]
        assert [answer.result() for answer in answers] == ["done"] * 8
    assert store.renewed == 1


@pytest.mark.parametrize("can_renew", [True, False])
def test_credentials_that_stay_refused_are_an_error_after_one_renewal(can_renew: bool) -> None:
    service = Service(*[CredentialsError("refused")] * 5)
    with pytest.raises(CredentialsError):
        Patience(store_of(can_renew=can_renew)).call(service)
    assert len(service.times) == 1 + can_renew


def test_waiting_ends_when_the_attempt_is_told_to_stop() -> None:
    error = UnreachableError("gone")
    error.retry_after = 50.0
    seen: list[str] = []

    @task(timeout=0.3)
    def transfer() -> None:
        try:
            Patience(store_of()).call(Service(*[error] * 8))
        except TransferCancelled as stopped:
            seen.append(str(stopped))
            raise

    with Flow("stopped") as flow:
        transfer()
    began = time.monotonic()
    flow.run()
    assert time.monotonic() - began < 20.0
    assert seen == [f"cannot go on: {seen[0].partition(': ')[2]}"]
    assert not current.cancelled


def storm(tasks: int, store: ObjectStore) -> list[float]:
    """Have tasks ask a service that refuses everything; return when each request came."""
    refused: list[float] = []

    def request() -> None:
        refused.append(time.monotonic())
        raise ThrottledError("503 slow down")

    def ask(call: Callable[[Callable[[], None]], None]) -> None:
        with pytest.raises(ThrottledError):
            call(request)

    with ThreadPoolExecutor(tasks) as pool:
        for _ in range(tasks):
            pool.submit(ask, Patience(store).call)
    return [moment - refused[0] for moment in refused]


@pytest.mark.gate("T5")
def test_a_service_that_refuses_everything_gets_a_budget_of_repeats_and_no_storm(
    monkeypatch: pytest.MonkeyPatch, gate_count: Callable[[int, int], int]
) -> None:
    if gate_count(0, 1) == 0:  # the same shape, four times as fast
        monkeypatch.setattr(patience, "_SLOWER", Exponential(base=0.75, cap=5.0))
    bucket = 0.1 if gate_count(0, 1) else 0.025
    times = storm(64, store_of())
    repeats = times[64:]
    assert len(repeats) == 100
    buckets = Counter(int(moment / bucket) for moment in repeats)
    assert max(buckets.values()) <= gate_count(13, 10), buckets  # the quick one has fewer buckets


def test_successes_fill_the_budget_again(quick: None) -> None:
    store = store_of()
    assert len(storm(64, store)) == 164
    patient = Patience(store)
    with pytest.raises(ThrottledError):
        patient.call(Service(ThrottledError("slow down")))
    for _ in range(5):
        assert patient.call(Service()) == "done"
    assert patient.call(Service(ThrottledError("slow down"))) == "done"
