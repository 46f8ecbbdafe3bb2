"""Predictions and labels in, numbers out.

hausdorff.py   the 95th-percentile Hausdorff distance, and the checks of a pair of masks
metrics.py     Dice in 3D and 2D; all metrics of a volume per class; their average
agreement.py   Dice of a proposal with what the expert made of it
evaluate.py    a model over test volumes, on the native grid of each
statistics.py  what a difference between strategies is worth: tests, intervals, areas
"""

from __future__ import annotations
