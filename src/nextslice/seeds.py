"""Seeds for every random draw, derived from the run's seed and the name of the draw.

Nothing is ever drawn from a generator that two stages share, so a run that stops and goes on
draws the same numbers as one that never stopped, without storing a generator's state.
"""

from __future__ import annotations

import hashlib
import json
from operator import index

__all__ = ["derive_seed"]


def derive_seed(*parts: int | str) -> int:
    """A seed for one draw, such as ``derive_seed(seed, "batches", epoch)``.

    The first 63 bits of the SHA-256 of the parts as JSON: the same on every machine and in
    every version of Python, and unrelated for parts that differ in a value, a type or the
    order.

    Args:
        *parts: Whole numbers and words that together name the draw; at least one.

    Returns:
        A number in ``[0, 2**63)``, which numpy and torch both take.
    """
    if not parts:
        raise TypeError("derive_seed needs at least one part to derive a seed from")
    named = [part if isinstance(part, str) else index(part) for part in parts]
    digest = hashlib.sha256(json.dumps(named).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
