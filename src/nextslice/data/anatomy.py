"""The phantom's anatomy: a body with an organ like a kidney, drawn tissue by tissue.

Every outline is a distance from the edge, positive inside, so that edges can be soft in the
image (partial volume) and crisp in the label. Lengths are in units of 1/96 of the field of
view, whose centre is (0, 0).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["CLASSES", "SCANNERS", "Scanner", "draw_anatomy"]

CLASSES = ("cortex", "medulla")
"""The two parts of the organ: class numbers 1 and 2."""

_Field = NDArray[np.float32]


@dataclass(frozen=True)
class Scanner:
    """One kind of scan: mean intensities of tissues (1 is bright), and what disturbs them.

    Attributes:
        name: Its name.
        share: The share of patients that it scans.
        noise: Standard deviation of the noise, on the scale of the intensities.
        bias: Strength of the bias field: about the spread of its logarithm.
        gain: Raw intensity of a tissue of 1.
    """

    name: str
    share: float
    fat: float
    muscle: float
    cortex: float
    medulla: float
    liver: float
    bone: float
    fluid: float
    vessel: float
    noise: float
    bias: float
    gain: float


SCANNERS = (
    Scanner("T1", 0.45, 0.95, 0.40, 0.62, 0.40, 0.58, 0.66, 0.20, 0.22, 0.025, 0.20, 900),
    Scanner("T1-FS", 0.35, 0.28, 0.44, 0.72, 0.46, 0.66, 0.33, 0.22, 0.78, 0.030, 0.35, 1700),
    Scanner("T2", 0.20, 0.85, 0.24, 0.46, 0.70, 0.40, 0.50, 0.98, 0.10, 0.035, 0.25, 420),
)
"""Without and with suppressed fat, and a rarer one that turns the organ's contrast around."""


def draw_anatomy(
    rng: np.random.Generator,
    scanner: Scanner,
    shape: tuple[int, ...],
    spacing: tuple[float, ...],
    unit: float,
) -> tuple[_Field, NDArray[np.uint8]]:
    """Draw one patient.

    Args:
        rng: Where the patient's shape comes from.
        scanner: Where the intensities come from.
        shape: Voxels along x, y, z.
        spacing: Millimetres between them.
        unit: Millimetres in a unit of length.

    Returns:
        The image without bias and noise, 0 or more, and the label; both of shape (x, y, z).
    """
    canvas = _Canvas(rng, shape, spacing, unit)
    cavity = _draw_body(canvas, scanner)
    _draw_neighbours(canvas, scanner, cavity)
    label = _draw_organ(canvas, scanner, cavity)
    grain = ndimage.gaussian_filter(rng.standard_normal(shape, np.float32), (1.2, 1.2, 0.7))
    return np.clip(canvas.image * (1 + 0.06 * grain / grain.std()), 0, None), label


class _Canvas:
    """An image to paint on, its coordinates, and a patient's random curves."""

    def __init__(
        self,
        rng: np.random.Generator,
        shape: tuple[int, ...],
        spacing: tuple[float, ...],
        unit: float,
    ) -> None:
        self.rng = rng
        self.x, self.y, z = np.meshgrid(
            *(
                ((np.arange(n, dtype=np.float32) - (n - 1) / 2) * step / unit)
                for n, step in zip(shape, spacing, strict=True)
            ),
            indexing="ij",
            sparse=True,
        )
        self.t = z / z.max()  # -1 at the first slice, 1 at the last
        self.softness = 1.2 * spacing[0] / unit
        self.image = np.full(shape, 0.01, dtype=np.float32)

    def curve(self, size: float) -> _Field:
        """A smooth random function of the slice, of about that size."""
        a, b = self.rng.normal(0, size, 2)
        p, q = self.rng.uniform(0, 2 * math.pi, 2)
        wave = a * np.sin(1.3 * self.t + p) + 0.4 * b * np.sin(3.1 * self.t + q)
        return np.asarray(wave, dtype=np.float32)

    def polar(self, cx: _Field | float, cy: _Field | float) -> tuple[_Field, _Field]:
        """Distance from a centre line, and the angle around it."""
        return np.hypot(self.x - cx, self.y - cy), np.arctan2(self.y - cy, self.x - cx)

    def waves(self, angle: _Field, size: float) -> _Field:
        """Relative bumps of an outline that wander from slice to slice."""
        total: _Field = np.zeros_like(angle)
        for k in (2, 3, 4):
            total += self.curve(size / k) * np.cos(k * angle)
            total += self.curve(size / k) * np.sin(k * angle)
        return total

    def blob(self, cx: _Field, cy: _Field, radius: _Field | float, bumps: float) -> _Field:
        """The outline of something roundish around a centre line."""
        r, angle = self.polar(cx, cy)
        return np.asarray(radius * (1 + self.waves(angle, bumps)) - r, dtype=np.float32)

    def paint(self, inside: _Field, intensity: float) -> None:
        """Cover what is inside the outline; a patient's tissues differ by some 5 %."""
        value = np.float32(intensity * self.rng.normal(1, 0.05))
        cover = np.clip(inside / self.softness + 0.5, 0, 1)
        self.image += cover * (value - self.image)


def _draw_body(canvas: _Canvas, scanner: Scanner) -> _Field:
    """Skin and fat, muscle, spine and vessels; returns the outline of the cavity inside."""
    rng, curve = canvas.rng, canvas.curve
    r, angle = canvas.polar(curve(1.0), curve(1.0))
    girth = rng.uniform(0.93, 1.04) * (41 + 3 * np.cos(2 * angle))
    skin = girth * (1 + 0.5 * canvas.waves(angle, 0.02)) - r
    canvas.paint(skin, scanner.fat)
    wall = skin - rng.uniform(3, 7) - 1.5 * np.cos(angle + 1.6)
    canvas.paint(wall, scanner.muscle)
    cavity: _Field = wall - 4.5
    canvas.paint(cavity, 0.5 * (scanner.muscle + scanner.fat))
    x, y = curve(1.0) + 2, curve(1.5) + 21
    canvas.paint(canvas.blob(x, y, 10, 0.06), scanner.bone)
    canvas.paint(canvas.blob(x, y + 8, 3.0, 0.02), scanner.fluid)
    for side in (-1, 1):
        muscle = canvas.blob(x + side * 15 + curve(1), y + curve(1), 7.5, 0.1)
        canvas.paint(muscle, scanner.muscle)
        radius = rng.uniform(2.8, 4)
        vessel = canvas.blob(x + side * 5 + curve(1), y - 13 + curve(1), radius, 0.02)
        canvas.paint(vessel, scanner.vessel)
    return cavity


def _draw_neighbours(canvas: _Canvas, scanner: Scanner, cavity: _Field) -> None:
    """Loops of bowel with walls and contents of any intensity, and an organ like a liver."""
    rng, curve = canvas.rng, canvas.curve
    for _ in range(5):
        x, y = rng.uniform(-6, 24) + curve(4), rng.uniform(-24, -4) + curve(4)
        loop = canvas.blob(x, y, rng.uniform(4, 7.5), 0.15)
        ends = 6 * np.cos(3 * canvas.t + rng.uniform(0, 6)) + 4
        loop = np.minimum(np.minimum(loop, ends), cavity)
        canvas.paint(loop, rng.uniform(0.25, 0.65))
        canvas.paint(loop - 2.2, rng.uniform(0.15, 0.7))
    liver = canvas.blob(curve(3) - 16, curve(3) - 20, rng.uniform(13, 18), 0.12)
    canvas.paint(np.minimum(liver, cavity), scanner.liver)


def _draw_organ(canvas: _Canvas, scanner: Scanner, cavity: _Field) -> NDArray[np.uint8]:
    """The organ between liver and spine; it ends before the first and the last slice."""
    rng, curve, t = canvas.rng, canvas.curve, canvas.t
    u = (t - rng.uniform(-0.1, 0.1)) / rng.uniform(0.64, 0.8)
    size = rng.uniform(14.5, 18.5)
    x = rng.normal(-17, 1.5) + rng.normal(0, 2.5) * t + curve(1.2)
    y = rng.normal(4, 2.5) + rng.normal(0, 3.0) * t + curve(1.2)
    r, angle = canvas.polar(x, y)
    flat, tilt = rng.uniform(0.05, 0.2), rng.uniform(0.6, 1.5)
    stretch = 1 + flat * np.cos(2 * (angle - tilt)) + canvas.waves(angle, 0.04)
    # The hilum is a dent that faces the spine, deepest in the middle of the organ.
    hilum = rng.normal(0.3, 0.3) + curve(0.15)
    off = np.mod(angle - hilum + math.pi, 2 * math.pi) - math.pi
    dent = rng.uniform(0.35, 0.6) * np.exp(-((off / 0.42) ** 2) - (u / 0.55) ** 2)
    outline = size * stretch * (1 - dent)
    organ = np.minimum(outline * _dome(u) - r, cavity)
    lobes, turn = int(rng.integers(5, 9)), rng.uniform(0, 6) + curve(0.5)
    pyramids = 0.68 + 0.1 * np.cos(lobes * angle + turn)
    medulla = np.minimum(outline * _dome(u / 0.8) * pyramids - r, organ)
    to_sinus = np.hypot(
        canvas.x - x - 0.3 * size * np.cos(hilum), canvas.y - y - 0.3 * size * np.sin(hilum)
    )
    sinus = rng.uniform(0.2, 0.32) * size * _dome(u / 0.5) - to_sinus
    canvas.paint(organ + 1.8, scanner.fat)
    canvas.paint(organ, scanner.cortex)
    canvas.paint(medulla, scanner.medulla)
    canvas.paint(sinus, scanner.fat)
    label = np.where(medulla > 0, 2, 1).astype(np.uint8)
    label[(organ <= 0) | (sinus > 0)] = 0
    if rng.random() < 0.3:
        where = rng.uniform(1.5, 5)
        r, _ = canvas.polar(x + size * math.cos(where), y + size * math.sin(where))
        cyst = rng.uniform(3, 5.5) * _dome((u - rng.uniform(-0.5, 0.5)) / 0.35) - r
        canvas.paint(cyst, scanner.fluid)
        label[cyst > 0] = 0
    return label


def _dome(u: _Field) -> _Field:
    """Radius of a unit ball at height `u`; -1 beyond its ends, so that no outline is left."""
    return np.where(np.abs(u) < 1, np.sqrt(np.clip(1 - u * u, 0, None)), -1).astype(np.float32)
