"""A table as Markdown, CSV and LaTeX. Names from files steer none of the three."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from nextslice.files import write_atomically
from nextslice.report.tables import Cell, Row, Table, plain_text
from nextslice.wording import no_formula

__all__ = ["escaped", "grid", "inert", "to_csv", "to_latex", "to_markdown", "write_tables"]

_LATEX: Final = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{EN DASH}": "--",
    "\N{DAGGER}": r"$\dagger$",
    "\N{DOUBLE DAGGER}": r"$\ddagger$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{GREEK SMALL LETTER SIGMA}": r"$\sigma$",
    "\N{UPWARDS ARROW}": r"$\uparrow$",
    "\N{DOWNWARDS ARROW}": r"$\downarrow$",
    "\N{HORIZONTAL ELLIPSIS}": r"\ldots{}",
    "\N{REPLACEMENT CHARACTER}": "?",
}
_WIDE = 4  # columns beside the stubs; more may need to be made smaller to fit a page


def write_tables(tables: Sequence[Table], folder: Path) -> list[Path]:
    """Write ``KEY.md``, ``KEY.csv`` and ``KEY.tex`` of each table into a folder."""
    renderers = {"md": to_markdown, "csv": to_csv, "tex": to_latex}
    written = []
    for table in tables:
        for ending, render in renderers.items():
            path = folder / f"{table.key}.{ending}"
            write_atomically(path, render(table), "report")
            written.append(path)
    return written


def to_markdown(table: Table) -> str:
    """Title and caption, the table, and its footnotes."""
    caption = f"**{escaped(table.title)}.** {escaped(table.caption)}"
    notes = [escaped(note) for note in table.footnotes]
    return "\n\n".join([caption, grid(table), *notes]) + "\n"


def grid(table: Table) -> str:
    """The table alone as Markdown; headings above each other share a line."""
    stubs = len(table.stubs)
    header = [escaped(text) for text in table.columns]
    ruler = ["---" if place < stubs else "---:" for place in range(len(header))]
    rows = [[_markdown(cell) for cell in row] for block in table.shown for row in block]
    return "\n".join("| " + " | ".join(line) + " |" for line in (header, ruler, *rows))


def to_csv(table: Table) -> str:
    """The table for programs: numbers with seven digits in the table's unit.

    A column that may have standard deviations or marks is followed by one that holds them,
    whatever the results are. What was not measured is empty.
    """
    stubs = len(table.stubs)
    header = [title or ("part" if place else "row") for place, title in enumerate(table.stubs)]
    columns = list(zip(*table.rows, strict=True))
    cells = [[inert(cell.words) for cell in column] for column in columns[:stubs]]
    for title, head, column in zip(
        table.columns[stubs:], table.header[-1], columns[stubs:], strict=True
    ):
        header.append(title)
        numeric = any(cell.value is not None for cell in column)
        cells.append([_digits(cell.value) if numeric else inert(cell.words) for cell in column])
        if head.mean:
            header.append(f"{title} std")
            cells.append([_digits(cell.spread) for cell in column])
        if head.marked:
            header.append(f"{title} marks")
            cells.append([cell.marks for cell in column])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([inert(title) for title in header])
    writer.writerows(zip(*cells, strict=True))
    return text.getvalue()


def to_latex(table: Table) -> str:
    """A floating table in the style of booktabs, blocks of rows apart."""
    stubs, count = len(table.stubs), len(table.columns) - len(table.stubs)
    wide = count > _WIDE
    packages = "booktabs, adjustbox" if wide else "booktabs"
    lines = [
        rf"% \usepackage{{{packages}}}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{\textbf{{{_latex(table.title)}.}} {_latex(table.caption)}}}",
        rf"\label{{tab:{table.key}}}",
        *([r"\begin{adjustbox}{max width=\textwidth}"] if wide else []),
        rf"\begin{{tabular}}{{{'l' * stubs}{'r' * count}}}",
        r"\toprule",
        *_latex_header(table),
    ]
    for block in table.shown:
        lines += [r"\midrule", *(_latex_row(row) for row in block)]
    lines += [r"\bottomrule", r"\end{tabular}", *([r"\end{adjustbox}"] if wide else [])]
    lines += [
        rf"\par\smallskip\parbox{{\textwidth}}{{\footnotesize {_latex(note)}}}"
        for note in table.footnotes
    ]
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def escaped(text: str) -> str:
    """Text that Markdown shows as it is: no table border, link, emphasis or HTML."""
    text = re.sub(r"([\\`*_\[\]|#!~$])", r"\\\1", text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("://", ":&#47;&#47;")  # an address is not made a link


def inert(text: str) -> str:
    """A name that a spreadsheet does not take for a formula."""
    return no_formula(plain_text(text))


def _markdown(cell: Cell) -> str:
    text = escaped(cell.text)
    text = f"**{text}**" if cell.bold else text
    return f"{text}{escaped(cell.marks)} {escaped(cell.aside)}".strip()


def _digits(value: float | None) -> str:
    return "" if value is None else f"{value:.7g}"


def _latex_header(table: Table) -> list[str]:
    lines = []
    for place, row in enumerate(table.header):
        last = place == len(table.header) - 1
        stubs = [_latex(text) if last else "" for text in table.stubs]
        heads = [rf"\multicolumn{{{head.span}}}{{c}}{{{_latex(head.text)}}}" for head in row]
        lines.append(" & ".join([*stubs, *heads]) + r" \\")
        rules, column = [], len(table.stubs) + 1
        for head in row:
            if head.span > 1:
                rules.append(rf"\cmidrule(lr){{{column}-{column + head.span - 1}}}")
            column += head.span
        lines += [" ".join(rules)] if rules else []
    return lines


def _latex_row(row: Row) -> str:
    return " & ".join(_latex_cell(cell) for cell in row) + r" \\"


def _latex_cell(cell: Cell) -> str:
    negative = cell.value is not None and cell.text.startswith("-")
    text = "$-$" + _latex(cell.text[1:]) if negative else _latex(cell.text)
    text = rf"\textbf{{{text}}}" if cell.bold else text
    marks = rf"\textsuperscript{{{_latex(cell.marks)}}}" if cell.marks else ""
    return f"{text}{marks} {_latex(cell.aside)}".strip()


def _latex(text: str) -> str:
    """Text that LaTeX prints as it is."""
    return "".join(_LATEX.get(letter, letter) for letter in text)
