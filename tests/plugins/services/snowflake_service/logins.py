"""Logins: who is let in, and what the answer says."""

from __future__ import annotations

from typing import Any

from fakesnow.transforms import SERVER_VERSION

from snowflake_service.accounts import MASTER_SECONDS, SESSION_SECONDS, Session
from snowflake_service.refusals import RefusedError

REFUSED_USER = "REFUSED"


def check(login: dict[str, Any]) -> None:
    """Let somebody in, or not.

    Raises:
        RefusedError: The user is `refused`.
    """
    if str(login.get("LOGIN_NAME", "")).upper() == REFUSED_USER:
        raise RefusedError(390100, "Incorrect username or password was specified.", "08001")


def answer(session: Session, login: dict[str, Any]) -> dict[str, Any]:
    """Return what a login answers."""
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
        "mfaToken": None,
        "mfaTokenValidityInSeconds": 0,
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
