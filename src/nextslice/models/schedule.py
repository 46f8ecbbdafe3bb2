"""The settings of a training and the learning rate that follows from them.

Source: section 4.3.1 of the paper: 75 epochs of 250 steps, batch 4; the learning rate starts at
1e-6, grows 200-fold over the first 10 epochs and then falls along a cosine (Goyal et al. 2017;
Loshchilov and Hutter 2017); Adam with weight decay 1e-4.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, get_args

from nextslice.errors import SettingsError
from nextslice.models.augmentation import AugmentationSettings
from nextslice.models.losses import BinaryOutput, Loss

__all__ = ["TrainingSettings", "changed_settings", "learning_rate_at"]


@dataclass(frozen=True)
class TrainingSettings:
    """A training protocol; the defaults are the paper's.

    Steps, not epochs, are the truth: an epoch is only the unit in which losses are averaged
    and generators are seeded.

    Attributes:
        steps: Updates in all.
        steps_per_epoch: Updates in an epoch; the last epoch may be shorter.
        batch_size: Slices in a batch, drawn with repetition.
        learning_rate: The rate of the first step.
        warmup_factor: The rate grows to ``learning_rate * warmup_factor``.
        warmup: Fraction of the steps in which it grows.
        final_learning_rate: Where the cosine after the warm-up ends.
        weight_decay: Adam's L2 penalty.
        loss: "cross-entropy" or "cross-entropy+dice" (half each).
        binary_output: "softmax", or "sigmoid" with binary cross-entropy where there is one
            foreground class.
        augmentation: How images and masks are varied.

    Raises:
        SettingsError: A value is out of range.
    """

    steps: int = 18_750
    steps_per_epoch: int = 250
    batch_size: int = 4
    learning_rate: float = 1e-6
    warmup_factor: float = 200.0
    warmup: float = 10 / 75
    final_learning_rate: float = 0.0
    weight_decay: float = 1e-4
    loss: Loss = "cross-entropy"
    binary_output: BinaryOutput = "softmax"
    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)

    def __post_init__(self) -> None:
        for name in ("steps", "steps_per_epoch", "batch_size"):
            value = getattr(self, name)
            whole = isinstance(value, int) and not isinstance(value, bool)
            self._require(whole and value >= 1, name, "a whole number >= 1")
        self._require(self.learning_rate > 0, "learning_rate", "a number > 0")
        self._require(self.warmup_factor > 0, "warmup_factor", "a number > 0")
        self._require(0 <= self.warmup <= 1, "warmup", "a fraction in [0, 1]")
        self._require(self.final_learning_rate >= 0, "final_learning_rate", "a number >= 0")
        self._require(self.weight_decay >= 0, "weight_decay", "a number >= 0")
        for name in (
            "learning_rate",
            "warmup_factor",
            "final_learning_rate",
            "weight_decay",
        ):
            self._require(math.isfinite(getattr(self, name)), name, "a finite number")
        for name, kind in (("loss", Loss), ("binary_output", BinaryOutput)):
            allowed = get_args(kind)
            self._require(getattr(self, name) in allowed, name, f"one of {allowed}")

    def _require(self, fits: bool, name: str, allowed: str) -> None:
        if not fits:
            raise SettingsError(f"{name} must be {allowed}; got {getattr(self, name)!r}.")

    @property
    def peak_learning_rate(self) -> float:
        """The rate at the end of the warm-up."""
        return self.learning_rate * self.warmup_factor


def learning_rate_at(step: int, settings: TrainingSettings) -> float:
    """The learning rate of a step, counted from 0.

    It grows in a straight line from `learning_rate` at step 0 to the peak at step
    ``w = round(warmup * steps)``, and falls along half a cosine that would reach
    `final_learning_rate` at step ``steps``.
    """
    start, peak = settings.learning_rate, settings.peak_learning_rate
    warmup_steps = round(settings.warmup * settings.steps)
    if step < warmup_steps:
        return start + (peak - start) * step / warmup_steps
    progress = min((step - warmup_steps) / max(settings.steps - warmup_steps, 1), 1.0)
    end = settings.final_learning_rate
    return end + (peak - end) * (1 + math.cos(math.pi * progress)) / 2


def changed_settings(
    settings: TrainingSettings, changes: Mapping[str, Any]
) -> TrainingSettings:
    """The settings with some of them replaced by name.

    Raises:
        SettingsError: A name is unknown or a value is out of range.
    """
    known = [field.name for field in fields(TrainingSettings)]
    for name in changes:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            raise SettingsError(
                f"Training has no setting {name!r}; it has {', '.join(known)}.",
                remedy=f"Did you mean {close[0]!r}?" if close else "",
            )
    return replace(settings, **changes)
