"""The Jensen-Shannon divergence of K predictions, accumulated in one pass.

With p_1 ... p_K the class probabilities of a pixel and H the entropy in nats::

    JSD = H(mean_k p_k) - mean_k H(p_k),   0 <= JSD <= ln K

Only two running sums are kept, so memory does not grow with K.
"""

from __future__ import annotations

from typing import Literal, assert_never

import torch
from torch import Tensor

from nextslice.models.types import FieldOfView, PerSlice, Probabilities

__all__ = ["Formula", "JensenShannon", "entropy_map"]

Formula = Literal["jsd", "released-code"]


def entropy_map(probabilities: Probabilities) -> Tensor:
    """Shannon entropy of each pixel in nats, shape (batch, height, width); 0 ln 0 is 0."""
    # Not torch.special.entr, which is three times slower. The smallest normal number stands in
    # for 0, whose term is 0 either way.
    smallest = torch.finfo(probabilities.dtype).tiny
    return -(probabilities * probabilities.clamp(min=smallest).log()).sum(dim=1)


class JensenShannon:
    """The divergence of the predictions added so far.

    Args:
        formula: "jsd" as the paper defines it, or "released-code": half the sum of
            H(mean p) and mean H(p), which measures total uncertainty and not disagreement
            (the sign in the authors' public code).
    """

    def __init__(self, formula: Formula = "jsd") -> None:
        self._formula: Formula = formula
        self._probabilities: Tensor | None = None
        self._entropies: Tensor | None = None
        self._seen: Tensor | None = None

    def add(self, probabilities: Probabilities, seen: FieldOfView | None = None) -> None:
        """Take in one prediction.

        Args:
            probabilities: Shape (batch, classes, height, width), summing to 1 over classes.
            seen: Shape (batch or 1, height, width); where it is False this prediction takes
                no part in that pixel.
        """
        entropies = entropy_map(probabilities)
        if seen is None:
            seen = torch.ones_like(entropies[:1], dtype=torch.bool)
        else:
            probabilities = probabilities * seen[:, None]
            entropies = entropies * seen
        if self._probabilities is None or self._entropies is None or self._seen is None:
            self._probabilities = probabilities.clone()
            self._entropies = entropies
            self._seen = seen.to(entropies.dtype)
        else:
            self._probabilities += probabilities
            self._entropies += entropies
            self._seen = self._seen + seen

    def per_pixel(self) -> tuple[Tensor, Tensor]:
        """The divergence of each pixel, and in how many predictions it was seen.

        Returns:
            Shapes (batch, height, width) and (batch or 1, height, width). A pixel never seen
            has divergence 0.

        Raises:
            ValueError: Nothing was added.
        """
        if self._probabilities is None or self._entropies is None or self._seen is None:
            raise ValueError("Expected at least one prediction before asking, got none.")
        times = self._seen.clamp(min=1)
        of_mean = entropy_map(self._probabilities / times[:, None])
        mean_of = self._entropies / times
        match self._formula:
            case "jsd":
                # Rounding can bring equal predictions a hair below 0, which no divergence is.
                return (of_mean - mean_of).clamp(min=0), self._seen
            case "released-code":
                return 0.5 * of_mean + 0.5 * mean_of, self._seen
        assert_never(self._formula)

    def per_slice(self) -> PerSlice:
        """Mean over the pixels that were seen at least twice: fewer cannot disagree."""
        divergence, times = self.per_pixel()
        compared = (times >= 2).to(divergence.dtype).expand_as(divergence)
        return (divergence * compared).sum(dim=(1, 2)) / compared.sum(dim=(1, 2)).clamp(min=1)
