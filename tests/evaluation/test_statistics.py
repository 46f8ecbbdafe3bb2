"""The statistics agree with scipy, with closed forms, and with chance itself."""

from __future__ import annotations

import itertools
import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import integrate, stats

from nextslice.errors import SettingsError
from nextslice.evaluation.statistics import (
    Unit,
    area_under_curve,
    confidence,
    fewest_pairs,
    holm,
    pairs_needed,
    penalties,
    sign_flip_p,
    smallest_p,
)

DIFFERENCES = arrays.arrays(
    np.float64,
    st.tuples(st.integers(1, 8), st.integers(1, 4)),
    elements=st.integers(-1000, 1000).map(lambda n: n / 1000),
)


def _correlated(
    rng: np.random.Generator, studies: int, pairs: int, cycles: int, shared: float = 1.0
) -> np.ndarray:
    """Differences of equal strategies: a deviation of the pair, and one of each cycle."""
    of_pair = rng.normal(0, shared, size=(studies, pairs, 1))
    return np.asarray(of_pair + rng.normal(size=(studies, pairs, cycles)))


# --- the permutation test ---


@given(DIFFERENCES)
def test_p_is_the_share_of_all_sign_patterns_that_lie_as_far_from_zero(
    differences: np.ndarray,
) -> None:
    means = differences.mean(axis=1)
    patterns = np.array(list(itertools.product((-1, 1), repeat=len(means))))
    as_far = np.abs(patterns @ means) >= abs(means.sum()) - 1e-9
    assert float(sign_flip_p(differences)) == pytest.approx(as_far.mean())


@pytest.mark.parametrize("pairs", [2, 5, 9])
def test_p_by_run_is_scipy_s_permutation_test_of_samples(pairs: int) -> None:
    differences = np.random.default_rng(pairs).normal(0.4, 1, size=(pairs, 6))
    expected = stats.permutation_test(
        (differences.mean(axis=1),),
        np.mean,
        permutation_type="samples",
        n_resamples=2**pairs,
    ).pvalue
    assert float(sign_flip_p(differences)) == pytest.approx(expected)


def test_p_by_cycle_is_that_of_as_many_pairs_with_one_cycle() -> None:
    differences = np.random.default_rng(3).normal(0.3, 1, size=(3, 4))
    by_cycle = float(sign_flip_p(differences, unit="cycle"))
    assert by_cycle == float(sign_flip_p(differences.reshape(12, 1)))


def test_random_patterns_come_close_to_all_of_them_and_repeat_with_the_seed() -> None:
    units = np.random.default_rng(0).normal(0.5, 1, size=18)  # two more than are enumerated
    sums = np.zeros(1)
    for value in units:
        sums = np.concatenate([sums + value, sums - value])
    exact = (np.abs(sums) >= abs(units.sum()) - 1e-9).mean()
    found = float(sign_flip_p(units[:, np.newaxis], draws=40_000, seed=1))
    error = math.sqrt(exact * (1 - exact) / 40_000)
    assert found == pytest.approx(exact, abs=4 * error)
    assert found == float(sign_flip_p(units[:, np.newaxis], draws=40_000, seed=1))
    assert found != float(sign_flip_p(units[:, np.newaxis], draws=40_000, seed=2))


@pytest.mark.parametrize("pairs", [1, 2, 5, 6, 12])
def test_the_smallest_p_is_reached_where_all_pairs_agree(pairs: int) -> None:
    agreeing = np.arange(1.0, pairs + 1)[:, np.newaxis]
    assert float(sign_flip_p(agreeing)) == smallest_p(pairs)


def test_five_pairs_cannot_be_significant_and_six_can() -> None:
    assert smallest_p(5) == 0.0625
    assert fewest_pairs() == 6


@pytest.mark.parametrize("tests", [1, 2, 4, 9, 16])
@pytest.mark.parametrize("alpha", [0.05, 0.25])
def test_so_few_pairs_can_be_significant_after_the_correction_and_one_less_cannot(
    tests: int, alpha: float
) -> None:
    least = fewest_pairs(tests, alpha)
    for pairs, can in ((least, True), (least - 1, False)):
        agreeing = np.broadcast_to(np.arange(1.0, pairs + 1)[:, np.newaxis], (tests, pairs, 1))
        corrected = holm(sign_flip_p(np.ascontiguousarray(agreeing)))
        assert (corrected < alpha).all() == (corrected < alpha).any() == can


def test_a_random_p_is_never_zero() -> None:
    assert float(sign_flip_p(np.full((40, 1), 9.0), draws=99)) == 0.01


@given(DIFFERENCES, st.sampled_from(["run", "cycle"]))
def test_p_does_not_depend_on_the_direction_the_unit_or_the_order(
    differences: np.ndarray, unit: Unit
) -> None:
    p = float(sign_flip_p(differences, unit=unit))
    assert 0 < p <= 1
    if unit == "run" or differences.size <= 16:  # random patterns depend on the order
        for other in (-differences, 100 * differences, differences[::-1]):
            again = sign_flip_p(np.ascontiguousarray(other), unit=unit)
            assert float(again) == pytest.approx(p)


@given(DIFFERENCES)
def test_what_was_not_measured_is_as_if_it_were_not_there(differences: np.ndarray) -> None:
    nothing = np.full((2, differences.shape[1]), math.nan)
    units: tuple[Unit, Unit] = ("run", "cycle")
    for unit in units:
        more = np.concatenate([differences, nothing])
        if unit == "run" or more.size <= 16:
            p = sign_flip_p(differences, unit=unit)
            assert float(sign_flip_p(more, unit=unit)) == pytest.approx(float(p))
    assert math.isnan(float(sign_flip_p(nothing)))


def test_tests_along_leading_axes_are_separate_ones() -> None:
    many = np.random.default_rng(0).normal(size=(3, 2, 5, 4))
    found = sign_flip_p(many)
    assert found.shape == (3, 2)
    assert found[1, 1] == float(sign_flip_p(many[1, 1]))


def test_another_unit_is_refused() -> None:
    with pytest.raises(SettingsError, match="'run' or 'cycle'"):
        sign_flip_p(np.zeros((2, 2)), unit="pair")  # type: ignore[arg-type]


def test_by_run_one_in_twenty_equal_strategies_is_called_different() -> None:
    """Although the cycles of a run depend on each other, as they do in active learning."""
    studies = 8_000
    differences = _correlated(np.random.default_rng(0), studies, pairs=10, cycles=6)
    found = (sign_flip_p(differences) < 0.05).mean()
    # exact with 10 pairs: 51 of 1024 patterns, in mirror images: 50
    level = 50 / 1024
    error = math.sqrt(level * (1 - level) / studies)
    assert found == pytest.approx(level, abs=3 * error)
    assert found == pytest.approx(0.05, abs=3 * error + 0.0012)


def test_counting_cycles_as_pairs_calls_equal_strategies_different_far_too_often() -> None:
    """Why a run is flipped as a whole: the other reading is wrong one time in three."""
    studies = 1_000
    rng = np.random.default_rng(0)
    alike = _correlated(rng, studies, pairs=10, cycles=6)
    found = (sign_flip_p(alike, unit="cycle", draws=999) < 0.05).mean()
    assert found > 0.25
    unlike = _correlated(rng, studies, pairs=10, cycles=6, shared=0.0)
    found = (sign_flip_p(unlike, unit="cycle", draws=999) < 0.05).mean()
    assert found == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / studies))


def test_random_patterns_keep_the_level_with_more_pairs_than_are_enumerated() -> None:
    studies = 4_000
    differences = _correlated(np.random.default_rng(0), studies, pairs=20, cycles=3)
    found = (sign_flip_p(differences, draws=999) < 0.05).mean()
    assert found == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / studies))


def test_holm_s_method_names_a_false_difference_in_one_study_of_twenty_at_most() -> None:
    """Nine equal strategies against one random, which the tests share: they are dependent."""
    studies, strategies, pairs = 1_500, 9, 10
    values = np.random.default_rng(0).normal(size=(strategies + 1, studies, pairs, 1))
    p_values = sign_flip_p(values[1:] - values[0])
    least = np.array([holm(study).min() for study in p_values.T])
    error = math.sqrt(0.05 * 0.95 / studies)
    assert (least < 0.05).mean() <= 0.05 + 2 * error
    assert (p_values.min(axis=0) < 0.05).mean() > 0.15  # what it is for


@pytest.mark.parametrize(("suits", "low", "high"), [(0.5, 0.11, 0.19), (1.0, 0.21, 0.31)])
def test_a_strategy_that_suits_some_initial_sets_is_called_different_too_often_by_run(
    suits: float, low: float, high: float
) -> None:
    """Five sets with five seeds each; what a set adds has mean 0. Flipped whole, they hold."""
    studies, sets, seeds = 1_500, 5, 5
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(studies, sets, seeds))
    of_set = rng.normal(0, suits, size=(studies, sets, 1))
    by_run = sign_flip_p((noise + of_set).reshape(studies, -1, 1), draws=999)
    assert low < (by_run < 0.05).mean() < high
    by_set = sign_flip_p((noise + of_set).sum(axis=2)[:, :, np.newaxis])
    assert (by_set < 0.07).mean() == pytest.approx(0.0625, abs=0.02)  # the least of 5 sets
    assert not (by_set < 0.05).any()


def test_a_difference_that_is_there_is_found() -> None:
    differences = 1.5 + _correlated(np.random.default_rng(0), 1_000, pairs=10, cycles=6)
    assert (sign_flip_p(differences) < 0.05).mean() > 0.9


# --- Holm ---


@given(arrays.arrays(np.float64, st.integers(0, 9), elements=st.floats(0, 1)))
def test_holm_rejects_what_the_step_down_procedure_rejects(p_values: np.ndarray) -> None:
    corrected = holm(p_values)
    for alpha in (0.01, 0.05, 0.3):
        rejected = np.zeros(len(p_values), dtype=bool)
        for place, at in enumerate(np.argsort(p_values, kind="stable")):
            if p_values[at] * (len(p_values) - place) > alpha:
                break
            rejected[at] = True
        assert (corrected <= alpha).tolist() == rejected.tolist()


@given(arrays.arrays(np.float64, st.integers(1, 9), elements=st.floats(0, 1)))
def test_holm_lies_between_the_p_value_and_bonferroni_s_and_keeps_the_order(
    p_values: np.ndarray,
) -> None:
    corrected = holm(p_values)
    assert (corrected >= p_values).all()
    assert (corrected <= np.minimum(p_values * len(p_values), 1)).all()
    assert (np.diff(corrected[np.argsort(p_values, kind="stable")]) >= 0).all()


def test_what_was_not_tested_counts_as_no_test() -> None:
    found = holm(np.array([0.01, math.nan, 0.04, 0.03]))
    assert found[[0, 2, 3]] == pytest.approx([0.03, 0.06, 0.06])
    assert math.isnan(found[1])


# --- areas, intervals, planning ---


@given(
    st.lists(st.integers(0, 1000), min_size=2, max_size=12, unique=True).map(sorted),
    st.data(),
)
def test_the_area_is_the_trapezoid_rule_and_lies_between_lowest_and_highest(
    labelled: list[int], data: st.DataObject
) -> None:
    values = data.draw(
        st.lists(st.floats(0, 1), min_size=len(labelled), max_size=len(labelled))
    )
    area = area_under_curve(np.array(labelled, dtype=float), np.array(values))
    expected = sum(
        (b - a) * (x + y) / 2
        for (a, b), (x, y) in zip(
            itertools.pairwise(labelled), itertools.pairwise(values), strict=True
        )
    )
    assert area == pytest.approx(expected / (labelled[-1] - labelled[0]), abs=1e-12)
    assert min(values) - 1e-9 <= area <= max(values) + 1e-9


def test_the_area_of_a_straight_line_is_its_middle_and_one_point_has_none() -> None:
    slices = np.array([10.0, 20.0, 40.0])
    assert area_under_curve(slices, slices / 100) == pytest.approx(0.25)
    assert math.isnan(area_under_curve(np.array([10.0]), np.array([0.5])))
    assert integrate.trapezoid([0.0, 1.0], [10.0, 20.0]) / 10 == pytest.approx(
        area_under_curve(np.array([10.0, 20.0]), np.array([0.0, 1.0]))
    )


@given(
    st.lists(st.integers(-1000, 1000), min_size=2, max_size=8, unique=True),
    st.sampled_from([0.8, 0.95]),
)
def test_the_confidence_interval_is_student_s(values: list[int], level: float) -> None:
    found = confidence(np.array(values, dtype=float), level)
    expected = stats.ttest_1samp(values, 0).confidence_interval(level)
    assert found == pytest.approx((expected.low, expected.high))


def test_one_value_has_no_confidence_interval() -> None:
    assert confidence(np.array([0.5])) is None
    assert confidence(np.array([])) is None


@pytest.mark.parametrize(("effect", "pairs"), [(0.2, 199), (0.5, 34), (0.8, 15), (1.0, 10)])
def test_the_pairs_needed_are_those_of_the_tables_for_a_paired_t_test(
    effect: float, pairs: int
) -> None:
    """Cohen's small, medium and large effect: the numbers that any power program gives."""
    values = stats.zscore(np.arange(7.0), ddof=1) + effect
    assert pairs_needed(values) == pairs
    assert pairs_needed(-values) == pairs


def test_so_many_pairs_do_find_the_difference_four_times_in_five() -> None:
    values = stats.zscore(np.arange(9.0), ddof=1) + 0.7
    pairs = pairs_needed(values)
    assert pairs is not None
    rng = np.random.default_rng(0)
    tests = stats.ttest_1samp(rng.normal(0.7, 1, size=(4_000, pairs)), 0, axis=1)
    assert 0.8 - 0.02 < np.mean(tests.pvalue < 0.05) < 0.88


def test_no_number_of_pairs_is_named_where_none_can_be_known() -> None:
    assert pairs_needed(np.array([0.3])) is None
    assert pairs_needed(np.array([-0.1, 0.1])) is None
    assert pairs_needed(np.array([-1.0, 1.01, -1.0, 1.01])) is None


def test_the_larger_the_difference_the_fewer_pairs_are_needed() -> None:
    shape = stats.zscore(np.arange(5.0), ddof=1)
    needed = [pairs_needed(shape + effect) for effect in np.geomspace(0.1, 100, 60)]
    assert None not in needed
    assert needed == sorted(needed, key=lambda pairs: -(pairs or 0))
    assert needed[-1] == fewest_pairs()


def test_the_more_comparisons_the_more_pairs_are_needed() -> None:
    values = stats.zscore(np.arange(7.0), ddof=1) + 0.8
    needed = [pairs_needed(values, tests=tests) for tests in (1, 2, 4, 9)]
    assert needed == sorted(needed, key=lambda pairs: pairs or 0)
    assert needed[3] == pairs_needed(values, alpha=0.05 / 9)
    assert pairs_needed(values + 100, tests=9) == fewest_pairs(9) == 9


@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=6))
def test_planning_warns_of_nothing_and_names_no_fewer_pairs_than_can_be_significant(
    values: list[int],
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = pairs_needed(np.array(values) / 1000)
    assert found is None or fewest_pairs() <= found <= 1000


@pytest.mark.parametrize(("power", "alpha"), [(1.0, 0.05), (0.8, 0.0)])
def test_a_power_or_a_level_that_no_test_has_is_refused(power: float, alpha: float) -> None:
    with pytest.raises(SettingsError, match="between 0 and 1"):
        pairs_needed(np.array([0.1, 0.2]), power=power, alpha=alpha)


# --- the penalty matrix ---


def test_an_entry_is_the_share_of_cycles_whose_paired_t_test_is_significant() -> None:
    values = np.random.default_rng(0).normal(size=(3, 5, 8)) + np.arange(3)[:, None, None]
    found = penalties(values)
    for i, j in itertools.permutations(range(3), 2):
        tests = stats.ttest_rel(values[i], values[j], axis=0)
        expected = ((tests.pvalue < 0.05) & (tests.statistic > 0)).mean()
        assert found[i, j] == pytest.approx(expected)
    assert np.diag(found).tolist() == [0, 0, 0]
    assert found[2, 0] > found[0, 2]


def test_nobody_beats_and_is_beaten_in_the_same_cycle() -> None:
    values = np.random.default_rng(1).normal(size=(4, 3, 20))
    found = penalties(values, alpha=0.5)
    assert (found + found.T <= 1).all()


def test_equal_strategies_beat_each_other_in_one_cycle_of_forty() -> None:
    values = np.random.default_rng(2).normal(size=(2, 5, 20_000))
    assert penalties(values)[0, 1] == pytest.approx(0.025, abs=0.005)


def test_pairs_that_one_of_the_two_lacks_count_for_neither() -> None:
    values = (
        np.random.default_rng(0).normal(size=(2, 6, 4)) + np.array([1.0, 0.0])[:, None, None]
    )
    lacking = values.copy()
    lacking[0, 5] = math.nan
    assert penalties(lacking)[0, 1] == penalties(values[:, :5])[0, 1]
    lacking[0, 1:] = math.nan
    assert math.isnan(penalties(lacking)[0, 1])


def test_a_difference_that_every_pair_repeats_to_the_last_digit_is_a_win() -> None:
    values = np.stack([np.full((3, 2), 0.75), np.full((3, 2), 0.5)])
    assert penalties(values).tolist() == [[0, 1], [0, 0]]
