"""3D Dice and HD95 of the test volumes, against MONAI's metric classes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from monai.metrics import DiceMetric, HausdorffDistanceMetric

from benchmarks import inputs
from benchmarks.measure import interleaved, say, timed
from benchmarks.profiling import python_profile
from benchmarks.results import Measured, Plan, Target, compare, quantity
from nextslice.evaluation.metrics import volume_metrics

ROW = 7


@dataclass(frozen=True)
class Volume:
    """A prediction with its truth, as class numbers and one-hot."""

    prediction: np.ndarray
    truth: np.ndarray
    spacing: tuple[float, float, float]
    axis: int
    one_hot_prediction: torch.Tensor
    one_hot_truth: torch.Tensor


def measure(plan: Plan) -> Measured:
    warnings.filterwarnings("ignore", category=FutureWarning, module="monai")
    classes = inputs.splits().train.classes
    say("  predictions on the test volumes")
    steps = 4 if plan.smoke else 300
    volumes = predictions(steps, 3 if plan.smoke else None)

    def ours() -> np.ndarray:
        measured = [
            volume_metrics(
                volume.prediction,
                volume.truth,
                classes=classes,
                spacing=volume.spacing,
                axis=volume.axis,
            )
            for volume in volumes
        ]
        return np.array([[(m[c].dice_3d, m[c].hd95_3d_mm) for c in classes] for m in measured])

    def monai() -> np.ndarray:
        rows = []
        for volume in volumes:
            dice = DiceMetric(include_background=False, reduction="none")
            distance = HausdorffDistanceMetric(
                include_background=False, percentile=95, reduction="none"
            )
            pair = {"y_pred": volume.one_hot_prediction, "y": volume.one_hot_truth}
            overlaps = dice(**pair)
            distances = distance(**pair, spacing=list(volume.spacing))
            rows.append(torch.stack([overlaps[0], distances[0]], dim=-1).numpy())
        return np.stack(rows)

    timings = interleaved({"ours": timed(ours), "monai": timed(monai)}, seconds=plan.seconds)
    mine, theirs = ours(), monai()
    comparable = np.isfinite(theirs).all(axis=-1)
    difference = float(np.abs(mine - theirs)[comparable].max(initial=0.0))
    left_out = (
        ""
        if comparable.all()
        else "; the others are missed altogether, where MONAI gives no finite distance and "
        "ours the volume's diagonal"
    )
    work = f"3D Dice and HD95, {len(volumes)} test volumes, {len(classes)} classes"
    return Measured(
        [
            compare(
                ROW,
                work,
                timings,
                "monai",
                peer_name="MONAI's `DiceMetric` and `HausdorffDistanceMetric`",
                target=Target(3, "faster"),
                per=(len(volumes), "/volume"),
                note="Ours includes the 2D Dice; MONAI's one-hot tensors were made before. "
                f"Predictions on the native grids, of a model trained for {steps} steps.",
                reason="Both search the nearest surface voxel of every surface voxel.",
                profile=lambda: python_profile(ours),
            ),
            quantity(
                ROW,
                f"{work}: largest difference",
                difference,
                Target(1e-5, "at most"),
                ours=f"{difference:.1e}",
                peer_name="MONAI's values",
                note=f"{int(comparable.sum())} of {comparable.size} structures{left_out}.",
            ),
        ]
    )


def predictions(steps: int, count: int | None) -> list[Volume]:
    test = inputs.splits().test
    model = inputs.trained_model(steps)
    volumes = []
    for case in test.cases[:count]:
        predicted = test.restore(case, model.predict(test.images[test.rows_of(case)]))
        truth, geometry = test.native_label(case), test.geometry(case)
        volumes.append(
            Volume(
                predicted,
                truth,
                geometry.spacing,
                test.preparation.slicing_axis(geometry),
                _one_hot(predicted, len(test.classes)),
                _one_hot(truth, len(test.classes)),
            )
        )
    return volumes


def _one_hot(labels: np.ndarray, classes: int) -> torch.Tensor:
    numbers = torch.from_numpy(labels.astype(np.int64))
    one_hot = torch.nn.functional.one_hot(numbers, classes + 1)
    return one_hot.permute(3, 0, 1, 2)[None].float()
