"""The reading states differences with their spread and claims no more than the seeds allow."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from nextslice.evaluation.statistics import pairs_needed
from nextslice.report import read_runs
from nextslice.report.figures import draw_all
from nextslice.report.paper import paper_tables
from nextslice.report.reading import reading, spread_between_seeds
from nextslice.report.significance import statistics_tables
from nextslice.report.summaries import groups

WriteRun = Callable[..., Path]


def _write(
    write_run: WriteRun,
    random: Sequence[float],
    entropy: Sequence[float],
    with_batches: Sequence[float] = (),
) -> None:
    for seed, value in enumerate(random):
        write_run(f"r{seed}", [0.1, value, value], seed=seed)
    for seed, value in enumerate(entropy):
        write_run(
            f"e{seed}", [0.1, value, value], seed=seed, uncertainty="entropy", selection="top-k"
        )
    for seed, value in enumerate(with_batches):
        write_run(
            f"s{seed}",
            [0.1, value, value],
            seed=seed,
            uncertainty="entropy",
            selection="stochastic-batches",
        )


def _sentence(sentences: Sequence[str], start: str) -> str:
    (found,) = [sentence for sentence in sentences if sentence.startswith(start)]
    return found


def test_the_spread_between_seeds_is_the_pooled_deviation_of_their_means(
    write_run: WriteRun, tmp_path: Path
) -> None:
    random, entropy = [0.6, 0.7], [0.5, 0.6, 0.8]
    _write(write_run, random, entropy)
    pooled = (np.var(random, ddof=1) + 2 * np.var(entropy, ddof=1)) / 3
    found = spread_between_seeds(groups(read_runs(tmp_path)))
    assert found == pytest.approx(np.sqrt(pooled))


def test_a_difference_within_the_spread_is_called_chance(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _write(write_run, [0.60, 0.70], [0.602, 0.73])
    told = _sentence(reading(read_runs(tmp_path)), "entropy was")
    assert "1.6 Dice points above random" in told
    assert "2 pairs: +0.2, +3.0" in told
    assert "no more than differences vary from pair to pair (2.0)" in told
    assert "within chance" in told


def test_a_difference_is_seen_beside_the_spread_of_pairs_not_of_seeds(
    write_run: WriteRun, tmp_path: Path
) -> None:
    """Seeds lie far apart, and yet every pair gains the same."""
    _write(write_run, [0.40, 0.60, 0.80], [0.41, 0.612, 0.811])
    sentences = reading(read_runs(tmp_path))
    assert "deviation of 20.0 points" in sentences[0]
    assert "same initial set and seed varies with 0.1" in sentences[0]
    assert "a trend; 3 pairs are too few" in _sentence(sentences, "entropy was")


@pytest.mark.parametrize("pairs", [2, 3, 4, 5])
def test_a_difference_that_is_not_significant_always_comes_with_a_number_of_pairs(
    write_run: WriteRun, tmp_path: Path, pairs: int
) -> None:
    gains = [0.02, 0.03, 0.01, 0.04, 0.02][:pairs]
    _write(write_run, [0.6] * pairs, [0.6 + gain for gain in gains])
    told = _sentence(reading(read_runs(tmp_path)), "entropy was")
    assert re.search(r"To show a difference of this size: (about|at least) \d+ pairs?", told)
    assert ("All 5 pairs agree: a hint" in told) == (pairs == 5)


@pytest.mark.parametrize("pairs", [3, 4])
def test_four_pairs_that_agree_are_no_hint(
    write_run: WriteRun, tmp_path: Path, pairs: int
) -> None:
    for seed in range(pairs):
        write_run(f"r{seed}", [0.1, 0.6], seed=seed)
        for place, name in enumerate(("entropy", "dropout", "tta", "learning-loss")):
            dice = [0.1, 0.61 + place / 100 + seed / 500]
            write_run(f"{name}{seed}", dice, seed=seed, uncertainty=name, selection="top-k")
    sentences = reading(read_runs(tmp_path))
    assert not any("hint" in sentence for sentence in sentences)
    assert "pairs more" in _sentence(sentences, "Not told apart from random")


def test_initial_sets_with_several_seeds_come_with_p_by_set_and_a_warning(
    write_run: WriteRun, tmp_path: Path
) -> None:
    for initial in range(3):
        for seed in range(3):
            chance = {"seed": seed, "changes": {"initial_seed": initial}}
            write_run(f"r{initial}{seed}", [0.1, 0.5], **chance)
            dice = [0.1, 0.52 + initial / 50 + seed / 500]
            write_run(
                f"e{initial}{seed}", dice, **chance, uncertainty="entropy", selection="top-k"
            )
    sentences = reading(read_runs(tmp_path))
    told = _sentence(sentences, "entropy was")
    assert "p = 0.0039, by initial set p = 0.25 (3 sets)" in told
    assert told.endswith(
        "a significant difference for these initial sets, not shown for others."
    )
    assert any("equal in every initial set" in sentence for sentence in sentences)


def test_one_initial_set_is_said_to_be_one(write_run: WriteRun, tmp_path: Path) -> None:
    for seed in range(3):
        chance = {"seed": seed, "changes": {"initial_seed": 7}}
        write_run(f"r{seed}", [0.1, 0.5], **chance)
        write_run(f"e{seed}", [0.1, 0.6], **chance, uncertainty="entropy", selection="top-k")
    assert any("holds for this set" in sentence for sentence in reading(read_runs(tmp_path)))


def test_each_number_of_batches_is_compared_with_one(
    write_run: WriteRun, tmp_path: Path
) -> None:
    for pool_size in (1, 10, 100):
        selection = {"name": "stochastic-batches", "parameters": {"pool_size": pool_size}}
        for seed in range(2):
            write_run(
                f"{pool_size}-{seed}",
                [0.1, 0.5 + pool_size / 1000 + seed / 100],
                seed=seed,
                uncertainty="entropy",
                selection=selection,
            )
    sentences = reading(read_runs(tmp_path))
    for pool_size, gain in ((10, "0.9"), (100, "9.9")):
        _sentence(
            sentences,
            f"entropy + stochastic batches (Q = {pool_size}) was {gain} Dice points above "
            "entropy + stochastic batches (Q = 1)",
        )


def test_a_sign_that_changes_is_called_chance(write_run: WriteRun, tmp_path: Path) -> None:
    _write(write_run, [0.60, 0.70], [0.70, 0.69])
    assert "The sign changes" in _sentence(reading(read_runs(tmp_path)), "entropy was")


def test_a_large_difference_between_few_pairs_is_a_trend_and_no_more(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _write(write_run, [0.60, 0.61], [0.70, 0.72])
    told = _sentence(reading(read_runs(tmp_path)), "entropy was")
    assert "a trend; 2 pairs are too few to rule out chance" in told


def test_one_seed_proves_nothing(write_run: WriteRun, tmp_path: Path) -> None:
    _write(write_run, [0.6], [0.9])
    sentences = reading(read_runs(tmp_path))
    assert "without a second seed nobody can tell" in sentences[0]
    assert "may as well be chance" in _sentence(sentences, "entropy was")


@pytest.mark.parametrize("seeds", [1, 2, 3, 4])
def test_there_is_no_interval_and_no_significance_below_five_pairs(
    write_run: WriteRun, tmp_path: Path, seeds: int
) -> None:
    _write(write_run, [0.6] * seeds, [0.9] * seeds, [0.95] * seeds)
    text = " ".join(reading(read_runs(tmp_path))).lower()
    assert "signific" not in text
    assert "interval" not in text


def test_from_five_pairs_on_the_interval_is_that_of_a_paired_t_test(
    write_run: WriteRun, tmp_path: Path
) -> None:
    random, entropy = [0.60, 0.62, 0.61, 0.66, 0.63], [0.65, 0.66, 0.63, 0.69, 0.70]
    _write(write_run, random, entropy, random)
    sentences = reading(read_runs(tmp_path))
    expected = stats.ttest_rel(entropy, random).confidence_interval(0.95)
    told = _sentence(sentences, "entropy was 4.2 Dice points above random")
    assert f"{100 * expected.low:+.1f} to {100 * expected.high:+.1f}, p = 0.062" in told
    assert "All 5 pairs agree: a hint" in told
    assert "level with random" in "".join(sentences)
    assert "not corrected" in " ".join(sentences)


def test_five_pairs_are_said_to_be_too_few_however_well_they_agree(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _write(write_run, [0.6, 0.61, 0.62, 0.6, 0.6], [0.9, 0.92, 0.91, 0.9, 0.93])
    text = " ".join(reading(read_runs(tmp_path)))
    assert "the smallest p that the test by run can give is 0.0625" in text
    assert "takes 6 pairs at least" in text
    assert "a significant difference" not in text


def test_a_difference_that_six_pairs_agree_on_is_significant(
    write_run: WriteRun, tmp_path: Path
) -> None:
    gains = [0.02, 0.03, 0.01, 0.04, 0.02, 0.03]
    _write(write_run, [0.6] * 6, [0.6 + gain for gain in gains])
    told = _sentence(reading(read_runs(tmp_path)), "entropy was 2.5 Dice points above random")
    assert told.endswith("p = 0.031: a significant difference.")


def test_a_correction_that_takes_significance_away_is_told(
    write_run: WriteRun, tmp_path: Path
) -> None:
    gains = [0.02, 0.03, 0.01, 0.04, 0.02, 0.03]
    _write(write_run, [0.6] * 6, [0.6] * 6, [0.6 + gain for gain in gains])
    told = _sentence(
        reading(read_runs(tmp_path)),
        "entropy + stochastic batches was 2.5 Dice points above random",
    )
    assert "p = 0.031 (0.062 after Holm's correction)" in told
    assert "a significant difference" not in told


def test_what_may_be_chance_comes_with_the_pairs_it_would_take(
    write_run: WriteRun, tmp_path: Path
) -> None:
    entropy = [0.62, 0.59, 0.63, 0.58, 0.62, 0.61]
    _write(write_run, [0.6] * 6, entropy)
    gains = np.subtract(entropy, 0.6)
    needed = pairs_needed(gains)
    assert needed is not None
    told = _sentence(reading(read_runs(tmp_path)), "entropy was 0.8 Dice points above")
    assert f"may be chance. To show a difference of this size: about {needed - 6} pairs" in told


def test_worse_than_random_is_said_as_plainly(write_run: WriteRun, tmp_path: Path) -> None:
    _write(write_run, [0.6] * 7, [0.55, 0.56, 0.54, 0.55, 0.53, 0.55, 0.56])
    told = _sentence(reading(read_runs(tmp_path)), "entropy was")
    assert "Dice points below random" in told
    assert "a significant difference" in told


def test_with_is_compared_to_without_stochastic_batches(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _write(write_run, [0.6, 0.6], [0.5, 0.51], [0.7, 0.72])
    sentences = reading(read_runs(tmp_path))
    assert any("20.5 Dice points above entropy" in sentence for sentence in sentences)


def test_many_comparisons_with_random_are_sorted_by_what_can_be_said(
    write_run: WriteRun, tmp_path: Path
) -> None:
    gains = {
        "better": [0.10, 0.11, 0.12, 0.10, 0.13, 0.11, 0.10, 0.12],
        "worse": [-0.10, -0.11, -0.12, -0.10, -0.13, -0.11, -0.10, -0.12],
        "open": [0.03, -0.02, 0.04, 0.01, -0.01, 0.02, 0.00, 0.03],
        "same": [0.0] * 8,
    }
    for seed in range(8):
        write_run(f"r{seed}", [0.1, 0.6], seed=seed)
        for name, each in gains.items():
            write_run(
                f"{name}{seed}",
                [0.1, 0.6 + each[seed]],
                seed=seed,
                uncertainty=f"pkg:{name}",
                selection="top-k",
            )
    for seed in range(5):
        write_run(f"few{seed}", [0.1, 0.8], seed=seed, selection="core-set")
    write_run("lone", [0.1, 0.9], seed=99, uncertainty="entropy", selection="top-k")
    sentences = reading(read_runs(tmp_path))
    assert "pkg:better (+11.1, p = 0.039)" in _sentence(sentences, "Significantly above random")
    assert "pkg:worse (-11.1" in _sentence(sentences, "Significantly below random")
    hint = _sentence(sentences, "Above random in every pair")
    assert re.search(r"core-set \(\+20.0, p = 0.062, about \d+ pairs more\)", hint)
    untold = _sentence(sentences, "Not told apart from random")
    assert "pkg:open (+1.3, about" in untold
    assert "pkg:same (level)" in untold
    assert _sentence(sentences, "Without a seed in common").endswith("random: entropy.")


def test_settings_are_told_together_and_pairs_stay_within_them(
    write_run: WriteRun, tmp_path: Path
) -> None:
    for budget, gain in ((2, 0.1), (5, 0.2)):
        for seed in range(3):
            chance = {"changes": {"budget": budget}, "seed": seed}
            write_run(f"r{budget}{seed}", [0.1, budget / 10], **chance)
            write_run(
                f"e{budget}{seed}",
                [0.1, budget / 10 + gain + seed / 100],
                **chance,
                uncertainty="entropy",
                selection="top-k",
            )
    sentences = reading(read_runs(tmp_path))
    assert (
        "2 strategies with 3 seeds each in each of 2 settings (budget 2, budget 5)"
        in (sentences[0])
    )
    told = _sentence(sentences, "entropy was 16.0 Dice points above random")
    assert "6 pairs; budget 2: +11.0; budget 5: +21.0" in told
    assert any("in several settings, share" in one for one in sentences)


def test_the_reading_by_cycle_is_told_with_its_fault(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _write(write_run, [], [0.5, 0.51, 0.52, 0.5], [0.6, 0.62, 0.6, 0.65])
    told = _sentence(reading(read_runs(tmp_path)), "If each cycle counted as a pair")
    assert "1 of 1 comparison with and without" in told  # 8 cycles agree, 4 pairs
    assert "says less than it seems to" in told


def test_initial_sets_are_not_called_seeds(write_run: WriteRun, tmp_path: Path) -> None:
    for initial in (1, 2):
        chance = {"changes": {"initial_seed": initial}}
        write_run(f"r{initial}", [0.1, 0.5], **chance)
        write_run(f"e{initial}", [0.1, 0.6], **chance, uncertainty="entropy", selection="top-k")
    assert "2 strategies with 2 runs each. Between runs" in reading(read_runs(tmp_path))[0]


def test_strategies_without_a_seed_in_common_are_not_compared(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.1, 0.6], seed=0)
    write_run("b", [0.1, 0.7], seed=1, uncertainty="entropy", selection="top-k")
    assert any("no seed in common" in sentence for sentence in reading(read_runs(tmp_path)))


def test_without_dice_strategies_are_compared_by_what_they_asked_for(
    write_run: WriteRun, tmp_path: Path
) -> None:
    """Live projects have no test cases: there is no Dice, and no word of one."""
    write_run("a", [math.nan, math.nan])
    write_run("b", [math.nan, math.nan], uncertainty="entropy", selection="top-k", strength=2)
    runs = read_runs(tmp_path)
    first, *others = reading(runs)
    assert first.startswith("No Dice on test cases is recorded")
    assert any(sentence.startswith("Volumes in a query") for sentence in others)
    assert any(sentence.startswith("Queries scored") for sentence in others)
    assert [table.key for table in (*paper_tables(runs), *statistics_tables(runs))] == [
        "table-2"
    ]
    assert [drawing.name for drawing in draw_all(runs)] == ["queries", "times"]


def test_a_strategy_without_dice_is_named_and_left_out(
    write_run: WriteRun, tmp_path: Path
) -> None:
    """It is not said to have no seed in common, nor counted as a comparison."""
    _write(write_run, random=[0.6, 0.7], entropy=[0.5, 0.6])
    before = reading(read_runs(tmp_path))
    for seed in range(2):
        write_run(f"m{seed}", [math.nan] * 3, seed=seed, selection="core-set")
    told = reading(read_runs(tmp_path))
    assert "No Dice on test cases is recorded of core-set: not compared by it." in told
    assert [s for s in told if s in before] == [s for s in before if "Volumes" not in s]
    (table,) = [t for t in statistics_tables(read_runs(tmp_path)) if t.key.startswith("ag")][:1]
    assert [row[0].text for row in table.rows] == ["entropy"]


def test_strategies_that_share_no_seed_have_no_table_of_differences(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.1, 0.6], seed=0)
    write_run("b", [0.1, 0.7], seed=1, uncertainty="entropy", selection="top-k")
    assert [table.key for table in statistics_tables(read_runs(tmp_path))] == ["summary"]


def test_there_may_be_nothing_to_compare(write_run: WriteRun, tmp_path: Path) -> None:
    write_run("a", [0.1], planned=3)
    assert reading(read_runs(tmp_path)) == [
        "No cycle after the initial one is recorded yet: there is nothing to compare."
    ]


def test_one_strategy_alone_is_told_what_it_lacks(write_run: WriteRun, tmp_path: Path) -> None:
    write_run("a", [0.1, 0.2], uncertainty="entropy", selection="top-k")
    assert "run random beside it" in reading(read_runs(tmp_path))[0]


def test_volumes_and_strength_are_told_with_and_without_side_by_side(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("r", [0.1, 0.5])
    write_run(
        "e", [0.1, 0.5], uncertainty="entropy", selection="top-k", strength=2.6, volumes=1
    )
    write_run(
        "s", [0.1, 0.5], uncertainty="entropy", selection="stochastic-batches", strength=0.9
    )
    sentences = reading(read_runs(tmp_path))
    assert "random 2.0; entropy 1.0, with stochastic batches 2.0." in _sentence(
        sentences, "Volumes in a query"
    )
    assert "entropy 2.6, with stochastic batches 0.9." in _sentence(sentences, "Queries scored")
