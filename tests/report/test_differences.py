"""Pairs share the initial set and the seed, and never cross a setting or an experiment."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from nextslice.report import read_runs
from nextslice.report.differences import (
    Difference,
    against_random,
    difference,
    over_settings,
    with_and_without,
)
from nextslice.report.reading import reading
from nextslice.report.runs import Metric
from nextslice.report.significance import statistics_tables
from nextslice.report.summaries import Group, groups
from nextslice.report.varied import against_matched_noise

WriteRun = Callable[..., Path]
ENTROPY = {"uncertainty": "entropy", "selection": "top-k"}
BATCHES = {"uncertainty": "entropy", "selection": "stochastic-batches"}


def _groups(folder: Path) -> list[Group]:
    return list(groups(read_runs(folder)))


def _names(pairs: list[tuple[Group, Group]]) -> list[tuple[str, str]]:
    return [(first.strategy, second.strategy) for first, second in pairs]


def test_differences_are_taken_pair_by_pair_over_shared_cycles(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.1, 0.5, 0.6, 0.9])
    write_run("b", [0.1, 0.7, 0.9], **ENTROPY)
    write_run("c", [0.1, 0.7, 0.9], **ENTROPY, seed=9)
    random, entropy = _groups(tmp_path)
    found = difference(entropy, random)
    assert found.values == pytest.approx(np.array([[0.2, 0.3]]))
    assert found.mean == pytest.approx(0.25)
    assert difference(entropy, random, "hd95_3d_mm").mean == pytest.approx(-2.5)


def test_the_same_seed_with_another_initial_set_is_no_pair(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.1, 0.5], changes={"initial_seed": 1})
    write_run("b", [0.1, 0.7], **ENTROPY, changes={"initial_seed": 2})
    random, entropy = _groups(tmp_path)
    assert difference(entropy, random).pairs == 0
    write_run("c", [0.1, 0.8], **ENTROPY, changes={"initial_seed": 1})
    random, entropy = _groups(tmp_path)
    assert difference(entropy, random).per_pair == pytest.approx([0.3])


def test_every_initial_set_with_every_seed_is_a_pair(
    write_run: WriteRun, tmp_path: Path
) -> None:
    for initial in range(3):
        for seed in range(2):
            chance = {"seed": seed, "changes": {"initial_seed": initial}}
            write_run(f"r{initial}{seed}", [0.1, 0.5], **chance)
            write_run(f"e{initial}{seed}", [0.1, 0.6], **chance, **ENTROPY)
    random, entropy = _groups(tmp_path)
    assert difference(entropy, random).pairs == 6


def test_p_by_set_flips_all_pairs_of_an_initial_set_together(
    write_run: WriteRun, tmp_path: Path
) -> None:
    gains = ([0.1, 0.2, 0.1], [0.1, 0.1], [-0.1, 0.05, 0.1])
    for initial, of_seeds in enumerate(gains):
        for seed, gain in enumerate(of_seeds):
            chance = {"seed": seed, "changes": {"initial_seed": initial}}
            write_run(f"r{initial}{seed}", [0.1, 0.5], **chance)
            write_run(f"e{initial}{seed}", [0.1, 0.5 + gain], **chance, **ENTROPY)
    random, entropy = _groups(tmp_path)
    found = difference(entropy, random)
    assert (found.pairs, found.sets, found.crossed) == (8, 3, True)
    expected = stats.permutation_test(
        ([sum(of_seeds) for of_seeds in gains],), np.mean, permutation_type="samples"
    ).pvalue
    assert found.p_by_set() == pytest.approx(float(expected)) == 0.25


def test_pairs_with_an_initial_set_each_are_not_crossed_and_both_tests_agree() -> None:
    found = _of([0.1], [0.2], [-0.05], [0.1])
    assert not found.crossed
    assert found.p_by_set() == found.p()


def test_comparisons_stay_within_a_setting_and_an_experiment(
    write_run: WriteRun, tmp_path: Path
) -> None:
    for budget in (2, 5):
        write_run(f"r{budget}", [0.1, 0.6], changes={"budget": budget})
        write_run(f"e{budget}", [0.1, 0.7], changes={"budget": budget}, **ENTROPY)
        write_run(f"s{budget}", [0.1, 0.8], changes={"budget": budget}, **BATCHES)
    write_run("other", [0.1, 0.9], changes={"data": {"folder": "/x/Other"}}, **BATCHES)
    found = _groups(tmp_path)
    for pairs in (against_random(found), with_and_without(found)):
        assert all(a.setting == b.setting for a, b in pairs)
        assert all(a.experiment == b.experiment for a, b in pairs)
    assert len(against_random(found)) == 4
    assert len(with_and_without(found)) == 2


def test_over_settings_pairs_stand_below_each_other(
    write_run: WriteRun, tmp_path: Path
) -> None:
    for budget, gain in ((2, 0.1), (5, 0.3)):
        changes = {"budget": budget}
        write_run(f"r{budget}", [0.1, *[budget / 10] * budget], changes=changes)
        write_run(
            f"e{budget}", [0.1, *[budget / 10 + gain] * budget], changes=changes, **ENTROPY
        )
    (found,) = over_settings(against_random(_groups(tmp_path)))
    assert (found.first, found.second) == ("entropy", "random")
    assert found.per_pair == pytest.approx([0.1, 0.3])  # a run counts once, however long
    assert found.by_setting == pytest.approx({"budget 2": 0.1, "budget 5": 0.3})


def test_batches_are_set_against_the_same_uncertainty_alone(
    write_run: WriteRun, tmp_path: Path
) -> None:
    eight, sixteen = (
        {"name": "dropout", "parameters": {"samples": samples}} for samples in (8, 16)
    )
    write_run("a", [0.1, 0.6], uncertainty=eight, selection="top-k")
    write_run("b", [0.1, 0.6], uncertainty=sixteen, selection="stochastic-batches")
    write_run("c", [0.1, 0.6], uncertainty=eight, selection="stochastic-batches")
    assert _names(with_and_without(_groups(tmp_path))) == [
        ("dropout + stochastic batches", "dropout")
    ]


def _ruled(inner: str, *, cap: int | None = None, apart: int | None = None) -> object:
    """A selection under a cap of slices per volume, under a minimum distance, or both."""
    found: dict[str, object] = {"name": inner, "parameters": {}}
    for name, own in (
        ("minimum-distance", {"slices": apart}),
        ("volume-cap", {"per_volume": cap}),
    ):
        if None not in own.values():
            found = {"name": name, "parameters": {**own, "selection": found}}
    return found


def test_batches_under_rules_are_set_against_the_top_slices_under_the_same_rules(
    write_run: WriteRun, tmp_path: Path
) -> None:
    """Whatever else ran: another cap, one rule of two, none at all, or another uncertainty."""
    rules: tuple[dict[str, int], ...] = ({}, {"cap": 1}, {"cap": 2}, {"cap": 1, "apart": 5})
    for place, rule in enumerate(rules):
        for inner in ("top-k", "stochastic-batches"):
            selection = _ruled(inner, **rule)
            write_run(f"{inner}{place}", [0.1, 0.6], uncertainty="entropy", selection=selection)
    lone = _ruled("stochastic-batches", apart=5)
    write_run("lone", [0.1, 0.6], uncertainty="entropy", selection=lone)
    write_run("tta", [0.1, 0.6], uncertainty="tta", selection=_ruled("top-k", apart=5))
    assert sorted(_names(with_and_without(_groups(tmp_path)))) == [
        ("entropy + stochastic batches", "entropy"),
        ("entropy + stochastic batches, 1 per volume", "entropy, 1 per volume"),
        ("entropy + stochastic batches, 2 per volume", "entropy, 2 per volume"),
        (
            "entropy + stochastic batches, 5 slices apart, 1 per volume",
            "entropy, 5 slices apart, 1 per volume",
        ),
    ]


def test_batches_are_set_against_noise_of_their_strength_over_the_same_uncertainty(
    write_run: WriteRun, tmp_path: Path
) -> None:
    """Not against noise of another strength, nor with another number of batches."""
    fewer = {"name": "stochastic-batches", "parameters": {"pool_size": 9}}
    for place, (uncertainty, selection) in enumerate(
        [
            ("entropy", "stochastic-batches"),
            ("entropy", fewer),
            ("entropy", "power"),
            ("tta", "stochastic-batches"),
        ]
    ):
        write_run(f"{place}", [0.1, 0.6], uncertainty=uncertainty, selection=selection)
    for name, dice in (("power", 0.5), ("softmax", 0.55)):
        matched = {"name": name, "parameters": {"match": "stochastic-batches"}}
        write_run(name, [0.1, dice], uncertainty="entropy", selection=matched)
    assert _names(against_matched_noise(_groups(tmp_path))) == [
        ("entropy + stochastic batches", "entropy + power noise, matched"),
        ("entropy + stochastic batches", "entropy + softmax noise, matched"),
    ]
    runs = read_runs(tmp_path)
    (table,) = (t for t in statistics_tables(runs) if t.key.startswith("against-noise"))
    assert [row[3].text for row in table.rows] == ["+10.00", "+5.00"]
    assert any("above entropy + power noise, matched" in told for told in reading(runs))


def test_random_that_was_scored_is_compared_with_plain_random(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.1, 0.6], uncertainty="entropy", selection="random")
    write_run("b", [0.1, 0.6])
    assert _names(against_random(_groups(tmp_path))) == [
        ("random (scored by entropy)", "random")
    ]


def _of(*rows: list[float], metric: Metric = "dice_3d") -> Difference:
    values = np.array(rows, dtype=float)
    keys = tuple((seed, seed, 0) for seed in range(len(rows)))
    return Difference("a", "b", metric, values, ("",) * len(rows), keys)


def test_lower_is_better_for_distances_alone() -> None:
    assert _of([0.1]).first_is_better
    assert not _of([0.1], metric="hd95_3d_mm").first_is_better
    assert _of([-0.1], metric="hd95_3d_mm").first_is_better


def test_no_fewer_pairs_are_said_to_be_needed_than_the_test_takes() -> None:
    assert _of([0.10], [0.11], [0.09]).needed() == 6
    assert _of([0.10], [0.11], [0.09]).needed(tests=9) == 9
    assert _of([0.1], [-0.1]).needed() is None


def test_two_pairs_however_alike_have_no_interval() -> None:
    assert _of([0.10], [0.11]).interval is None
    assert _of([0.10], [0.11], [0.12]).interval is not None


def test_pairs_are_unanimous_where_three_or_more_agree() -> None:
    assert _of([0.1], [0.2], [0.1]).unanimous
    assert not _of([0.1], [0.2]).unanimous
    assert not _of([0.1], [0.2], [0.0]).unanimous
    assert not _of([0.1], [0.2], [-0.1]).unanimous


def test_without_a_pair_there_is_no_number(write_run: WriteRun, tmp_path: Path) -> None:
    write_run("a", [0.1, 0.6], seed=1)
    write_run("b", [0.1, 0.6], **ENTROPY)
    (pair,) = against_random(_groups(tmp_path))
    found = difference(*pair)
    assert math.isnan(found.mean)
    assert math.isnan(found.p())
    assert found.interval is None
    assert found.needed() is None
