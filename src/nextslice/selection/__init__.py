"""Scores in, a batch of slices out. This folder needs numpy and nothing else.

- ``context.py``: what a selection may look at besides the scores
- ``base.py``: what every selection promises, and the checks they share

Chance, whatever the scores:

- ``random.py``: uniformly at random, the baseline that is hard to beat
- ``stratified.py``: random, with as few slices as possible from each volume
- ``strided.py``: every n-th slice
- ``foreground_random.py``: random with a share of foreground; peeks at the labels

By score:

- ``top_k.py``: the most uncertain slices, one by one
- ``stochastic_batches.py``: the paper's answer: the most uncertain of many random batches
- ``noise.py``: the top of noisy scores: power, softmax, soft-rank
- ``matching.py``: noise as strong as stochastic batches

By distance:

- ``distances.py``: distances between many vectors and a few
- ``core_set.py``: slices that cover the feature space (k-centre greedy)
- ``badge.py``: slices with large and different gradients (k-means++)

Any of them, with a rule:

- ``rules.py``: ask, keep what the rule allows, ask again
- ``volume_cap.py``: at most so many slices of one volume in a query
- ``minimum_distance.py``: no two slices close to each other in one volume

``names.py`` has their names for the command line.
"""

from nextslice.selection.badge import Badge
from nextslice.selection.base import Context, Selection, is_label_informed, strength
from nextslice.selection.core_set import CoreSet
from nextslice.selection.foreground_random import ForegroundRandom
from nextslice.selection.minimum_distance import MinimumDistance
from nextslice.selection.names import SELECTIONS
from nextslice.selection.noise import PowerNoise, SoftmaxNoise, SoftRankNoise
from nextslice.selection.random import Random
from nextslice.selection.stochastic_batches import StochasticBatches
from nextslice.selection.stratified import Stratified
from nextslice.selection.strided import Strided
from nextslice.selection.top_k import TopK
from nextslice.selection.volume_cap import VolumeCap

__all__ = [
    "SELECTIONS",
    "Badge",
    "Context",
    "CoreSet",
    "ForegroundRandom",
    "MinimumDistance",
    "PowerNoise",
    "Random",
    "Selection",
    "SoftRankNoise",
    "SoftmaxNoise",
    "StochasticBatches",
    "Stratified",
    "Strided",
    "TopK",
    "VolumeCap",
    "is_label_informed",
    "strength",
]
