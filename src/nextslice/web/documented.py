"""What the description of the routes says about answers: their statuses, kinds and shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from nextslice.annotators.views import Overview, Saved

__all__ = [
    "ARRAY",
    "ENTERED",
    "FINISHED",
    "LEASED",
    "MASK_BODY",
    "NOT_HERE",
    "OVERVIEW",
    "REFUSALS",
    "SAVED",
    "UNKNOWN_TYPE",
]

Told = dict[int | str, dict[str, Any]]

_BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


class Problem(BaseModel):
    """Why a request was refused: what was expected and came, why, what to do."""

    problem: str
    cause: str
    remedy: str


class Conflict(Problem):
    """The same, and whose answer counts."""

    annotator: str
    version: int


class Entered(BaseModel):
    """The second secret of a session."""

    csrf: str


class Leased(BaseModel):
    """Who has the slice, if it is somebody else."""

    held_by: str | None


@dataclass(frozen=True, slots=True)
class Shown(Overview):
    """The project at a glance, and which one it is."""

    title: str
    project: str
    classes: tuple[str, ...]


def _problem(description: str) -> dict[str, Any]:
    return {"model": Problem, "description": description}


REFUSALS: Told = {
    400: _problem("The body is no JSON, or its nesting has no end."),
    401: _problem("The browser has not shown the token of the link."),
    403: _problem("Another site asked, or the page does not belong to the session."),
    413: _problem("The body is larger than it may be."),
    421: _problem("The server does not answer under that name."),
    422: _problem("What was sent does not fit."),
    500: _problem("A file of the project cannot be read or written."),
}
"""Of every route."""

NOT_HERE: Told = {404: _problem("There is no such slice.")}
UNKNOWN_TYPE: Told = {415: _problem("A mask comes as its bytes.")}
ENTERED: Told = {200: {"model": Entered}}
LEASED: Told = {200: {"model": Leased}}
OVERVIEW: Told = {200: {"model": Shown}}
FINISHED: Told = {202: {"model": dict[str, str], "description": "It is under way."}}
SAVED: Told = {
    200: {"model": Saved, "description": "It is on the disk."},
    409: {"model": Conflict, "description": "Somebody answered meanwhile; both are kept."},
}
ARRAY: Told = {
    200: {"content": _BINARY, "description": "Rows of float32 (little-endian) or uint8."},
    204: {"description": "There is none."},
}

MASK_BODY = {"requestBody": {"required": True, "content": _BINARY}}
