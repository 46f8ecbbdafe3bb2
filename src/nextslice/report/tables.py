"""What a table of a report is: cells in blocks of rows, below headings that may span columns.

One table is shown in many ways: as Markdown, CSV and LaTeX (``rendering.py``), on the page, in
a terminal. So a cell knows its number, its spread and what is remarkable about it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nextslice.report.summaries import Spread

__all__ = [
    "NOTHING",
    "Cell",
    "Head",
    "Row",
    "Table",
    "duration",
    "heads",
    "labelled",
    "mean_and_spread",
    "number",
    "plain_text",
]

NOTHING = "\N{EN DASH}"
"""What stands where nothing was measured."""

_CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


@dataclass(frozen=True)
class Cell:
    """One place of a table.

    Attributes:
        text: What is read: a name, or a number with the digits that it deserves.
        aside: What stands beside it, such as "(±1.67)".
        value: The number itself, in the table's unit; None for a text.
        spread: Its standard deviation, if it is a mean.
        bold: Whether it stands out.
        marks: Signs that a footnote explains: "*".
    """

    text: str = ""
    aside: str = ""
    value: float | None = None
    spread: float | None = None
    bold: bool = False
    marks: str = ""

    @property
    def words(self) -> str:
        """All of it in one line, without weight: "72.59* (±14.96)"."""
        return f"{self.text}{self.marks} {self.aside}".strip()


@dataclass(frozen=True)
class Head:
    """A heading over one column or several.

    Attributes:
        text: What is read.
        span: How many columns it stands over.
        mean: Whether its column holds means, so that files for programs have a column of
            standard deviations beside it even where none is known.
        marked: The same for marks.
    """

    text: str
    span: int = 1
    mean: bool = False
    marked: bool = False


Row = tuple[Cell, ...]
"""First the cells that name the row, then one for each column."""


@dataclass(frozen=True)
class Table:
    """A table with all that belongs to it.

    Attributes:
        key: The name of its files, without an ending; unique within a report.
        title: "Table 1".
        caption: What it shows.
        stubs: Headings of the first columns, which name the row; often empty.
        header: One or two rows of headings over the other columns; those of the last row
            span one column each.
        blocks: Rows that belong together, block by block.
        footnotes: What the marks mean and what one has to know.
    """

    key: str
    title: str
    caption: str
    stubs: tuple[str, ...]
    header: tuple[tuple[Head, ...], ...]
    blocks: tuple[tuple[Row, ...], ...]
    footnotes: tuple[str, ...] = ()

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows, from the top to the bottom."""
        return tuple(row for block in self.blocks for row in block)

    @property
    def empty(self) -> bool:
        """Whether no cell holds a number."""
        return all(cell.value is None for row in self.rows for cell in row)

    @property
    def shown(self) -> tuple[tuple[Row, ...], ...]:
        """The blocks for people's eyes: what names a whole block stands in its first row."""
        if len(self.stubs) < 2:
            return self.blocks
        return tuple(
            tuple(
                (Cell(), *row[1:]) if place and row[0] == block[place - 1][0] else row
                for place, row in enumerate(block)
            )
            for block in self.blocks
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """The heading of each column in one line, stubs first: "Anterior: 3D DSC"."""
        spread = [[head.text for head in row for _ in range(head.span)] for row in self.header]
        told = [": ".join(filter(None, texts)) for texts in zip(*spread, strict=True)]
        return (*self.stubs, *told)


def heads(*texts: str, mean: bool = False) -> tuple[tuple[Head, ...], ...]:
    """One row of headings, each over one column; `mean` says that all of them hold means."""
    return (tuple(Head(text, mean=mean) for text in texts),)


def labelled(name: str, marks: str = "") -> Cell:
    """A cell that holds a name from a file."""
    return Cell(plain_text(name), marks=marks)


def number(value: float | None, digits: int, *, signed: bool = False) -> Cell:
    """A cell that holds a number, or a dash for None."""
    if value is None:
        return Cell(NOTHING)
    return Cell(f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}", value=value)


def mean_and_spread(
    spread: Spread | None, digits: int, scale: float = 1, *, sign: str = ""
) -> Cell:
    """A mean with its standard deviation in brackets, or a dash for None.

    Args:
        spread: What was measured.
        digits: Decimals shown.
        scale: What the numbers are multiplied by: 100 for percent.
        sign: What stands before the standard deviation.
    """
    if spread is None:
        return Cell(NOTHING)
    mean, std = spread.mean * scale, None if spread.std is None else spread.std * scale
    aside = "" if std is None else f"({sign}{std:.{digits}f})"
    return Cell(f"{mean:.{digits}f}", aside, mean, std)


def plain_text(name: str) -> str:
    """A name from a file, without characters that steer a terminal or turn the text around.

    Nor with halves of characters, which no file takes: bytes of a name that are not UTF-8.
    """
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", name)


def duration(seconds: float) -> str:
    """A time as people say it: "0.4 ms", "7.0 s", "3 min 20 s", "2 h 05 min"."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 99.5:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"
