"""The routes: each asks the desk, and holds nothing itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi import Path as InPath
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from nextslice.annotators.desk import Desk
from nextslice.annotators.views import Annotation, ImageView, MaskView
from nextslice.errors import AnnotationError, SettingsError
from nextslice.project.identity import identity_of
from nextslice.web.bodies import (
    Answer,
    End,
    Entry,
    Key,
    Person,
    QuotedName,
    Seconds,
    SentVersion,
    Skip,
    StrictRoute,
    read_mask,
)
from nextslice.web.documented import (
    ARRAY,
    ENTERED,
    FINISHED,
    LEASED,
    MASK_BODY,
    NOT_HERE,
    OVERVIEW,
    SAVED,
    UNKNOWN_TYPE,
)
from nextslice.web.security import ENTRY, Door
from nextslice.web.wire import array_response, plain, without_files
from nextslice.wording import a_few

__all__ = ["Title", "entry_routes", "project_routes", "slice_routes"]

_FARTHEST = 10_000  # slices away that a neighbour may be asked for
_PICTURES = 8  # made at once; whatever else is asked needs a thread, too
_REMEMBERED = 30 * 24 * 3600  # seconds; the server forgets sooner, when it stops

_Offset = Annotated[int, Query(ge=-_FARTHEST, le=_FARTHEST)]
_Id = Annotated[str, InPath(max_length=64)]


@dataclass(frozen=True)
class Title:
    """Which project the page shows.

    Attributes:
        name: What it is called; whoever opens the page reads it.
        identity: Drafts in a browser are kept under it; no two projects share one.
    """

    name: str
    identity: str

    @classmethod
    def of(cls, folder: Path, classes: Sequence[str], name: str = "") -> Title:
        """That of a project.

        A folder is often called like a patient or a study, and a hash of its path can be
        guessed at. So the browser is told what is outlined, and letters that rest on the
        project's random name, too.

        Args:
            folder: The project's; nobody else may be working on it.
            classes: What is outlined.
            name: What people would rather have it called.
        """
        mixed = f"{identity_of(folder)}\n{folder.resolve()}"
        identity = hashlib.sha256(mixed.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        return cls(name.strip() or f"{a_few(list(classes), 3)} ({identity[:4]})", identity)


def entry_routes(door: Door) -> APIRouter:
    """Where the link's token is exchanged for a session."""
    routes = APIRouter(route_class=StrictRoute)

    @routes.post(ENTRY, responses=ENTERED)
    def enter(entry: Entry) -> Response:
        session = door.sessions.open(entry.token)
        if session is None:
            raise HTTPException(401, "This is not the link of the server that runs now.")
        answer = JSONResponse({"csrf": session.csrf})
        answer.set_cookie(
            door.cookie,
            session.cookie,
            max_age=_REMEMBERED,
            httponly=True,
            samesite="strict",
            secure=door.secure,
        )
        return answer

    return routes


def project_routes(desk: Desk, title: Title) -> APIRouter:
    """The project as a whole: how things stand, and the end of a query."""
    routes = APIRouter(prefix="/api", route_class=StrictRoute)

    @routes.get("/overview", responses=OVERVIEW)
    def overview() -> Response:
        told = plain(desk.overview())
        told |= {
            "title": title.name,
            "project": title.identity,
            "classes": list(desk.classes),
            "error": without_files(told["error"]),
        }
        return JSONResponse(told)

    @routes.post("/query/finish", status_code=202, responses=FINISHED)
    def finish(end: End) -> Response:
        desk.finish_query(cycle=end.cycle)
        return JSONResponse({}, 202)

    return routes


def slice_routes(desk: Desk) -> APIRouter:
    """Looking at one slice, and answering it."""

    def known(slice_id: _Id) -> None:
        try:
            desk.shape(slice_id)
        except AnnotationError as error:
            raise HTTPException(404, error.problem) from error

    routes = APIRouter(
        prefix="/api/slices/{slice_id}",
        route_class=StrictRoute,
        dependencies=[Depends(known)],
        responses=NOT_HERE,
    )
    _add_looking(routes, desk)
    _add_answering(routes, desk)
    return routes


def _add_looking(routes: APIRouter, desk: Desk) -> None:
    looking = CapacityLimiter(_PICTURES)

    async def shown(make: Callable[[], Response]) -> Response:
        # In threads of their own number: a save finds one however many wait for a scan.
        return await to_thread.run_sync(make, limiter=looking)

    @routes.get("/image", responses=ARRAY, response_class=Response)
    async def image(request: Request, slice_id: _Id, offset: _Offset = 0) -> Response:
        try:
            return await shown(lambda: _image(request, desk.image(slice_id, offset)))
        except SettingsError as error:  # the volume ends before
            raise HTTPException(404, error.problem) from error

    @routes.get("/uncertainty", responses=ARRAY, response_class=Response)
    async def uncertainty(request: Request, slice_id: _Id) -> Response:
        return await shown(lambda: _image(request, desk.uncertainty(slice_id)))

    @routes.get("/proposal", responses=ARRAY, response_class=Response)
    async def proposal(request: Request, slice_id: _Id) -> Response:
        return await shown(lambda: _mask(request, desk.proposal(slice_id)))

    @routes.get("/annotation", responses=ARRAY, response_class=Response)
    async def annotation(request: Request, slice_id: _Id) -> Response:
        return await shown(lambda: _annotation(request, desk.annotation(slice_id)))

    @routes.get("/neighbour", responses=ARRAY, response_class=Response)
    async def neighbour(request: Request, slice_id: _Id, offset: _Offset) -> Response:
        return await shown(lambda: _mask(request, desk.neighbour_annotation(slice_id, offset)))

    @routes.get("/nearest", responses=ARRAY, response_class=Response)
    async def nearest(request: Request, slice_id: _Id) -> Response:
        return await shown(lambda: _mask(request, desk.nearest_annotation(slice_id)))


def _add_answering(routes: APIRouter, desk: Desk) -> None:
    @routes.put("/annotation", openapi_extra=MASK_BODY, responses=SAVED | UNKNOWN_TYPE)
    async def save(
        request: Request,
        slice_id: _Id,
        x_annotator: Annotated[QuotedName, Header()],
        x_base_version: Annotated[SentVersion, Header()],
        x_key: Annotated[Key, Header()],
        x_seconds: Annotated[Seconds, Header()] = 0.0,
    ) -> Response:
        mask = await read_mask(request, desk.shape(slice_id))
        saved = await run_in_threadpool(
            desk.save,
            slice_id,
            mask,
            annotator=x_annotator,
            base_version=x_base_version,
            key=x_key,
            seconds=x_seconds,
        )
        return JSONResponse(plain(saved))

    @routes.post("/skip", responses=SAVED)
    def skip(slice_id: _Id, answer: Skip) -> Response:
        return JSONResponse(plain(desk.skip(slice_id, **answer.model_dump())))

    @routes.post("/withdraw", responses=SAVED)
    def withdraw(slice_id: _Id, answer: Answer) -> Response:
        return JSONResponse(plain(desk.withdraw(slice_id, **answer.model_dump())))

    @routes.post("/lease", responses=LEASED)
    def lease(slice_id: _Id, person: Person) -> Response:
        taken = desk.lease(slice_id, person.annotator)
        return JSONResponse({"held_by": None if taken.mine else taken.holder})

    @routes.post("/release", status_code=204, response_class=Response)
    def release(slice_id: _Id, person: Person) -> Response:
        desk.release(slice_id, person.annotator)
        return Response(status_code=204)


def _image(request: Request, view: ImageView | None) -> Response:
    if view is None:
        return Response(status_code=204)
    about = {
        "index": view.index,
        "position_mm": view.position_mm,
        "low": view.low,
        "high": view.high,
    }
    return array_response(request, view.pixels, about)


def _annotation(request: Request, view: Annotation | None) -> Response:
    if view is None:
        return Response(status_code=204)
    about = {"version": view.version, "annotator": view.annotator}
    return array_response(request, view.mask, about)


def _mask(request: Request, view: MaskView | None) -> Response:
    if view is None:
        return Response(status_code=204)
    return array_response(request, view.mask, {"index": view.index})
