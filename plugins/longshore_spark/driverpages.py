"""The page of a driver on this machine: Spark takes a free port from 4040 on, and tells nobody which."""

from __future__ import annotations

import json
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATIENCE: Final = 1.0
_MOST: Final = 16
"""Ports that Spark tries (`spark.port.maxRetries`)."""


def page_of(application_id: str, properties: Mapping[str, str]) -> str:
    """Return the URL of an application's page; empty when it has none that can be seen from here.

    Args:
        application_id: Spark's id, by which the page is known from those of others.
        properties: The application's own.
    """
    if properties.get("spark.ui.enabled", "true") != "true":
        return ""
    host = properties.get("spark.driver.host", "127.0.0.1")
    begin = properties.get("spark.ui.port", "4040")
    for port in range(int(begin), int(begin) + _MOST) if begin.isdigit() and begin != "0" else ():
        if application_id in _served(host, port):
            return f"http://{host}:{port}"
    return ""


def _served(host: str, port: int) -> list[str]:
    """Return the ids of the applications whose page is at a port."""
    connection = HTTPConnection(host, port, timeout=_PATIENCE)
    with suppress(OSError, HTTPException, ValueError, TypeError, KeyError):
        connection.request("GET", "/api/v1/applications")
        return [found["id"] for found in json.loads(connection.getresponse().read(1 << 20))]
    connection.close()
    return []
