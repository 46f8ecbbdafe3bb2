"""A table reads the same as Markdown, CSV and LaTeX, and names in it steer none of them."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextslice.report.rendering import to_csv, to_latex, to_markdown, write_tables
from nextslice.report.summaries import Spread
from nextslice.report.tables import (
    Cell,
    Head,
    Table,
    heads,
    labelled,
    mean_and_spread,
    number,
)

SMALL = Table(
    key="small",
    title="Table 9",
    caption="What 50 % of A & B show",
    stubs=("Strategy", ""),
    header=(
        (Head("First", 2), Head("")),
        (Head("x", mean=True, marked=True), Head("y"), Head("z")),
    ),
    blocks=(
        ((Cell("RS"), Cell(), number(1.5, 2), number(None, 2), Cell("many")),),
        (
            (
                Cell("A"),
                Cell("w/o"),
                Cell("2", "(±1)", 2.0, 1.0),
                number(-3.25, 1),
                Cell("few"),
            ),
            (
                Cell("A"),
                Cell("with"),
                Cell("4", "", 4.0, None, True, "*"),
                Cell("–"),
                Cell("none"),
            ),
        ),
    ),
    footnotes=("* p < 0.05.",),
)
HOSTILE = "=cmd|' <b>&[x](http://e)\\input{/etc/passwd}$x$_%#~^{}\"\x1b[31m\n* a"
LETTERS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)


def test_headings_above_each_other_share_a_line_in_markdown() -> None:
    assert to_markdown(SMALL) == (
        "**Table 9.** What 50 % of A &amp; B show\n\n"
        "| Strategy |  | First: x | First: y | z |\n"
        "| --- | --- | ---: | ---: | ---: |\n"
        "| RS |  | 1.50 | – | many |\n"
        "| A | w/o | 2 (±1) | -3.2 | few |\n"
        "|  | with | **4**\\* | – | none |\n\n"
        "\\* p &lt; 0.05.\n"
    )


def test_csv_has_numbers_spreads_and_marks_apart_and_names_each_row() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(SMALL))))
    assert list(rows[0]) == [
        "Strategy",
        "part",
        "First: x",
        "First: x std",
        "First: x marks",
        "First: y",
        "z",
    ]
    assert [row["Strategy"] for row in rows] == ["RS", "A", "A"]
    assert [row["First: x"] for row in rows] == ["1.5", "2", "4"]
    assert [row["First: x std"] for row in rows] == ["", "1", ""]
    assert [row["First: x marks"] for row in rows] == ["", "", "*"]
    assert [row["First: y"] for row in rows] == ["", "-3.25", ""]


def test_latex_is_a_booktabs_table_with_spanning_headings() -> None:
    text = to_latex(SMALL)
    for part in (
        r"\caption{\textbf{Table 9.} What 50 \% of A \& B show}",
        r"\begin{tabular}{llrrr}",
        r" &  & \multicolumn{2}{c}{First} & \multicolumn{1}{c}{} \\",
        r"\cmidrule(lr){3-4}",
        r"A & w/o & 2 ($\pm$1) & $-$3.2 & few \\",
        r" & with & \textbf{4}\textsuperscript{*} & -- & none \\",
        r"{\footnotesize * p \textless{} 0.05.}",
    ):
        assert part in text
    assert text.count(r"\midrule") == 2
    assert "adjustbox" not in text


def test_a_wide_table_is_made_to_fit_the_page() -> None:
    row = (Cell("a"), *(number(1.0, 1) for _ in range(9)))
    text = to_latex(Table("k", "T", "C", ("S",), heads(*"abcdefghi"), ((row,),)))
    assert r"\begin{adjustbox}{max width=\textwidth}" in text
    assert text.index(r"\end{tabular}") < text.index(r"\end{adjustbox}")
    assert "booktabs, adjustbox" in text.splitlines()[0]


def _of_names(name: str) -> Table:
    return Table(
        "k", name, name, (name,), heads(name), (((labelled(name), Cell(name)),),), (name,)
    )


def _latex_is_balanced(text: str) -> None:
    """No letter of a name is a command, a comment, mathematics or a brace of its own."""
    body = "\n".join(text.splitlines()[1:])
    assert not re.search(r"(?<!\\)[%#~^]", body)
    assert not re.search(r"(?<!\\)&(?! )", body)
    bare = re.sub(r"\\[{}$&#%_]", "", body)
    depth = 0
    for letter in bare:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        assert depth >= 0
    assert depth == 0
    assert bare.count("$") % 2 == 0


def test_hostile_names_are_shown_and_do_nothing() -> None:
    table = _of_names(HOSTILE)
    latex = to_latex(table)
    assert r"\input" not in latex
    _latex_is_balanced(latex)
    markdown = to_markdown(table)
    assert not any(part in markdown for part in ("<b>", "[x](", "://", "\x1b[31m* "))
    first, second = csv.reader(io.StringIO(to_csv(table)))
    assert first[0].startswith("'=cmd")
    assert len(first) == len(second)
    assert "\x1b" not in second[0]


@given(LETTERS)
def test_any_name_leaves_latex_and_csv_whole(name: str) -> None:
    table = _of_names(name)
    _latex_is_balanced(to_latex(table))
    assert len({len(row) for row in csv.reader(io.StringIO(to_csv(table)))}) == 1


def test_a_table_is_written_three_times(tmp_path: Path) -> None:
    written = write_tables([SMALL], tmp_path / "tables")
    assert [path.name for path in written] == ["small.md", "small.csv", "small.tex"]
    assert written[0].read_text() == to_markdown(SMALL)


def test_numbers_have_their_digits_and_nothing_measured_is_a_dash() -> None:
    assert number(0.125, 2, signed=True).words == "+0.12"
    assert number(None, 2).words == "–"
    assert mean_and_spread(Spread(0.5, 0.1, 3), 1, 100, sign="±").words == "50.0 (±10.0)"
    assert mean_and_spread(Spread(0.5, None, 1), 1, 100).words == "50.0"
    assert mean_and_spread(None, 1).words == "–"


@pytest.mark.parametrize("spans", [(1, 2), (3,)])
def test_each_column_has_one_heading_in_one_line(spans: tuple[int, ...]) -> None:
    header = (tuple(Head(f"h{n}", n) for n in spans), tuple(Head(c) for c in "abc"))
    columns = Table("k", "T", "C", (), header, ()).columns
    assert columns == tuple(
        f"h{n}: {c}" for n, c in zip([n for n in spans for _ in range(n)], "abc", strict=True)
    )
