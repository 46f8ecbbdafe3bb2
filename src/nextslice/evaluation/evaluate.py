"""A model on test volumes: predict slice by slice, put the volume together, measure in mm."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from nextslice.data.pool import SlicePool
from nextslice.errors import DataError
from nextslice.evaluation.metrics import ClassMetrics, summarise, volume_metrics
from nextslice.models.inference import SegmentationModel
from nextslice.progress import OnProgress, Progress, ignore_progress

__all__ = ["Evaluation", "evaluate"]


@dataclass(frozen=True)
class Evaluation:
    """How good a model is.

    Attributes:
        classes: Metrics of each foreground class and of their ``mean``, averaged over volumes.
        volumes: The same for each test volume by its case.
        seconds: How long it took.
    """

    classes: Mapping[str, ClassMetrics]
    volumes: Mapping[str, Mapping[str, ClassMetrics]]
    seconds: float


def evaluate(
    model: SegmentationModel,
    pool: SlicePool,
    *,
    in_voxels: bool = False,
    count_empty: bool = False,
    on_progress: OnProgress = ignore_progress,
) -> Evaluation:
    """Measure a model on every volume of a pool, on the volumes' native grids.

    Args:
        model: The trained model.
        pool: Test slices whose cases all have labels.
        in_voxels: Give HD95 in voxels instead of mm (the paper's released code).
        count_empty: Count slices empty in both masks as a 2D Dice of 1 (the released code).
        on_progress: Told how many volumes are done.

    Raises:
        DataError: A case has no label, or there is no case.
    """
    if not pool.has_labels or not pool.cases:
        raise DataError(
            "Expected test cases that all have labels to measure against, "
            f"got {len(pool.cases)} cases.",
            remedy="Set aside test cases with labels: pool.split_cases(test=..., val=...).",
        )
    started = time.perf_counter()
    volumes: dict[str, Mapping[str, ClassMetrics]] = {}
    for done, case in enumerate(pool.cases, start=1):
        masks = model.predict(pool.images[pool.rows_of(case)])
        volumes[case] = volume_metrics(
            pool.restore(case, masks),
            pool.native_label(case),
            classes=pool.classes,
            spacing=(1.0, 1.0, 1.0) if in_voxels else pool.geometry(case).spacing,
            axis=pool.preparation.slicing_axis(pool.geometry(case)),
            count_empty=count_empty,
        )
        on_progress(Progress("evaluate", done, len(pool.cases)))
    return Evaluation(
        classes=summarise(list(volumes.values())),
        volumes=volumes,
        seconds=time.perf_counter() - started,
    )
