"""`nextslice fetch`: download a public data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nextslice.cli.display import print_line, progress_bar
from nextslice.data.download import fetch_public

__all__ = ["fetch"]


def fetch(
    name: Annotated[
        str,
        typer.Argument(help="Task of the Medical Segmentation Decathlon, such as hippocampus."),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder to put the data set's folder in.")
    ] = Path("data"),
    url: Annotated[
        str | None, typer.Option(help="Another https address of the same tar archive.")
    ] = None,
    md5: Annotated[
        str | None, typer.Option(help="The archive's MD5 checksum, for an archive of your own.")
    ] = None,
) -> None:
    """Download a public data set, check it and unpack it.

    A download that was interrupted goes on where it stopped; run the same command again.
    """
    with progress_bar() as on_progress:
        fetched = fetch_public(name, out, on_progress, url=url, md5=md5)
    if fetched.already_there:
        print_line(f"Already there, nothing to do: {fetched.folder}")
    else:
        print_line(f"Downloaded, checked and unpacked: {fetched.folder}")
