"""What was queried, in words: distinct volumes, and the strength of the queries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from nextslice.report.differences import with_and_without
from nextslice.report.runs import Run
from nextslice.report.summaries import Group
from nextslice.report.tables import plain_text

__all__ = ["on_queries"]


def on_queries(compared: Sequence[Group]) -> list[str]:
    """How many volumes a query opened, and how far above the pool it scored.

    Args:
        compared: Groups of one experiment; the settings of a strategy are taken together.
    """
    touched = _per_query(compared, Run.volumes)
    strong = _per_query(compared, Run.strengths)
    partners: dict[str, dict[str, None]] = {}
    for first, second in with_and_without(compared):
        partners.setdefault(second.plain_name, {})[first.plain_name] = None
    sentences = []
    if touched:
        sentences.append(
            f"Volumes in a query, on average: {_listed(touched, partners)}. Slices of one "
            "volume resemble each other: the more volumes, the less a query repeats itself."
        )
    if strong:
        sentences.append(
            "Queries scored above the mean of the pool, in its standard deviations (chance "
            f"gives 0): {_listed(strong, partners)}."
        )
    return sentences


def _per_query(
    compared: Sequence[Group], measured: Callable[[Run], Mapping[int, float]]
) -> dict[str, float]:
    """Strategy -> the mean over its queries, runs and settings; only what was measured."""
    found: dict[str, list[float]] = {}
    for group in compared:
        for run in group.compared:
            values = [v for c, v in measured(run).items() if c in group.queried_cycles]
            found.setdefault(group.plain_name, []).extend(values)
    return {name: float(np.mean(values)) for name, values in found.items() if values}


def _listed(values: Mapping[str, float], partners: Mapping[str, Iterable[str]]) -> str:
    """A strategy and the same with batches: "entropy 6.1, with stochastic batches 9.4"."""
    joined = {
        name: own[0]
        for name, each in partners.items()
        if len(own := list(each)) == 1 and name in values and own[0] in values
    }
    told = []
    for name, value in values.items():
        if name not in joined.values():
            text = f"{plain_text(name)} {value:.1f}"
            more = joined.get(name)
            told.append(
                text + (f", with stochastic batches {values[more]:.1f}" if more else "")
            )
    return "; ".join(told)
