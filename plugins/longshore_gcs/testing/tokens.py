"""Who may: access tokens for service accounts, as Google's token server gives them.

Source: "Using OAuth 2.0 for server to server applications", Google Identity docs.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from longshore_gcs.testing.answers import Answer, ApiError, Request, as_json, parsed

if TYPE_CHECKING:
    from collections.abc import Mapping

_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_SHA256: Final = bytes.fromhex("3031300d060960864801650304020105000420")
"""What PKCS #1 v1.5 puts before a SHA-256 digest (RFC 8017, 9.2)."""


class Tokens:
    """The tokens that were given out.

    Args:
        accounts: The RSA public keys of service accounts, modulus and exponent, by e-mail address. While it
            is empty nobody is asked who they are.
        lifetime: Seconds that a token is good for.
    """

    def __init__(self, accounts: Mapping[str, tuple[int, int]], lifetime: float = 3600.0) -> None:
        self._accounts = dict(accounts)
        self.lifetime = lifetime
        self.given = 0
        self._valid: dict[str, tuple[str, float]] = {}

    def exchange(self, request: Request) -> Answer:
        """Give a token for an assertion that the account has signed."""
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        email = self._signer_of(form.get("assertion", "")) if form.get("grant_type") == _GRANT else ""
        if not email:
            return as_json({"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, 400)
        self.given += 1
        token = f"ya29.{secrets.token_urlsafe(32)}"
        self._valid[token] = (email, time.monotonic() + self.lifetime)
        return as_json({"access_token": token, "expires_in": int(self.lifetime), "token_type": "Bearer"})

    def revoke(self) -> None:
        """Make every token that was given out a bad one."""
        self._valid.clear()

    def caller(self, request: Request) -> str:
        """Return who sends a request; empty while nobody is asked."""
        if not self._accounts:
            return ""
        kind, _, token = request.header("authorization").partition(" ")
        if not token:
            raise ApiError(
                "authError",
                "Anonymous caller does not have storage access to the Google Cloud Storage object.",
            )
        email, until = self._valid.get(token, ("", 0.0))
        if kind != "Bearer" or until < time.monotonic():
            raise ApiError("authError", "Invalid Credentials", headers={"WWW-Authenticate": "Bearer"})
        return email

    def verified(self, email: str, message: bytes, signature: bytes) -> bool:
        """Tell whether an account has signed a message (RSASSA-PKCS1-v1_5, RFC 8017, 8.2.2)."""
        if email not in self._accounts:
            return False
        modulus, exponent = self._accounts[email]
        size = (modulus.bit_length() + 7) // 8
        digest = _SHA256 + hashlib.sha256(message).digest()
        padded = b"\0\1" + b"\xff" * (size - 3 - len(digest)) + b"\0" + digest
        found = pow(int.from_bytes(signature, "big"), exponent, modulus)
        return len(signature) == size and found == int.from_bytes(padded, "big")

    def _signer_of(self, assertion: str) -> str:
        head, _, signature = assertion.rpartition(".")
        try:
            claims = parsed(_decoded(head.partition(".")[2]))
            email = str(claims["iss"])
            fresh = float(claims["exp"]) > time.time()
            return email if fresh and self.verified(email, head.encode(), _decoded(signature)) else ""
        except (ValueError, KeyError, ApiError):
            return ""


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def key_file(email: str, private_key: str, token_uri: str, project: str) -> str:
    """Return the text of a service account's key file ("Create and delete service account keys", IAM docs).

    Args:
        email: Of the account.
        private_key: In PEM.
        token_uri: Where tokens are given.
        project: Of the account.
    """
    return json.dumps(
        {
            "type": "service_account", "project_id": project, "private_key_id": "1", "client_id": "1",
            "private_key": private_key, "client_email": email, "token_uri": token_uri,
        }
    )  # fmt: skip
