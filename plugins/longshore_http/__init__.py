"""HTTP."""
from longshore_http.auth import BasicAuth, BearerAuth, OAuth2ClientCredentials
from longshore_http.bodies import FilePart
from longshore_http.connections import HttpConnection
from longshore_http.download import HttpDownload
from longshore_http.receiving import Downloaded
from longshore_http.errors import *
from longshore_http.request import HttpJson, HttpRequest, HttpText
from longshore_http.responses import HttpResponse
