"""The tasks against a small Acme, and the plugin that brings them."""

from typing import Any, ClassVar

import pytest
from longshore import ConfigurationError, Flow, RetriesExhausted, Skipped, plugins
from longshore.testing import TaskContract, assert_portable

from longshore_acme import AcmeConnection, AcmeError, AcmeShip, AcmeTrack, Parcel


class TestAcmeShip(TaskContract):
    """What every task must do."""

    inputs: ClassVar = {"order": "17", "to": "Ada Lovelace"}
    expected = Parcel("AC-17", "ordered")

    @pytest.fixture(autouse=True)
    def _configure(self, connection: AcmeConnection) -> None:
        type(self).task = AcmeShip(connection=connection)


class TestAcmeTrack(TaskContract):
    """What every task must do."""

    inputs: ClassVar = {"number": "AC-1"}
    expected = Parcel("AC-1", "delivered")

    @pytest.fixture(autouse=True)
    def _configure(self, connection: AcmeConnection) -> None:
        type(self).task = AcmeTrack(connection=connection)


def test_a_parcel_goes_from_step_to_step_and_is_skipped_until_it_is_picked_up(
    connection: AcmeConnection,
) -> None:
    with Flow("parcels") as flow:
        parcel = AcmeShip(connection=connection)("17", "Ada Lovelace")
        AcmeTrack(connection=connection)(parcel.number)
    run = flow.run()
    assert run.results["AcmeShip"] == Parcel("AC-17", "ordered")
    assert isinstance(run.states["AcmeTrack"], Skipped)


def test_a_busy_acme_is_asked_again_and_orders_once(acme: Any, connection: AcmeConnection) -> None:
    acme.busy = 2
    assert AcmeShip(connection=connection, retries=2)("17", "Ada").number == "AC-17"
    assert (acme.requests, len(acme.parcels)) == (3, 2)


def test_a_refusal_is_not_repeated_and_shows_no_token(acme: Any, connection: AcmeConnection) -> None:
    with pytest.raises(AcmeError, match=r"cannot GET /parcels/AC-404: Acme answered 404 '{}'") as raised:
        AcmeTrack(connection=connection, retries=5).run("AC-404")
    assert not raised.value.retryable
    assert "token-of-the-tests" not in repr(raised.value)
    assert_portable(raised.value)
    assert acme.requests == 1


def test_an_acme_that_is_away_is_said_with_its_address(connection: AcmeConnection) -> None:
    away = AcmeConnection(url="http://127.0.0.1:9", token=connection.token)
    with pytest.raises((AcmeError, RetriesExhausted), match=r"cannot reach Acme at 'http://127\.0\.0\.1:9'"):
        AcmeTrack(connection=away)("AC-1")


def test_what_is_too_heavy_is_refused_before_anything_is_sent(acme: Any, connection: AcmeConnection) -> None:
    with pytest.raises(ConfigurationError, match="cannot ship order '17': 40000 g is above 30000 g"):
        AcmeShip(connection=connection).run("17", "Ada", weight=40_000)
    with pytest.raises(ConfigurationError, match="give grams above 0"):
        AcmeShip(max_weight=0)
    assert acme.requests == 0


def test_longshore_finds_the_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    assert plugins.host().tasks()["acme.AcmeShip"] is AcmeShip
    monkeypatch.delenv("ACME_TOKEN", raising=False)
    token = plugins.host().check("acme")[-1]
    assert (token.subject, token.ok) == ("ACME_TOKEN", False)
