"""Small labelled slices that a network can learn, and a trainer that takes a moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nextslice.models.inference import SegmentationModel
from nextslice.models.training import Trainer
from nextslice.models.unet import UNet
from nextslice.types import SliceImages, SliceMasks


def _slices(count: int = 6, size: tuple[int, int] = (24, 20)) -> tuple[SliceImages, SliceMasks]:
    rng = np.random.default_rng(0)
    rows, columns = np.indices(size)
    centres = rng.uniform(8, 12, (2, count, 1, 1))
    distance = np.hypot(rows - centres[0], columns - centres[1])
    masks = (distance < 6).astype(np.uint8) + (distance < 3).astype(np.uint8)
    images = masks * 0.4 + rng.normal(0, 0.05, masks.shape)
    return images.astype(np.float32), masks


def _trainer(network: Any = None, **changes: Any) -> Trainer:
    settings: dict[str, Any] = {
        "steps": 12,
        "steps_per_epoch": 5,
        "learning_rate": 5e-5,
        "device": "cpu",
        "precision": "float32",
    }
    network = network or UNet(3, channels=(4, 8, 8), dropout=0.5)
    return Trainer(network, **(settings | changes))


@pytest.fixture(scope="session")
def make_slices() -> Callable[..., tuple[SliceImages, SliceMasks]]:
    """Discs of class 1 around cores of class 2: `(count=6, size=(24, 20))`."""
    return _slices


@pytest.fixture(scope="session")
def make_trainer() -> Callable[..., Trainer]:
    """A tiny trainer: `(network=None, **settings)`."""
    return _trainer


@pytest.fixture(scope="session")
def model() -> SegmentationModel:
    """A model after a few steps; nobody may change it."""
    return _trainer().fit(*_slices(), seed=0)
