"""Speed and memory, side by side with what a user would pick instead.

``python -m benchmarks`` from the repository's root measures every row and writes
``docs/benchmarks.md`` with its plot; ``--rows 1,5`` prints a part of it, ``--smoke`` tries the
suite out at tiny sizes. The peers are in ``requirements.txt``; one that is not installed is
reported as not measured. On a machine that does other work the ratios are worth little.

- ``__main__.py``: the command
- ``rows.py``: the list of rows, each in a process of its own
- ``child.py``: what such a process does
- ``measure.py``: times and memory, measured honestly
- ``profiling.py``: where the time went, for rows that miss their target
- ``results.py``: what a row finds out
- ``rankings.py``: whether two ways of scoring give the same ranking
- ``inputs.py``: the slices and networks that the rows work on
- ``row_01_...`` to ``row_10_...``: the rows
- ``machine.py``: what it ran on
- ``plot.py``, ``document.py``: the plot and the page
"""
