"""`nextslice phantom`: write synthetic scans with labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nextslice.cli.display import print_line, progress_bar
from nextslice.data.anatomy import CLASSES
from nextslice.data.phantom import Phantom, write_phantom

__all__ = ["phantom"]


def phantom(
    out: Annotated[Path, typer.Argument(help="Folder to write: new, or begun before.")],
    patients: Annotated[
        int, typer.Option(min=1, help="Number of patients; each has one scan and one label.")
    ] = 24,
    seed: Annotated[
        int, typer.Option(min=0, help="The same seed writes the same scans, to the byte.")
    ] = 0,
) -> None:
    """Write synthetic anatomy as NIfTI files in the layout of the MSD (dataset.json).

    For trying nextslice where no scans are at hand: an organ of two parts in a body, patients
    that differ, neighbouring slices that are alike. Run it again to complete a folder.
    """
    with progress_bar() as on_progress:
        write_phantom(out, Phantom(patients=patients, seed=seed), on_progress=on_progress)
    print_line(f"{patients} patients, labels {' and '.join(CLASSES)}: {out}")
