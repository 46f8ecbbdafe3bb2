"""What a difference between two strategies is worth, from numbers of paired runs.

Two runs are a pair when they share the initial set and the seed and differ in the strategy.
The cycles of one run depend on each other: each begins with the slices of the one before. So
a pair of runs is one observation, however many cycles it has. The paper calls its test "a
paired permutation test" and says no more. With the 5 initial sets of its hippocampus results a
two-sided test of whole runs cannot give p < 0.05; a one-sided one can (1 / 2**5 is 0.031), and
so can tests that count each cycle, or each test volume, as an observation. The test by run and
the one by cycle are here (``unit``), and the tests show by simulation what the latter costs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
from jaxtyping import Float
from scipy.integrate import trapezoid
from scipy.stats import nct
from scipy.stats import t as student

from nextslice.errors import SettingsError

__all__ = [
    "PValues",
    "PerPair",
    "PerPoint",
    "Unit",
    "area_under_curve",
    "confidence",
    "fewest_pairs",
    "holm",
    "pairs_needed",
    "penalties",
    "sign_flip_p",
    "smallest_p",
]

PerPair = Float[np.ndarray, "pairs"]
"""One number per pair of runs."""

PerPoint = Float[np.ndarray, "points"]
"""One number per point of a curve."""

PValues = Float[np.ndarray, "tests"]
"""One p-value per test."""

Unit = Literal["run", "cycle"]
"""What counts as one observation."""

_EXACT_UNITS: Final = 16
_MOST_PAIRS: Final = 1000
_LARGEST_EFFECT: Final = 20.0  # standard deviations; two pairs find anything larger


def sign_flip_p(
    differences: Float[np.ndarray, "*tests pairs cycles"],
    *,
    unit: Unit = "run",
    draws: int = 9_999,
    seed: int = 0,
) -> Float[np.ndarray, "*tests"]:
    """Two-sided p-value of a paired permutation test of the mean difference.

    If the strategies were the same, the sign of each unit's difference would be a coin toss.
    p is the share of all patterns of signs whose mean lies as far from 0 as the observed one
    does. With up to 16 units every pattern is looked at; with more, `draws` random ones and
    the observed one, so that p is never 0 (Phipson and Smyth, 2010).

    Args:
        differences: One strategy less another, in any unit; NaN where nothing was measured.
            Leading axes are separate tests.
        unit: What is flipped. "run": a pair of runs, all of its cycles together; its
            difference is the mean over its cycles. "cycle": each cycle of each pair by
            itself, which takes cycles of one run for independent and finds differences where
            there is none.
        draws: Random patterns where there are too many to look at all.
        seed: Of these patterns.

    Returns:
        A p in (0, 1] for each test; NaN where nothing was measured at all.
    """
    units = _of_units(differences, unit)
    count = units.shape[-1]
    observed = np.abs(units.sum(axis=-1, keepdims=True))
    # Patterns that tie with the observed one must not drop out by rounding.
    enough = observed - 1e-9 * np.abs(units).sum(axis=-1, keepdims=True)
    exact = count <= _EXACT_UNITS
    signs = _all_signs(count) if exact else _random_signs(count, draws, seed)
    as_far = (np.abs(units @ signs) >= enough).sum(axis=-1)
    share = as_far / signs.shape[-1] if exact else (1 + as_far) / (1 + draws)
    measured = np.isfinite(differences).any(axis=(-2, -1))
    return np.asarray(np.where(measured, share, math.nan))


def smallest_p(pairs: int) -> float:
    """The smallest two-sided p that the test by run can give: all pairs agree in sign.

    Args:
        pairs: How many pairs of runs; at least 1.
    """
    return 2.0 ** (1 - pairs)


def fewest_pairs(tests: int = 1, alpha: float = 0.05) -> int:
    """How few pairs of runs can be significant by the test by run, corrected for its family.

    All pairs agree, and p times the number of tests, which is the largest factor of Holm's
    method, is below alpha: more than 1 + log2(tests / alpha) pairs.

    Args:
        tests: How many tests are corrected together; at least 1.
        alpha: The level that all of them together keep.
    """
    return math.floor(1 + math.log2(tests / alpha)) + 1


def holm(p_values: PValues) -> PValues:
    """p-values corrected for their number by Holm's step-down method (Holm, 1979).

    Rejecting where the corrected p is below alpha keeps the chance of even one false
    rejection among all tests below alpha, however the tests depend on each other.

    Args:
        p_values: Each in [0, 1]; NaN where nothing was tested, which counts as no test.

    Returns:
        The corrected ones, each in [p, 1]; NaN stays NaN.
    """
    corrected = np.full(len(p_values), math.nan)
    tested = np.flatnonzero(np.isfinite(p_values))
    order = tested[np.argsort(p_values[tested], kind="stable")]
    steps = p_values[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected


def area_under_curve(labelled: PerPoint, values: PerPoint) -> float:
    """Area under a value against labelled slices by trapezoids, divided by their range.

    It lies between the lowest and the highest value, in their unit: the mean over the whole
    budget.

    Args:
        labelled: Numbers of labelled slices, rising.
        values: The value at each of them.

    Returns:
        NaN with fewer than two points.
    """
    if len(labelled) < 2:
        return math.nan
    return float(trapezoid(values, labelled) / (labelled[-1] - labelled[0]))


def confidence(
    values: Sequence[float] | PerPair, level: float = 0.95
) -> tuple[float, float] | None:
    """The confidence interval of the mean by Student's t; None with fewer than two values.

    Args:
        values: One per pair (or per run).
        level: In (0, 1).
    """
    count = len(values)
    if count < 2:
        return None
    mean = float(np.mean(values))
    error = float(np.std(values, ddof=1)) / math.sqrt(count)
    half = float(student.ppf((1 + level) / 2, count - 1)) * error
    return mean - half, mean + half


def pairs_needed(
    differences: PerPair, *, power: float = 0.8, alpha: float = 0.05, tests: int = 1
) -> int | None:
    """How many pairs a paired t-test needs to find a difference of the size seen here.

    The noncentral t distribution gives the chance that n pairs find it, taking its mean and
    its standard deviation over the pairs for the true ones. Both are guesses from few pairs,
    and a difference that was picked because it looked large is probably smaller: a rough
    guide for planning, no more.

    Args:
        differences: One per pair.
        power: The wanted chance to find it.
        alpha: The level of the two-sided test, or of all tests of its family together.
        tests: How many tests that family has. The plan is for alpha / tests, where Holm's
            method begins.

    Returns:
        The smallest such number, and never fewer than :func:`fewest_pairs`; None with fewer
        than two pairs, without a difference, or where more than 1,000 would be needed.
    """
    if not (0 < power < 1 and 0 < alpha < 1):
        raise SettingsError(f"Expected power and alpha between 0 and 1, got {power}, {alpha}.")
    least, alpha = fewest_pairs(tests, alpha), alpha / tests
    mean = abs(float(np.mean(differences))) if len(differences) > 1 else 0.0
    if mean == 0:
        return None
    deviation = float(np.std(differences, ddof=1))
    effect = min(mean / deviation if deviation else math.inf, _LARGEST_EFFECT)
    if _power(_MOST_PAIRS, effect, alpha) < power:
        return None
    low, high = 1, _MOST_PAIRS  # `high` pairs are always enough, `low` never
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _power(middle, effect, alpha) >= power else (middle, high)
    return max(high, least)


def penalties(
    values: Float[np.ndarray, "strategies pairs cycles"], *, alpha: float = 0.05
) -> Float[np.ndarray, "strategies strategies"]:
    """Row against column: the share of cycles in which the row's strategy beats the column's.

    One setting's part of the pairwise penalty matrix of Ash et al. (BADGE, ICLR 2020): in
    each cycle, strategy i beats j where a two-sided paired t-test over the pairs gives
    p < alpha and the mean of i is higher. Each such cycle adds 1 / (number of cycles) to
    entry (i, j), so that a setting weighs the same however many cycles it has; the matrix of
    a study is the sum over its settings. A good strategy has a high row and a low column.
    As there, the tests are not corrected for their number: two equal strategies beat each
    other in about alpha / 2 of the cycles each.

    Args:
        values: Higher is better; NaN where a strategy lacks the pair or the cycle.
        alpha: The level of each test.

    Returns:
        In [0, 1]; NaN where no cycle has two pairs that both strategies share; 0 on the
        diagonal.
    """
    gains = values[:, np.newaxis] - values[np.newaxis]
    there = np.isfinite(gains)
    count = there.sum(axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(there, gains, 0.0).sum(axis=2) / count
        around = np.where(there, gains - mean[:, :, np.newaxis], 0.0)
        error = np.sqrt((around**2).sum(axis=2) / (count - 1) / count)
        scores = mean / error  # infinite where all pairs agree to the last digit
        tested = count > 1
        edge = student.ppf(1 - alpha / 2, np.maximum(count - 1, 1))
        share = ((scores > edge) & tested).sum(axis=-1) / tested.sum(axis=-1)
    np.fill_diagonal(share, 0.0)
    return np.asarray(share)


def _of_units(
    differences: Float[np.ndarray, "*tests pairs cycles"], unit: Unit
) -> Float[np.ndarray, "*tests units"]:
    """What is flipped. A unit that was not measured is 0, which no flip can move."""
    there = np.isfinite(differences)
    known = np.where(there, differences, 0.0)
    if unit == "run":
        return np.asarray(known.sum(axis=-1) / np.maximum(there.sum(axis=-1), 1))
    if unit == "cycle":
        return known.reshape(*known.shape[:-2], -1)
    raise SettingsError(f"Expected unit to be 'run' or 'cycle', got {unit!r}.")


def _all_signs(count: int) -> Float[np.ndarray, "units patterns"]:
    """Every pattern but mirror images, which lie as far from 0: the last sign stays."""
    bits = np.arange(2 ** max(count - 1, 0)) >> np.arange(count)[:, np.newaxis]
    return 1.0 - 2.0 * (bits & 1)


def _random_signs(count: int, draws: int, seed: int) -> Float[np.ndarray, "units patterns"]:
    drawn = np.random.default_rng(seed).integers(0, 2, size=(count, draws), dtype=np.int8)
    return 1.0 - 2.0 * drawn


def _power(pairs: int, effect: float, alpha: float) -> float:
    """The chance that a paired t-test finds a true effect of so many standard deviations."""
    freedom, shift = pairs - 1, effect * math.sqrt(pairs)
    edge = student.ppf(1 - alpha / 2, freedom)
    wrong_side = nct.cdf(-edge, freedom, shift)  # scipy: NaN where it is next to nothing
    return float(nct.sf(edge, freedom, shift) + np.nan_to_num(wrong_side))
