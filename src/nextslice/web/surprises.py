"""What nobody foresaw: an answer to the browser, and where in the code it was for the log."""

from __future__ import annotations

import logging

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nextslice.discretion import traced

__all__ = ["Surprises", "asked_for"]

logger = logging.getLogger(__name__)


class Surprises:
    """Ends every error of the application here, before the server would log all its words.

    Those may quote what somebody sent, or name files. So the log is told where in the code it
    was and of which kind.

    Args:
        app: What it stands around.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        began = False

        async def sending(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            logger.error("%s failed.\n%s", asked_for(scope), traced(error, words=False))
            if not began and scope["type"] == "http":
                body = {
                    "problem": "Something went wrong in the server.",
                    "cause": "",
                    "remedy": "Try again; the terminal says more.",
                }
                await JSONResponse(body, 500)(scope, receive, send)


def asked_for(scope: Scope) -> str:
    """What was asked, as the description of the routes has it: an address may hold a name."""
    return f"{scope.get('method', '')} {getattr(scope.get('route'), 'path', '(no route)')}"
