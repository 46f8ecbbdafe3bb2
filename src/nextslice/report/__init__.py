"""Runs on disk -> tables, figures, one HTML page. This folder reads CSV and YAML, no more.

- ``rows.py``: the rows of a run's CSV files
- ``runs.py``: every run below a folder, finished or not
- ``names.py``: what a strategy is called
- ``experiments.py``: which runs may be compared
- ``apart.py``: the settings that tell compared runs apart, in words
- ``summaries.py``: runs of one strategy together: means, spreads, the area under the curve
- ``tables.py``: those numbers as Markdown and CSV
- ``style.py``: a strategy's colour, line and marker
- ``lettering.py``: text in figures, in lines that fit their place
- ``labels.py``: names at the ends of lines, or numbers and a legend below
- ``drawing.py``: a figure with its words, its axes, and how it is written
- ``curves.py``: 3D Dice against labelled slices
- ``figures.py``: all figures; the queries and the sampling times
- ``reading.py``: what the numbers say, in a few plain sentences
- ``facts.py``: what ran and on what
- ``page.py``  ``templates/report.html.j2``: all of it on one page that stands by itself
"""

from nextslice.report.page import write_report
from nextslice.report.runs import Run, read_runs
from nextslice.report.summaries import Summary, summarise

__all__ = ["Run", "Summary", "read_runs", "summarise", "write_report"]
