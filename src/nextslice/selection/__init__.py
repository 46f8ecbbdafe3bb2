"""Scores in, a batch of slices out. This folder needs numpy and nothing else.

- ``base.py``: what every selection promises, and the checks they share
- ``random.py``: uniformly at random, the baseline that is hard to beat
- ``top_k.py``: the most uncertain slices, one by one
- ``stochastic_batches.py``: the paper's answer: the most uncertain of many random batches
- ``core_set.py``: slices that cover the feature space (k-centre greedy)
"""

from nextslice.selection.base import Context, Selection, strength
from nextslice.selection.core_set import CoreSet
from nextslice.selection.random import Random
from nextslice.selection.stochastic_batches import StochasticBatches
from nextslice.selection.top_k import TopK

__all__ = [
    "Context",
    "CoreSet",
    "Random",
    "Selection",
    "StochasticBatches",
    "TopK",
    "strength",
]
