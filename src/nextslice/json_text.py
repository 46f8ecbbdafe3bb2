"""JSON that others wrote: values, or one kind of refusal."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["parse_json"]


def parse_json(text: str) -> Any:
    """The values of a text in JSON.

    Raises:
        ValueError: It is not JSON, holds a whole number that is too long, or is nested too
            deeply to be read.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
