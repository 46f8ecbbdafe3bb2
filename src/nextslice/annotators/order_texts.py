"""What a work order says to people: a list for spreadsheets, and a page for the annotator."""

from __future__ import annotations

import csv
import io
from typing import Final

from nextslice.annotators.order import WorkOrder
from nextslice.wording import counted, no_formula

__all__ = ["LIST_FILE", "README_FILE", "list_of_slices", "readme"]

LIST_FILE: Final = "slices.csv"
README_FILE: Final = "README.txt"

_COLUMNS: Final = ("order", "case", "slice", "slice_from_1", "position_mm", "score", "state")

_README: Final = """\
WHAT TO ANNOTATE: {slices} of {cases}
{line}

{table}

Each line is one slice of one scan. Only these slices count; leave all others alone.

  slice          counted from 0, as napari and others do
  slice (1..)    the same slice counted from 1, as ITK-SNAP and others do
  mm             where it lies, as 3D Slicer prints it above the slice (first turn the
                 view to the scan's own plane, if the scan lies oblique)

HOW

1. Open a scan of the folder "scans" in your editor, and its mask of the folder "masks"
   (CASE_mask) over it, as a label map (a segmentation).
2. Go to the slices of that case in the list above. Where the mask shows something already,
   a model proposes it: correct it. Where it shows nothing, draw.
   {numbers}
3. Save the mask under the name that it has, in the folder "masks", as a label map on the grid
   of the scan: same size, same place. Do not change the scan.

Good to know

- You may stop at any time; what is saved can be sent in, the rest follows later.
- A slice that you leave just as it was counts as not yet done. If a proposal is right as it
  is, or there is nothing to draw on a slice, say so when you send the folder in.
- If a slice cannot be annotated, say which and why.
- Please leave the file order.json alone, and send in the folder as a whole.
"""


def list_of_slices(order: WorkOrder) -> str:
    """The slices as CSV for a spreadsheet, one a line, in the order to annotate them in.

    A name that a spreadsheet would take for a formula has an apostrophe before it.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*_COLUMNS, "why", "scan", "mask"))
    for place, asked in enumerate(order.slices, start=1):
        files = order.cases[asked.case]
        writer.writerow(
            (
                place,
                no_formula(asked.case),
                asked.slice,
                asked.slice_from_1,
                f"{asked.position_mm:.2f}",
                "" if asked.score is None else f"{asked.score:.7g}",
                asked.state,
                no_formula(asked.why),
                no_formula(files.scan),
                no_formula(files.mask),
            )
        )
    return text.getvalue()


def readme(order: WorkOrder) -> str:
    """The page for the annotator, in plain words."""
    title = ("case", "slice", "slice (1..)", "mm")
    rows = [
        (s.case, str(s.slice), str(s.slice_from_1), f"{s.position_mm:.1f}")
        for s in sorted(order.slices, key=lambda s: (list(order.cases).index(s.case), s.slice))
    ]
    widths = [max(map(len, column)) for column in zip(title, *rows, strict=True)]
    table = "\n".join(
        "  "
        + "   ".join(
            cell.ljust(w) if k == 0 else cell.rjust(w)
            for k, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in (title, *rows)
    )
    slices = counted(len(order.slices), "slice")
    cases = counted(len(order.cases), "case")
    names = ", ".join(f"{number} is {name}" for number, name in order.classes.items())
    return _README.format(
        slices=slices,
        cases=cases,
        line="=" * len(f"WHAT TO ANNOTATE: {slices} of {cases}"),
        table=table,
        numbers=f"The numbers in the masks: {names}, 0 is background. Use no others.",
    )
