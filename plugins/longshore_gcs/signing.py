"""URLs that allow one request, signed by Google's library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from longshore import ConfigurationError, register_secret
from longshore_gcs.client import sdk
from longshore_gcs.faults import Aim
from longshore_storage.errors import CredentialsError, UnreachableError

if TYPE_CHECKING:
    from datetime import timedelta

    from longshore_gcs.sessions import Session
    from longshore_storage.locations import Location

_HELP = (
    "these credentials cannot sign; give GCSConnection(impersonate='ACCOUNT') or a service account's key file"
)


def signed(session: Session, at: Location, method: str, expires: timedelta, headers: dict[str, str]) -> str:
    """Return a V4 signed URL ("Signed URLs", Cloud Storage docs); its signature is masked from now on.

    Credentials without a private key sign by the IAM service, which wants their e-mail address and a token.
    """
    aim = Aim("presign", at.url)
    blob = session.client.bucket(at.bucket).blob(at.key)
    exceptions = sdk("google.auth.exceptions")
    try:
        url = str(
            blob.generate_signed_url(
                version="v4", method=method, expiration=expires, headers=headers or None,
                api_access_endpoint=session.base, **_signer(session),
            )
        )  # fmt: skip
    except exceptions.TransportError as error:
        raise UnreachableError(aim.cannot(str(error))) from error
    except (AttributeError, exceptions.GoogleAuthError) as error:
        raise CredentialsError(aim.cannot(f"{_HELP}; the caller is {session.identity.name}")) from error
    except ValueError as error:
        raise ConfigurationError(aim.cannot(str(error))) from error
    for signature in parse_qs(urlsplit(url).query)["X-Goog-Signature"]:
        register_secret(signature)
    return url


def _signer(session: Session) -> dict[str, Any]:
    identity = session.identity
    if isinstance(identity.credentials, sdk("google.auth.credentials").Signing):
        return {"credentials": identity.credentials}
    if not identity.credentials.valid:
        identity.refresh()
    return {
        "credentials": identity.credentials,
        "service_account_email": identity.credentials.service_account_email,
        "access_token": identity.credentials.token,
    }
