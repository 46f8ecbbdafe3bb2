"""The parts of a loop from its settings: the pool, the trainer and the strategies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from nextslice.config import DataConfig, LoopConfig, StrategyConfig
from nextslice.data.labels import Labels, parse_labels
from nextslice.data.pool import SlicePool
from nextslice.models.training import Trainer
from nextslice.models.unet import UNet
from nextslice.progress import OnProgress
from nextslice.strategies import build_uncertainty
from nextslice.uncertainty import Uncertainty

__all__ = ["open_pool", "open_scans", "trainer_for", "uncertainty_for"]


def open_pool(
    data: DataConfig,
    *,
    labels: Labels | None = None,
    require_labels: bool = False,
    on_progress: OnProgress,
) -> SlicePool:
    """The slices of a data set, from the cache where it was prepared before.

    Args:
        data: Where it is and how it is prepared.
        labels: Its classes; None for those that the settings name.
        require_labels: Refuse cases without a label.
        on_progress: Hears of the preparation.

    Raises:
        DataError: The folder cannot be read, or cases are refused.
    """
    return SlicePool.from_folder(
        Path(data.folder),
        size=data.size,
        spacing=data.spacing,
        axis=data.axis,
        fit=data.fit,
        labels=data.labels if labels is None else labels,
        skip_refused=data.skip_refused,
        accept_sheared=data.accept_sheared,
        require_labels=require_labels,
        on_progress=on_progress,
    )


def open_scans(data: DataConfig, *, on_progress: OnProgress) -> SlicePool:
    """The slices of a live project; its labels may hold the declared values alone.

    Raises:
        DataError: See :func:`open_pool`.
    """
    labels = replace(parse_labels(data.labels or ""), exhaustive=True)
    return open_pool(data, labels=labels, on_progress=on_progress)


def trainer_for(config: LoopConfig, pool: SlicePool) -> Trainer:
    """What trains the model of each cycle.

    Raises:
        SettingsError: The slices are too small for the network: said now, before people draw.
    """
    network = UNet(len(pool.classes) + 1, config.network.channels, config.network.dropout)
    network.demand_size(*pool.size)
    return Trainer(
        network,
        settings=config.training,
        device=config.device,
        precision=config.precision,
        threads=config.threads,
    )


def uncertainty_for(chosen: StrategyConfig | None) -> Uncertainty | None:
    """What scores the slices, if anything does."""
    return None if chosen is None else build_uncertainty(chosen.name, chosen.parameters)
