"""Parcels with Acme, as Longshore tasks.

Credentials: the variable ACME_TOKEN, or any `Secret` given to `AcmeConnection(token=...)`.

Example:
    >>> from longshore_acme import AcmeConnection, AcmeTrack
    >>> AcmeTrack(connection=AcmeConnection(timeout=5.0)).connection.token
    Secret('env:ACME_TOKEN')
"""

from longshore_acme.client import AcmeConnection, AcmeError
from longshore_acme.tasks import AcmeShip, AcmeTrack, Parcel

__all__ = ["AcmeConnection", "AcmeError", "AcmeShip", "AcmeTrack", "Parcel"]
