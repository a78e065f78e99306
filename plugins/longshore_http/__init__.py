"""HTTP requests, downloads, waiting and pages as tasks, on `requests`.

Credentials come from where you say: `HttpConnection(auth=...)` with a `Secret`. `.netrc` is not read. Proxies
come from the connection, or else from the environment (`HTTPS_PROXY` and its kin), and certificates are
always checked.

Example:
    >>> from longshore_http import HttpDownload, HttpJson
    >>> HttpJson()("https://api.example.com/orders", params={"day": "2013-01-01"})
    >>> HttpDownload()("https://example.com/2013.csv.gz", "2013.csv.gz")
"""

from __future__ import annotations

from longshore_http.auth import Auth, BasicAuth, BearerAuth, OAuth2ClientCredentials
from longshore_http.bodies import FilePart
from longshore_http.connections import HttpConnection
from longshore_http.download import HttpDownload
from longshore_http.errors import (
    AddressRefused,
    AnswerError,
    BodyTruncated,
    ChecksumMismatch,
    ConnectionFailed,
    ConnectTimedOut,
    HttpError,
    LengthUnknown,
    ReadTimedOut,
    RedirectRefused,
    RequestCancelled,
    SourceFailed,
    StatusError,
    TargetFailed,
    TlsFailed,
    TokenError,
    TooLarge,
    UrlRefused,
    WaitedTooLong,
)
from longshore_http.headers import Headers
from longshore_http.pages import HttpPages
from longshore_http.paging import Cursor, LinkHeader, NextUrl, Offset, PageNumber
from longshore_http.receiving import Downloaded
from longshore_http.request import HttpCall, HttpJson, HttpRequest, HttpText
from longshore_http.responses import HttpResponse
from longshore_http.wait import HttpWait, JsonEquals, StatusIs

__all__ = [
    "AddressRefused",
    "AnswerError",
    "Auth",
    "BasicAuth",
    "BearerAuth",
    "BodyTruncated",
    "ChecksumMismatch",
    "ConnectTimedOut",
    "ConnectionFailed",
    "Cursor",
    "Downloaded",
    "FilePart",
    "Headers",
    "HttpCall",
    "HttpConnection",
    "HttpDownload",
    "HttpError",
    "HttpJson",
    "HttpPages",
    "HttpRequest",
    "HttpResponse",
    "HttpText",
    "HttpWait",
    "JsonEquals",
    "LengthUnknown",
    "LinkHeader",
    "NextUrl",
    "OAuth2ClientCredentials",
    "Offset",
    "PageNumber",
    "ReadTimedOut",
    "RedirectRefused",
    "RequestCancelled",
    "SourceFailed",
    "StatusError",
    "StatusIs",
    "TargetFailed",
    "TlsFailed",
    "TokenError",
    "TooLarge",
    "UrlRefused",
    "WaitedTooLong",
]
