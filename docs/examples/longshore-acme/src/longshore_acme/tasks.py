"""The tasks."""

from dataclasses import dataclass
from urllib.parse import quote

from longshore import ConfigurationError, Skip, Task, current

from longshore_acme.client import AcmeConnection, call


@dataclass(frozen=True)
class Parcel:
    """A parcel as Acme knows it."""

    number: str
    status: str


class AcmeShip(Task[Parcel]):
    """Hand a parcel over to Acme.

    The order's number is sent as Acme's idempotency key, so a step that runs again orders nothing twice.

    Args:
        connection: Where Acme is, and who we are.
        max_weight: Grams that Acme takes in one parcel; a heavier one is refused before anything is sent.

    Example:
        >>> AcmeShip(retries=3, retry_delay=2.0)(order="17", to="Ada Lovelace")  # doctest: +SKIP
        Parcel(number='AC-17', status='ordered')
    """

    connection: AcmeConnection = AcmeConnection()
    max_weight: int = 30_000

    def check(self) -> None:
        if self.max_weight <= 0:
            raise ConfigurationError(f"AcmeShip(max_weight={self.max_weight!r}): give grams above 0")

    def run(self, order: str, to: str, *, weight: int = 500) -> Parcel:
        """Order the parcel.

        Args:
            order: Our number of the order; Acme makes one parcel for each.
            to: The name and address.
            weight: Grams.

        Returns:
            The parcel, with Acme's number.
        """
        if weight > self.max_weight:
            raise ConfigurationError(f"cannot ship order {order!r}: {weight} g is above {self.max_weight} g")
        body = {"order": order, "to": to, "weight": weight}
        answer = call(self.connection, "POST", "/parcels", body, key=order)
        current.log.info("Acme calls order %s parcel %s", order, answer["number"])
        return Parcel(answer["number"], answer["status"])


class AcmeTrack(Task[Parcel]):
    """Ask Acme where a parcel is; skipped while Acme has not picked it up.

    Args:
        connection: Where Acme is, and who we are.
    """

    connection: AcmeConnection = AcmeConnection()

    def run(self, number: str) -> Parcel:
        """Return the parcel as it stands.

        Args:
            number: Acme's number of the parcel.
        """
        answer = call(self.connection, "GET", f"/parcels/{quote(number, safe='')}")
        if answer["status"] == "ordered":
            raise Skip(f"parcel {number} is not picked up yet")
        return Parcel(answer["number"], answer["status"])
