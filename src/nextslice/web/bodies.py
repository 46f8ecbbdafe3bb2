"""What the page sends: strictly, with every length and range bounded."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from urllib.parse import unquote

import numpy as np
from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from starlette.exceptions import HTTPException

from nextslice.failpoints import reach
from nextslice.types import SliceMask

__all__ = [
    "MASK_TYPE",
    "Answer",
    "End",
    "Entry",
    "Key",
    "Person",
    "QuotedName",
    "Seconds",
    "SentVersion",
    "Skip",
    "StrictRoute",
    "Version",
    "read_mask",
]

MASK_TYPE = "application/octet-stream"

_LONGEST_NAME = 60


def _name(text: str) -> str:
    """A name as people write it: trimmed, without line breaks or signs that nobody sees."""
    name = " ".join(text.split())
    hidden = any(unicodedata.category(sign).startswith("C") for sign in name)
    if not name or hidden or len(name) > _LONGEST_NAME:
        raise ValueError(f"a name of 1 to {_LONGEST_NAME} visible letters was expected")
    return name


def _unquoted(text: str) -> str:
    try:
        return _name(unquote(text, errors="strict"))
    except UnicodeDecodeError:
        raise ValueError("a name in UTF-8 was expected") from None


def _digits(text: object) -> object:
    if isinstance(text, str) and not re.fullmatch("[0-9]+", text):
        raise ValueError("a whole number in digits was expected")
    return text


def _words(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


Name = Annotated[str, Field(max_length=_LONGEST_NAME), AfterValidator(_name)]
"""Who annotates."""

QuotedName = Annotated[str, Field(max_length=12 * _LONGEST_NAME), AfterValidator(_unquoted)]
"""The same in a header, quoted as in an address, because headers hold plain letters only."""

Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{8,64}$")]
"""One answer's own name: sent twice, it counts once."""

Version = Annotated[int, Field(ge=0, le=2**31)]
"""The version that was answered upon; 0 for none."""

SentVersion = Annotated[Version, BeforeValidator(_digits)]
"""The same in a header, where "1.0" and "1_0" would pass for numbers."""

Seconds = Annotated[float, Field(ge=0, le=24 * 3600, allow_inf_nan=False)]
"""Time spent on a slice."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Entry(_Body):
    """The token of the link."""

    token: Annotated[str, Field(max_length=256)]


class Person(_Body):
    """Who has a slice open."""

    annotator: Name


class Answer(_Body):
    """What every answer to a slice holds."""

    annotator: Name
    base_version: Version
    key: Key


class Skip(Answer):
    """An answer without a mask."""

    reason: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_words)]


class End(_Body):
    """The end of a query."""

    cycle: Annotated[int, Field(ge=0, le=2**31)]


class StrictRoute(APIRoute):
    """A route whose JSON has each key once: of two, somebody else might read the other."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own, given requests that read JSON so."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return handle_strictly


class _StrictRequest(Request):
    async def json(self) -> Any:
        return json.loads(await self.body(), object_pairs_hook=_each_once)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise HTTPException(422, "Each key was expected once, one came twice.")
    return found


async def read_mask(request: Request, shape: tuple[int, int]) -> SliceMask:
    """The mask in a request's body: one byte per pixel, in rows.

    The body is held against the slice's size before any of it is read, and while it comes in.

    Args:
        request: Its body holds the mask.
        shape: (height, width) of the slice.

    Returns:
        uint8 of this shape.

    Raises:
        HTTPException: 413 for more bytes than pixels, 422 for fewer, 415 for another type.
    """
    pixels = shape[0] * shape[1]
    if request.headers.get("content-type", "") != MASK_TYPE:
        raise HTTPException(415, f"A mask was expected as {MASK_TYPE}.")
    wrong = f"A mask of {shape[0]} x {shape[1]} = {pixels:,} bytes was expected"
    declared = int(request.headers.get("content-length", pixels))
    if declared != pixels:
        raise HTTPException(
            413 if declared > pixels else 422, f"{wrong}, {declared:,} were announced."
        )
    content = bytearray()
    async for chunk in request.stream():
        if len(content) + len(chunk) > pixels:
            raise HTTPException(413, f"{wrong}, more came.")
        content += chunk
        reach("upload.received")
    if len(content) != pixels:
        raise HTTPException(422, f"{wrong}, {len(content):,} came.")
    return np.frombuffer(bytes(content), np.uint8).reshape(shape)
