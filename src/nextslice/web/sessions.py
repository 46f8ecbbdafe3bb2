"""The link's token, and the browsers that have shown it.

The token stands in the fragment of the link, which browsers do not send. The page exchanges it
for a session: a cookie that scripts cannot read, and a second secret that the page sends with
whatever it writes. Both are kept as hashes, in memory: a server that starts anew knows nobody.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

__all__ = ["Session", "Sessions", "new_token"]

_BYTES = 32  # 256 bits
_MOST = 256  # sessions; the oldest one leaves


def new_token() -> str:
    """A random secret of 256 bits, in letters that an address may hold."""
    return secrets.token_urlsafe(_BYTES)


@dataclass(frozen=True)
class Session:
    """What a browser gets for the token.

    Attributes:
        cookie: Sent by the browser with every request.
        csrf: Sent by the page with every request that writes.
    """

    cookie: str
    csrf: str


class Sessions:
    """The browsers that have shown the token.

    Args:
        token: The secret of the link.
    """

    def __init__(self, token: str) -> None:
        self._token = _hash(token)
        self._known: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, token: str) -> Session | None:
        """A session for whoever shows the token; None for everybody else."""
        if not hmac.compare_digest(_hash(token), self._token):
            return None
        session = Session(new_token(), new_token())
        with self._lock:
            self._known[_hash(session.cookie)] = _hash(session.csrf)
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
        return session

    def knows(self, cookie: str) -> bool:
        """Whether this cookie is of a session."""
        with self._lock:
            return _hash(cookie) in self._known

    def may_write(self, cookie: str, csrf: str) -> bool:
        """Whether the second secret belongs to the session of this cookie."""
        with self._lock:
            expected = self._known.get(_hash(cookie))
        return expected is not None and hmac.compare_digest(expected, _hash(csrf))


def _hash(secret: str) -> bytes:
    # Looking up a hash takes the same time whatever the secret: nothing to measure.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
