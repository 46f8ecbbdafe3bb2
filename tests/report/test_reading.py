"""The reading states differences with their spread and claims no more than the seeds allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from nextslice.report import read_runs
from nextslice.report.reading import difference, reading, spread_between_seeds
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


def test_differences_are_taken_pair_by_pair_over_shared_cycles(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.1, 0.5, 0.6, 0.9])
    write_run("b", [0.1, 0.7, 0.9], uncertainty="entropy", selection="top-k")
    write_run("c", [0.1, 0.7, 0.9], uncertainty="entropy", selection="top-k", seed=9)
    random, entropy = groups(read_runs(tmp_path))
    found = difference(entropy, random)
    assert list(found.pairs) == pytest.approx([(0.2 + 0.3) / 2])


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
    _write(write_run, [0.60, 0.70], [0.61, 0.72])
    told = _sentence(reading(read_runs(tmp_path)), "entropy was")
    assert "1.5 Dice points above random" in told
    assert "2 seeds: +1.0, +2.0" in told
    assert "within chance" in told


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
    _write(write_run, [0.6] * seeds, [0.9] * seeds)
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
    assert f"{100 * expected.low:+.1f} to {100 * expected.high:+.1f}." in told
    assert "level with random" in _sentence(sentences, "entropy + stochastic batches was level")
    assert "not corrected" in " ".join(sentences)


def test_an_interval_that_holds_0_is_called_chance(write_run: WriteRun, tmp_path: Path) -> None:
    _write(write_run, [0.6] * 5, [0.5, 0.71, 0.5, 0.7, 0.61])
    assert "this may be chance" in _sentence(reading(read_runs(tmp_path)), "entropy was")


def test_with_is_compared_to_without_stochastic_batches(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _write(write_run, [0.6, 0.6], [0.5, 0.51], [0.7, 0.72])
    sentences = reading(read_runs(tmp_path))
    assert any("20.5 Dice points above entropy" in sentence for sentence in sentences)


def test_strategies_with_another_budget_are_not_compared(
    write_run: WriteRun, tmp_path: Path
) -> None:
    for budget in (2, 5):
        changes = {"budget": budget}
        write_run(f"r{budget}", [0.1, 0.6], changes=changes)
        write_run(
            f"e{budget}",
            [0.1, 0.7],
            changes=changes,
            uncertainty="entropy",
            selection="top-k",
        )
    told = [s for s in reading(read_runs(tmp_path)) if " was " in s]
    assert len(told) == 2
    assert all(sentence.count("budget 2") in {0, 2} for sentence in told)


def test_strategies_without_a_seed_in_common_are_not_compared(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.1, 0.6], seed=0)
    write_run("b", [0.1, 0.7], seed=1, uncertainty="entropy", selection="top-k")
    assert any("no seed in common" in sentence for sentence in reading(read_runs(tmp_path)))


def test_there_may_be_nothing_to_compare(write_run: WriteRun, tmp_path: Path) -> None:
    write_run("a", [0.1], planned=3)
    assert reading(read_runs(tmp_path)) == [
        "No cycle after the initial one is recorded yet: there is nothing to compare."
    ]


def test_one_strategy_alone_is_told_what_it_lacks(write_run: WriteRun, tmp_path: Path) -> None:
    write_run("a", [0.1, 0.2], uncertainty="entropy", selection="top-k")
    assert "run random beside it" in reading(read_runs(tmp_path))[0]
