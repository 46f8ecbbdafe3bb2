"""Who turns to another machine: one hook for a test and for every process begun by it.

A copy of this file, called ``sitecustomize.py`` and on ``PYTHONPATH``, is loaded by each Python
that starts, before all else. So nothing but Python's own library is imported here.
"""

from __future__ import annotations

import os
import sys

__all__ = ["VARIABLE"]

VARIABLE = "NEXTSLICE_TEST_ELSEWHERE"
"""Names the file that is told, a line for each time; nothing is listened to without it."""

_HERE = frozenset({"", "localhost", "::1", "None"})
_OF_SOCKETS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_ASKING = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if event not in _OF_SOCKETS and event not in _ASKING:
        return
    place = os.environ.get(VARIABLE)
    address = arguments[1] if event in _OF_SOCKETS else arguments[0]
    if place is None or (event in _OF_SOCKETS and not isinstance(address, tuple)):
        return  # a socket of this machine's own (Unix)
    host = address[0] if isinstance(address, tuple) else address
    text = host.decode() if isinstance(host, bytes) else str(host)
    if text in _HERE or text.startswith("127."):
        return
    handle = os.open(place, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(handle, f"{event} {text}\n".encode())
    os.close(handle)


sys.addaudithook(_hear)  # for good: Python takes none back
