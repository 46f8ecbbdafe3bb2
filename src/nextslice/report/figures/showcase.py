"""Which runs are shown slice by slice: one pair, chosen without looking at its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nextslice.report.runs import Run
from nextslice.report.summaries import groups
from nextslice.report.varied import pairs

__all__ = ["Showcase", "showcase"]


@dataclass(frozen=True)
class Showcase:
    """Two runs that differ in nothing but stochastic batches."""

    without: Run
    with_batches: Run


def showcase(runs: Sequence[Run]) -> Showcase | None:
    """The first uncertainty that was run both ways (entropy, where it was) and its first seed.

    Args:
        runs: Of one experiment.
    """
    for pair in pairs([group for group in groups(runs) if group.queried_cycles]):
        with_batches = {run.pair: run for run in pair.with_batches.compared}
        for run in sorted(pair.without.compared, key=lambda run: run.pair):
            if run.pair in with_batches:
                return Showcase(run, with_batches[run.pair])
    return None
