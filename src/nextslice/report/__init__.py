"""Runs on disk -> tables, figures, one HTML page.

Tables and most figures come from the CSV and YAML files of the runs alone.

- ``rows.py``: the rows of a run's CSV files
- ``runs.py``: every run below a folder, finished or not
- ``names.py``: what a strategy is called
- ``experiments.py``: which runs may be compared
- ``apart.py``: the settings that tell compared runs apart, in words
- ``summaries.py``: runs of one strategy together: means, spreads, the area under the curve
- ``differences.py``: one strategy less another, pair by pair and cycle by cycle
- ``varied.py``: pairs with and without stochastic batches; what else was varied on purpose
- ``tables.py``: what a table is: cells, headings, a caption, footnotes
- ``rendering.py``: a table as Markdown, CSV and LaTeX
- ``comparison.py``: the strategies side by side
- ``lines.py``: the strategies in the order and with the words of the paper
- ``stars.py``: marks beside numbers, what is bold, the footnotes that explain it
- ``columns.py``: one metric of all strategies, as the paper's tables show it
- ``wide.py``: tables 2 to 4 of the paper
- ``paper.py``: table 1, and all four together
- ``significance.py``: differences with intervals and p-values, areas, the penalty matrix
- ``style.py``: a strategy's colour, line and marker
- ``lettering.py``: text in figures, in lines that fit their place
- ``labels.py``: names at the ends of lines, or numbers and a legend below
- ``drawing.py``: a figure with its words, its axes, and how it is written
- ``series.py``: the numbers behind a line: means over seeds and their intervals
- ``facts.py``: what ran and on what
- ``changed.py``: whether runs come from the same code, and went on as they began
- ``scans.py``: the scans and models behind runs, where they are still at hand
- ``outlines.py``: what labels cost: structures outlined, volumes opened
- ``figures/``: the figures, one file for each
- ``queried.py``: what was queried, in words
- ``reading.py``: what the numbers say, in a few plain sentences
- ``outcomes.py``: how a benchmark's runs ended
- ``section.py``: what the page says in words about one experiment
- ``folder.py``: the report's folder, written whole, with nothing old left behind
- ``page.py``  ``templates/``: all of it on one page that stands by itself
"""

from nextslice.report.page import write_report
from nextslice.report.paper import paper_tables
from nextslice.report.runs import Run, read_runs
from nextslice.report.significance import statistics_tables
from nextslice.report.summaries import Summary, summarise

__all__ = [
    "Run",
    "Summary",
    "paper_tables",
    "read_runs",
    "statistics_tables",
    "summarise",
    "write_report",
]
