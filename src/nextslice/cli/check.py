"""``nextslice check``: can these scans be used?"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from nextslice.cli.display import print_line, print_table, progress_bar, say

if TYPE_CHECKING:
    from nextslice.data.cases import DataSet
    from nextslice.data.gate.checks import Verdict

__all__ = ["check"]

_PIPED_WIDTH = 120
_NARROWEST_REASON = 24
_FRAME = 16  # what five columns need for their borders


def check(
    data: Annotated[Path, typer.Argument(help="Folder of the data set.", show_default=False)],
    accept_sheared: Annotated[
        bool,
        typer.Option(
            "--accept-sheared",
            help="Let scans in whose axes are not at right angles, as a run does with "
            "--set data.accept_sheared=true.",
        ),
    ] = False,
) -> None:
    """Check every case of a data set; exit with 1 if any is refused.

    A case without a label is no reason to refuse it: it can be annotated.
    Scans are read in a process of their own, with half of the machine's
    memory (8 GB at most) and 300 seconds for each; NEXTSLICE_SCAN_GB and
    NEXTSLICE_SCAN_SECONDS change that.
    """
    from nextslice.data.gate.admission import check_data_set
    from nextslice.data.layouts import recognise
    from nextslice.wording import counted

    data_set = replace(recognise(data), accept_sheared=accept_sheared)
    say(f"{data}: {data_set.layout} layout, {counted(len(data_set.cases), 'case')}")
    with progress_bar() as on_progress:
        verdicts = check_data_set(data_set, on_progress)
    # Refused cases come last, where they are seen however many there are.
    verdicts = tuple(sorted(verdicts, key=lambda v: (not v.accepted, not v.labelled)))
    width = shutil.get_terminal_size((_PIPED_WIDTH, 24)).columns
    print_table(_table(verdicts, data_set.folder, width))
    refused = [verdict for verdict in verdicts if not verdict.accepted]
    for paragraph in _paragraphs(refused, width):
        print_line(paragraph)
    for note in _notes(data_set, verdicts):
        print_line(textwrap.fill(note, width, break_long_words=False, break_on_hyphens=False))
    labelled = sum(verdict.labelled for verdict in verdicts)
    bare = len(verdicts) - len(refused) - labelled
    without = f"{bare} without a label, " if bare else ""
    print_line(f"{labelled} accepted, {without}{len(refused)} refused")
    if refused:
        raise typer.Exit(1)


def _table(verdicts: Sequence[Verdict], folder: Path, width: int) -> Table:
    """One row per case; texts are cells of their own kind, so nothing in them is markup."""
    rows = [_row(verdict) for verdict in verdicts]
    titles = ("case", "verdict", "shape", "spacing (mm)")
    used = [
        max(len(title), *map(len, cells)) for title, *cells in zip(titles, *rows, strict=True)
    ]
    table = Table()
    table.add_column(titles[0], overflow="fold")
    for title in titles[1:]:
        table.add_column(title, no_wrap=True)
    if any(verdict.refusals for verdict in verdicts):
        table.add_column("why", overflow="fold")
    room = max(_NARROWEST_REASON, width - sum(used) - _FRAME)
    for verdict, row in zip(verdicts, rows, strict=True):
        cells = [Text(cell) for cell in row]
        if verdict.refusals:
            cells[1].stylize("red")
            reason = verdict.refusals[0].reason.replace(f"{folder}/", "")
            cells.append(Text(textwrap.shorten(reason, room, placeholder=" ...")))
        table.add_row(*cells)
    return table


def _row(verdict: Verdict) -> tuple[str, str, str, str]:
    said = "accepted" if verdict.labelled else "no label" if verdict.accepted else "refused"
    return (
        verdict.case,
        said,
        "" if verdict.shape is None else " x ".join(map(str, verdict.shape)),
        "" if verdict.spacing is None else " x ".join(f"{s:.3g}" for s in verdict.spacing),
    )


def _paragraphs(refused: Iterable[Verdict], width: int) -> Iterable[str]:
    """Every reason in full and what to do, for each refused case; words are never broken."""
    for verdict in refused:
        lines = [
            textwrap.fill(
                f"{verdict.case}: {refusal}",
                width,
                subsequent_indent="  ",
                break_long_words=False,
                break_on_hyphens=False,
            )
            for refusal in verdict.refusals
        ]
        yield "\n".join(lines) + "\n"


def _notes(data_set: DataSet, verdicts: Sequence[Verdict]) -> Iterable[str]:
    """What is no reason to refuse a case, but good to know before a simulation."""
    from nextslice.data.building import common_axis
    from nextslice.data.gate.checks import accepted_grids, values_found
    from nextslice.data.labels import tell_of_undeclared
    from nextslice.data.preparation import Preparation
    from nextslice.errors import DataError

    accepted = accepted_grids(verdicts)
    if not accepted:
        return
    if data_set.declared is None:
        yield f"Note: {tell_of_undeclared(values_found(verdicts))}"
    try:
        common_axis(Preparation(), accepted)
    except DataError as error:
        yield f"Note: {error.problem} {error.remedy}"
