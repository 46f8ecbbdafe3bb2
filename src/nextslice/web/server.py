"""The page and its routes put together, and what a browser is told when one fails."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from nextslice.annotators.desk import Desk
from nextslice.discretion import for_a_log
from nextslice.errors import AnnotationError, ConflictError, NextsliceError
from nextslice.web.documented import REFUSALS
from nextslice.web.files import PageFile, page_files
from nextslice.web.routes import Title, entry_routes, project_routes, slice_routes
from nextslice.web.security import Door, Guard
from nextslice.web.surprises import Surprises, asked_for
from nextslice.web.wire import error_body

__all__ = ["create_app"]

logger = logging.getLogger(__name__)


def create_app(desk: Desk, door: Door, title: Title) -> FastAPI:
    """The page and its routes over a desk.

    Args:
        desk: The live project.
        door: Where the server stands, and who may come in.
        title: Which project it is.
    """
    app = FastAPI(
        title="nextslice",
        docs_url=None,  # those pages load from other places
        redoc_url=None,
        redirect_slashes=False,
        openapi_url="/api/openapi.json",
    )
    pages = page_files()
    for path, page in pages.items():
        app.add_api_route(
            path, _reading(page), methods=["GET", "HEAD"], include_in_schema=False
        )
    for routes in (entry_routes(door), project_routes(desk, title), slice_routes(desk)):
        app.include_router(routes, responses=REFUSALS)
    app.add_exception_handler(NextsliceError, _telling(desk))
    app.add_exception_handler(HTTPException, _tell_refusal)
    app.add_exception_handler(RequestValidationError, _tell_misfit)
    app.add_exception_handler(ClientDisconnect, _tell_nobody)
    app.add_middleware(Surprises)  # within the guard, who marks its answers as all others
    app.add_middleware(Guard, door=door, public=pages)
    app.add_middleware(Surprises)  # of the guard's own
    return app


def _reading(page: PageFile) -> Callable[[], Awaitable[Response]]:
    async def read() -> Response:
        return Response(page.content, media_type=page.media_type)

    return read


def _telling(desk: Desk) -> Callable[[Request, Exception], Response]:
    def tell_error(request: Request, error: Exception) -> Response:
        if not isinstance(error, NextsliceError):
            raise error
        body = error_body(error)
        if isinstance(error, ConflictError):
            return JSONResponse(
                body | {"annotator": error.annotator, "version": error.version}, 409
            )
        if isinstance(error, AnnotationError):
            return JSONResponse(body, 422)
        # The browser is not told of files; the terminal is, of those of the project alone.
        logger.warning(
            "%s failed: %s", asked_for(request.scope), for_a_log(error, *desk.folders)
        )
        return JSONResponse(body, 500)

    return tell_error


def _tell_refusal(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    body = {"problem": error.detail, "cause": "", "remedy": ""}
    return JSONResponse(body, error.status_code, headers=error.headers)


def _tell_misfit(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    # Where it is wrong, never what came: that may be somebody's name.
    wrong = [(".".join(map(str, each["loc"])), each["msg"]) for each in error.errors()]
    told = "; ".join(f"{place}: {problem}" for place, problem in wrong)
    body = {"problem": f"The request does not fit: {told}.", "cause": "", "remedy": ""}
    return JSONResponse(body, 422)


def _tell_nobody(_: Request, __: Exception) -> Response:
    return Response(status_code=400)  # whoever asked went away before the body was whole
