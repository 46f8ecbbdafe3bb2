"""Names for the command line and for files of settings -> the selections that ship."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from nextslice.selection.badge import Badge
from nextslice.selection.base import Selection
from nextslice.selection.core_set import CoreSet
from nextslice.selection.foreground_random import ForegroundRandom
from nextslice.selection.minimum_distance import MinimumDistance
from nextslice.selection.noise import PowerNoise, SoftmaxNoise, SoftRankNoise
from nextslice.selection.random import Random
from nextslice.selection.stochastic_batches import StochasticBatches
from nextslice.selection.stratified import Stratified
from nextslice.selection.strided import Strided
from nextslice.selection.top_k import TopK
from nextslice.selection.volume_cap import VolumeCap

__all__ = ["SELECTIONS"]

SELECTIONS: Final[Mapping[str, type[Selection]]] = {
    "random": Random,
    "stratified": Stratified,
    "strided": Strided,
    "foreground-random": ForegroundRandom,
    "top-k": TopK,
    "stochastic-batches": StochasticBatches,
    "power": PowerNoise,
    "softmax": SoftmaxNoise,
    "soft-rank": SoftRankNoise,
    "core-set": CoreSet,
    "badge": Badge,
    "volume-cap": VolumeCap,
    "minimum-distance": MinimumDistance,
}
