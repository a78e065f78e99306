"""A service account of the tests, with a key that is made when it is first needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest

EMAIL = "tests@longshore.iam.gserviceaccount.com"


@cache
def _key() -> Any:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(65537, 2048)


def private_key() -> str:
    """The private key in PEM."""
    from cryptography.hazmat.primitives import serialization as how

    return _key().private_bytes(how.Encoding.PEM, how.PrivateFormat.PKCS8, how.NoEncryption()).decode()


def public_key() -> tuple[int, int]:
    """Modulus and exponent."""
    numbers = _key().public_key().public_numbers()
    return numbers.n, numbers.e


def no_way_out(patch: pytest.MonkeyPatch) -> None:
    """Let nothing reach Google: its library asks there, in a thread, where an account may be used."""
    patch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    patch.setenv("NO_PROXY", "127.0.0.1,localhost")


@contextmanager
def google_client(url: str, credentials: Any = None) -> Iterator[Any]:
    """Google's own client of a server, whose connections are closed at the end."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    options = {"api_endpoint": url}
    client = storage.Client("tests", credentials or AnonymousCredentials(), client_options=options)
    try:
        yield client
    finally:
        client._http.close()
