"""The slices and networks that the rows work on."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import torch

from nextslice.config import Config, resolve_config
from nextslice.data.phantom import Phantom, write_phantom
from nextslice.models.inference import SegmentationModel
from nextslice.models.training import Trainer
from nextslice.models.unet import UNet
from nextslice.simulation import Splits, open_splits

__all__ = [
    "NARROW",
    "WIDE",
    "bare_batches",
    "data_name",
    "quick_config",
    "resident",
    "splits",
    "trained_model",
    "untrained_model",
    "whole_batches",
]

NARROW = (16, 32, 64, 128)
WIDE = (64, 128, 256, 512)
_ROOT = Path(__file__).resolve().parents[1]
_PHANTOM = _ROOT / "runs" / "benchmarks" / "phantom"


def whole_batches(narrow: int, wide: int, *, smoke: bool) -> dict[tuple[int, ...], int]:
    """Channels of the network -> how many slices to score with it.

    Whole batches of 52, as scoring makes them of the pool: fewer slices in a batch change the
    ratio to the bare pass. A trial run takes a few slices.
    """
    return {NARROW: 8, WIDE: 4} if smoke else {NARROW: 52 * narrow, WIDE: 52 * wide}


def _hippocampus() -> Path:
    shared = os.environ.get("NEXTSLICE_TEST_DATA", _ROOT.parent / "shared" / "data")
    return Path(shared) / "Task04_Hippocampus"


def data_name() -> str:
    """Which slices the rows work on."""
    return "hippocampus" if _hippocampus().is_dir() else "phantom (no hippocampus here)"


def quick_config(**changes: object) -> Config:
    """The quick preset on the hippocampus, or on a phantom where it is not."""
    if _hippocampus().is_dir():
        folder, test, val = _hippocampus(), 50, 10
    else:
        folder, test, val = write_phantom(_PHANTOM, Phantom(patients=120)), 50, 10
    return resolve_config(
        "quick",
        {
            "data": {"folder": str(folder), "size": [50, 50]},
            "split": {"test": test, "val": val},
            "uncertainty": "entropy",
            "selection": "stochastic-batches",
            **changes,
        },
    )


@cache
def splits() -> Splits:
    """Slices of 50x50: those to train on, 10 cases aside, 50 to test on."""
    return open_splits(quick_config())


def untrained_model(channels: tuple[int, ...], *, precision: str = "auto") -> SegmentationModel:
    """A U-Net with the weights it was born with: they do not change how long it takes."""
    torch.manual_seed(0)
    classes = len(splits().train.classes) + 1
    network = UNet(classes, channels)
    return SegmentationModel(network, classes=classes, device="cpu", precision=precision)


def trained_model(
    steps: int, *, slices: int = 40, precision: str = "auto"
) -> SegmentationModel:
    """The quick preset's network after some steps on slices of the pool."""
    train = splits().train
    config = quick_config()
    rows = np.random.default_rng(0).choice(len(train), size=slices, replace=False)
    trainer = Trainer(
        UNet(len(train.classes) + 1, NARROW),
        settings=config.training,
        device="cpu",
        precision=precision,
        steps=steps,
        steps_per_epoch=50,
    )
    return trainer.fit(train.images[rows], train.masks[rows], seed=0)


def resident(slices: int) -> np.ndarray:
    """The first slices of the pool, in memory."""
    images: np.ndarray = splits().train.images[:slices]
    return images


def bare_batches(model: SegmentationModel, images: np.ndarray) -> list[torch.Tensor]:
    """The batches that scoring would make, made before the clock runs."""
    return [batch for _, batch in model.batches(images)]
