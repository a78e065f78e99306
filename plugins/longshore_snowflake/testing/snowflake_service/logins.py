"""Logins: who is let in, and what the answer says.

Each way of logging in is checked for its form. These fail: the user `refused`, the password and the tokens
`wrong`, the token `expired`.
https://docs.snowflake.com/en/developer-guide/python-connector/python-connector-connect
https://docs.snowflake.com/en/user-guide/key-pair-auth-troubleshooting
"""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from fakesnow.transforms import SERVER_VERSION

from snowflake_service.accounts import MASTER_SECONDS, SESSION_SECONDS, Session
from snowflake_service.refusals import RefusedError

REFUSED_USER = "REFUSED"
WRONG, EXPIRED = "wrong", "expired"
_STATE = "08001"


def check(login: dict[str, Any]) -> None:
    """Let somebody in, or not.

    Raises:
        RefusedError: Not.
    """
    user, way = (
        str(login.get("LOGIN_NAME") or "").upper(),
        str(login.get("AUTHENTICATOR") or "SNOWFLAKE").upper(),
    )
    if way in ("SNOWFLAKE", "USERNAME_PASSWORD_MFA"):
        _check_password(user, login)
    elif way == "SNOWFLAKE_JWT":
        _check_key_pair(user, str(login.get("TOKEN") or ""), str(login.get("ACCOUNT_NAME") or ""))
    elif way in _TOKENS:
        invalid, expired = _TOKENS[way]
        token = str(login.get("TOKEN") or "")
        if token == EXPIRED:
            raise RefusedError(*expired, _STATE)
        if not token or token == WRONG or user == REFUSED_USER:
            raise RefusedError(*invalid, _STATE)
    else:
        raise RefusedError(390_140, f"Authenticator {way!r} is not supported.", _STATE)


_TOKENS = {
    "OAUTH": ((390_303, "Invalid OAuth access token. "), (390_318, "OAuth access token expired. ")),
    "OAUTH_AUTHORIZATION_CODE": (
        (390_303, "Invalid OAuth access token. "),
        (390_318, "OAuth access token expired. "),
    ),
    "OAUTH_CLIENT_CREDENTIALS": (
        (390_303, "Invalid OAuth access token. "),
        (390_318, "OAuth access token expired. "),
    ),
    "PROGRAMMATIC_ACCESS_TOKEN": (
        (394_400, "Programmatic access token is invalid."),
        (394_400, "Programmatic access token is invalid."),
    ),
    "WORKLOAD_IDENTITY": (
        (390_144, "Workload identity token is invalid."),
        (390_144, "Workload identity token is invalid."),
    ),
}


def _check_password(user: str, login: dict[str, Any]) -> None:
    password = login.get("PASSWORD")
    if not password or password == WRONG or user in ("", REFUSED_USER):
        raise RefusedError(390_100, "Incorrect username or password was specified.", _STATE)
    if login.get("PASSCODE") == WRONG:
        raise RefusedError(394_508, "Failed to authenticate: MFA passcode is wrong.", _STATE)


def _check_key_pair(user: str, token: str, account: str) -> None:
    """Check a token for its form; its signature stands there, but nobody has registered a key."""
    try:
        header, claims, signature = token.split(".")
        said, whom = json.loads(_decoded(header)), json.loads(_decoded(claims))
    except ValueError:
        raise RefusedError(390_144, "JWT token is invalid.", _STATE) from None
    subject = f"{account.partition('.')[0]}.{user}".upper()
    formed = (
        said.get("alg") == "RS256"
        and len(_decoded(signature)) >= 256
        and whom.get("sub") == subject
        and str(whom.get("iss", "")).startswith(f"{subject}.SHA256:")
        and whom.get("iat", 0) - 60 <= time.time() < whom.get("exp", 0)
    )
    if not formed or user == REFUSED_USER:
        raise RefusedError(390_144, "JWT token is invalid.", _STATE)


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def answer(session: Session, login: dict[str, Any]) -> dict[str, Any]:
    """Return what a login answers."""
    asked = (login.get("SESSION_PARAMETERS") or {}).get("CLIENT_REQUEST_MFA_TOKEN")
    return {
        "masterToken": session.master,
        "token": session.token,
        "validityInSeconds": SESSION_SECONDS,
        "masterValidityInSeconds": MASTER_SECONDS,
        "displayUserName": session.user,
        "serverVersion": SERVER_VERSION,
        "firstLogin": False,
        "remMeToken": None,
        "remMeValidityInSeconds": 0,
        "healthCheckInterval": 45,
        "newClientForUpgrade": None,
        "sessionId": session.id,
        "idToken": None,
        "idTokenValidityInSeconds": 0,
        "mfaToken": "mfa-token" if asked else None,
        "mfaTokenValidityInSeconds": 14_400 if asked else 0,
        "parameters": [{"name": name, "value": value} for name, value in _parameters(session).items()],
        "sessionInfo": {
            "databaseName": session.connection.database,
            "schemaName": session.connection.schema,
            "warehouseName": session.warehouse or None,
            "roleName": session.role,
        },
    }


def _parameters(session: Session) -> dict[str, Any]:
    return {
        "AUTOCOMMIT": session.parameters.get("AUTOCOMMIT", True) not in (False, "false"),
        "CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY": 3600,
        "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD": 0,
        "CLIENT_TELEMETRY_ENABLED": False,
        "CLIENT_RESULT_CHUNK_SIZE": 160,
        "CLIENT_PREFETCH_THREADS": 4,
        "CLIENT_MEMORY_LIMIT": 1536,
        "TIMEZONE": "Etc/UTC",
    }
