"""Whether times compare: trainings of equal length show how busy a machine was.

Each training of a run has as many steps as the others, whatever is labelled. Where some took
far longer than others, the machine did other work as well, and sampling times of those runs say
more about that than about the strategies.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Final

import numpy as np

from nextslice.report.runs import Run
from nextslice.report.tables import duration

__all__ = ["on_busy_machines"]

_ALIKE: Final = 1.5  # between the shortest and the longest of nine trainings in ten
_ENOUGH: Final = 6  # trainings; fewer may differ by their first one alone


def on_busy_machines(runs: Sequence[Run]) -> str | None:
    """A sentence where trainings of equal length took unequally long, the worst of them told.

    Compared are trainings of one experiment and setting on one machine; those with learning
    loss, which train a second module, among themselves.

    Args:
        runs: Of any experiments; runs that tell nothing of their machine count as of one.

    Returns:
        None where times of training lie close together, or are too few.
    """
    alike: dict[Hashable, list[float]] = {}
    for run in runs:
        scored_by = "" if run.uncertainty is None else run.uncertainty.name
        machine = repr(run.environment.get("hardware"))
        key = run.experiment, run.setting, scored_by == "learning-loss", machine
        seconds = {row.cycle: row.train_seconds for row in run.cycles}
        alike.setdefault(key, []).extend(s for s in seconds.values() if math.isfinite(s))
    spans = [np.quantile(s, (0.05, 0.95)) for s in alike.values() if len(s) >= _ENOUGH]
    uneven = [(low, high) for low, high in spans if high > _ALIKE * low > 0]
    if not uneven:
        return None
    low, high = max(uneven, key=lambda span: float(span[1] / span[0]))
    return (
        f"Trainings of equal length took {duration(float(low))} to {duration(float(high))} "
        "(nine in ten of them): the machine was busy with other work at times, so that the "
        "times measured here hardly compare."
    )
