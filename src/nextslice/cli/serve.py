"""``nextslice serve``: the annotation page of a project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nextslice.cli.display import print_line, progress_bar, say
from nextslice.cli.open_project import AcceptChanges, Images, ProjectFolder, open_live
from nextslice.cli.options import AllowCode

__all__ = ["serve"]


def serve(
    project: ProjectFolder,
    port: Annotated[
        int, typer.Option(help="Drafts in a browser belong to the port; 0 takes any.")
    ] = 8765,
    host: Annotated[
        str, typer.Option(help="Another name or address of this machine, for a team.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    certfile: Annotated[
        Path | None, typer.Option(help="Certificate, for TLS.", show_default=False)
    ] = None,
    keyfile: Annotated[
        Path | None, typer.Option(help="Its private key.", show_default=False)
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Let other machines connect without TLS.")
    ] = False,
    title: Annotated[
        str,
        typer.Option(help="What the page calls the project.", show_default="its classes"),
    ] = "",
    images: Images = None,
    accept_changes: AcceptChanges = False,
    allow_code: AllowCode = False,
) -> None:
    """Annotate in the browser: the slices of the open query, training, the next query.

    Prints the link that opens the page. Whoever has the link can annotate; share it with
    those who should. Ctrl-C stops the page; nothing saved is lost.
    """
    from nextslice.annotators.desk import Desk
    from nextslice.web.routes import Title
    from nextslice.web.serving import PageServer, Place

    place = Place(host, port, certfile, keyfile, insecure)
    where = project.resolve()
    with progress_bar() as on_progress:
        desk = Desk(
            open_live(
                where,
                on_progress,
                images=images,
                accept_changes=accept_changes,
                allow_code=allow_code,
            )
        )
    with desk:
        called = Title.of(where, desk.classes, title)
        server = PageServer(desk, place, called)
        # Where it lies is not said: what this prints is often kept as a log.
        say(f"The page calls this project {called.name}.")
        say("Open this link to annotate; keep it to those who should:")
        print_line(server.link)
        say("Ctrl-C stops the page.")
        if browser:
            server.open_browser()
        server.serve()
