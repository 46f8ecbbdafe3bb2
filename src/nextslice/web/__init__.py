"""The annotation page: one more annotator, in the browser; it holds no state of its own.

- ``files.py``: the page's own files, in memory
- ``sessions.py``: the link's token, and the browsers that have shown it
- ``security.py``: what every request must prove, and what every answer says to the browser
- ``wire.py``: arrays and dataclasses as bytes and JSON
- ``bodies.py``: what the page sends, bounded
- ``documented.py``: what the description of the routes says about answers
- ``routes.py``: each route asks the desk
- ``surprises.py``: errors that nobody foresaw, for the browser and for the log
- ``server.py``: the routes put together, and what a browser is told of errors
- ``patience.py``: how long a connection may take over a request
- ``serving.py``: a server on this machine, and the link that opens it
- ``static/``: the page, in plain ES modules without a build step
"""

from __future__ import annotations

__all__: list[str] = []
