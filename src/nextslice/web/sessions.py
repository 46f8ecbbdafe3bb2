"""The link's token, and the browsers that have shown it.

The token stands in the fragment of the link, which browsers do not send. The page exchanges it
for a session: a cookie that scripts cannot read, and a second secret that the page sends with
whatever it asks. Both are kept as hashes, in memory: a server that starts anew knows nobody.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import math
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Session", "Sessions", "new_token"]

logger = logging.getLogger(__name__)

_BYTES = 32  # 256 bits
_MOST = 256  # sessions; the one that was used least lately leaves
_IDLE_SECONDS = 12 * 3600.0
_WORTH_TELLING = 10  # wrong tokens: a few come from links of yesterday


def new_token() -> str:
    """A random secret of 256 bits, in letters that an address may hold."""
    return secrets.token_urlsafe(_BYTES)


@dataclass(frozen=True)
class Session:
    """What a browser gets for the token.

    Attributes:
        cookie: Sent by the browser with every request.
        csrf: Sent by the page with every request.
    """

    cookie: str
    csrf: str


@dataclass
class _Known:
    csrf: bytes
    used: float


class Sessions:
    """The browsers that have shown the token; shared by threads.

    A session ends with the server, or once nothing was asked in it for 12 hours.

    Args:
        token: The secret of the link.
        clock: Seconds that never jump.
    """

    def __init__(self, token: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._token = _hash(token)
        self._clock = clock
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._wrong = 0
        self._lock = threading.Lock()

    def open(self, token: str) -> Session | None:
        """A session for whoever shows the token; None for everybody else.

        Nobody is made to wait after wrong tokens: 256 bits are not guessed, and whoever has
        the link would wait, too. The terminal is told of many.
        """
        if not hmac.compare_digest(_hash(token), self._token):
            self._count_wrong()
            return None
        session = Session(new_token(), new_token())
        with self._lock:
            self._known[_hash(session.cookie)] = _Known(_hash(session.csrf), self._clock())
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
        return session

    def knows(self, cookie: str) -> bool:
        """Whether this cookie is of a session."""
        return self._csrf(cookie) is not None

    def belong(self, cookie: str, csrf: str) -> bool:
        """Whether the second secret is that of this cookie's session."""
        expected = self._csrf(cookie)
        return expected is not None and hmac.compare_digest(expected, _hash(csrf))

    def _csrf(self, cookie: str) -> bytes | None:
        name = _hash(cookie)
        with self._lock:
            known = self._known.pop(name, None)
            now = self._clock()
            if known is None or now - known.used > _IDLE_SECONDS:
                return None
            known.used = now
            self._known[name] = known  # the last of all
            return known.csrf

    def _count_wrong(self) -> None:
        with self._lock:
            self._wrong += 1
            wrong = self._wrong
        if wrong >= _WORTH_TELLING and math.log10(wrong).is_integer():
            logger.warning(
                "%d times somebody came with a wrong link. Nobody got in by it.", wrong
            )


def _hash(secret: str) -> bytes:
    # Looking up a hash takes the same time whatever the secret: nothing to measure.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
