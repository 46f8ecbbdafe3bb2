"""``nextslice export``: what was annotated, as a data set for other programs."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from nextslice.cli.display import print_line, progress_bar, say

__all__ = ["export"]


class _LayoutName(StrEnum):
    NNUNET = "nnunet"
    MSD = "msd"


def export(
    project: Annotated[
        Path,
        typer.Argument(metavar="PROJECT", help="The project's folder.", show_default=False),
    ],
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="Folder in which the data set's folder is made; nnU-Net calls it nnUNet_raw.",
            show_default=False,
        ),
    ],
    layout: Annotated[
        _LayoutName,
        typer.Option(
            help="nnunet: all cases with a labelled slice; msd: those labelled throughout."
        ),
    ] = _LayoutName.NNUNET,
    dataset_id: Annotated[int, typer.Option(help="Its number, from 1 to 999.")] = 501,
    name: Annotated[
        str | None, typer.Option(help="Its name.", show_default="its classes")
    ] = None,
    modality: Annotated[
        str,
        typer.Option(help="What the scans are; nnU-Net treats CT differently from all else."),
    ] = "MRI",
) -> None:
    """Export the annotated slices and their scans as a data set of nnU-Net v2 or the MSD.

    In nnU-Net's, slices that nobody has drawn hold its label `ignore`. Masks
    are exactly those that were drawn. Headers are written anew, so that nothing
    they said of a patient is left; look at the names of the cases yourself.
    """
    from nextslice.exports import Decathlon, NnUNet, ProjectSource, export_data_set
    from nextslice.exports.layouts import fitting_name
    from nextslice.wording import counted

    kind = NnUNet if layout is _LayoutName.NNUNET else Decathlon
    with (
        progress_bar() as on_progress,
        ProjectSource(project, on_progress=on_progress) as source,
    ):
        # Not by its folder's name, which may be a patient's.
        called = fitting_name("_".join(source.classes[:3])) if name is None else name
        wanted = kind(dataset_id, called, modality)
        done = export_data_set(source, out, wanted, on_progress=on_progress)
    if done.left_out:
        why = "not labelled throughout" if wanted.needs_all else "without a labelled slice"
        say(f"left out: {counted(len(done.left_out), 'case')} {why}")
    print_line(
        f"{counted(len(done.cases), 'case')}, {done.labelled} of "
        f"{counted(done.slices, 'slice')} labelled: {done.folder}"
    )
    if layout is _LayoutName.NNUNET:
        say(
            f"next: nnUNetv2_plan_and_preprocess -d {dataset_id} --verify_dataset_integrity "
            f"(with nnUNet_raw={shlex.quote(str(out.resolve()))})"
        )
