"""How one in-plane axis of a slice runs from a volume's own grid to a pool's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Side", "nearest"]


@dataclass(frozen=True)
class Side:
    """How one in-plane axis runs: native -> stretched (one interpolation) -> fitted (a window).

    Stretched pixel j has its centre at native coordinate ``scale * j + offset``; fitted pixel
    k is stretched pixel ``k + shift``, or padding where there is none.
    """

    native: int
    stretched: int
    fitted: int
    scale: float = 1.0
    offset: float = 0.0

    @property
    def is_identity(self) -> bool:
        """Whether stretched pixels are native pixels, so that nothing is interpolated."""
        return self.scale == 1.0 and self.offset == 0.0 and self.stretched == self.native

    @property
    def shift(self) -> int:
        """Stretched pixels in front of the window; negative where it is padded."""
        return (self.stretched - self.fitted) // 2

    @property
    def kept(self) -> slice:
        """The stretched pixels inside the window."""
        start = max(self.shift, 0)
        return slice(start, start + min(self.stretched, self.fitted))

    @property
    def place(self) -> slice:
        """Where in the window they stand."""
        start = max(-self.shift, 0)
        return slice(start, start + min(self.stretched, self.fitted))

    @property
    def sources(self) -> np.ndarray[Any, np.dtype[np.intp]]:
        """Per stretched pixel the nearest native one."""
        centres = np.arange(self.stretched) * self.scale + self.offset
        return nearest(centres, self.native)

    @property
    def sources_back(self) -> np.ndarray[Any, np.dtype[np.intp]]:
        """Per native pixel the nearest stretched one."""
        centres = (np.arange(self.native) - self.offset) / self.scale
        return nearest(centres, self.stretched)


def nearest(
    centres: np.ndarray[Any, np.dtype[Any]], count: int
) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Per centre (a coordinate) the nearest of `count` pixels."""
    # Halves go towards the middle: were they all to go up, masks would drift to one side.
    tiny = 1e-9  # halves are not exact in floating point
    up, down = np.floor(centres + (0.5 + tiny)), np.ceil(centres - (0.5 + tiny))
    nearest = np.where(centres < (count - 1) / 2, up, down)
    return np.clip(nearest, 0, count - 1).astype(np.intp)
