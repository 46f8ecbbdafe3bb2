"""The metrics of a cycle's model as rows of the database."""

from __future__ import annotations

import math
from collections.abc import Mapping

from nextslice.evaluation.metrics import ClassMetrics

__all__ = ["metric_rows"]


def metric_rows(cycle: int, classes: Mapping[str, ClassMetrics]) -> list[dict[str, object]]:
    """A row for each class, in their order; where nothing was measured, the value is None."""
    return [
        {
            "cycle": cycle,
            "position": position,
            "class": name,
            "dice_3d": values.dice_3d,
            "dice_2d": None if math.isnan(values.dice_2d) else values.dice_2d,
            "hd95_3d_mm": values.hd95_3d_mm,
        }
        for position, (name, values) in enumerate(classes.items())
    ]
