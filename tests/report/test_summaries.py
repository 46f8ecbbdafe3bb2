"""The numbers of a comparison, against arithmetic done by other means."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextslice.report import read_runs, summarise
from nextslice.report.summaries import Spread, groups

WriteRun = Callable[..., Path]

finite = st.floats(0, 1, allow_nan=False)


def test_means_leave_out_the_initial_set_and_go_over_cycles_and_seeds(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.1, 0.6, 0.7], strength=0.5, volumes=2, score_seconds=4)
    write_run("b", [0.9, 0.8, 0.9], strength=1.5, volumes=1, score_seconds=8, seed=1)
    (summary,) = summarise(read_runs(tmp_path))
    dice = [0.6, 0.7, 0.8, 0.9]
    expected = {
        ("dice_3d", "mean"): dice,
        ("dice_3d", "Anterior"): [value + 0.02 for value in dice],
        ("dice_2d", "Posterior"): [value - 0.07 for value in dice],
        ("hd95_3d_mm", "mean"): [10 * (1 - value) for value in dice],
    }
    for key, values in expected.items():
        found = summary.metrics[key]  # type: ignore[index]
        assert found is not None
        assert found.mean == pytest.approx(statistics.fmean(values))
        assert found.std == pytest.approx(statistics.stdev(values))
    # areas by hand: (0.35 + 0.65) / 2 and (0.85 + 0.85) / 2
    for spread, values in (
        (summary.final, [0.7, 0.9]),
        (summary.area, [0.5, 0.85]),
        (summary.strength, [0.5, 0.5, 1.5, 1.5]),
        (summary.volumes, [2.0, 2.0, 1.0, 1.0]),
        (summary.seconds, [4.5, 4.5, 8.5, 8.5]),
    ):
        assert spread is not None
        assert spread.mean == pytest.approx(statistics.fmean(values))
        assert spread.std == pytest.approx(statistics.stdev(values))
        assert spread.count == len(values)
    assert (summary.seeds, summary.cycles, summary.labelled) == (2, 2, (2, 6))


def test_with_one_seed_and_one_cycle_there_is_no_spread(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.5, 0.6])
    (summary,) = summarise(read_runs(tmp_path))
    assert summary.metrics["dice_3d", "mean"] == Spread(0.6, None, 1)
    assert summary.final == Spread(0.6, None, 1)
    assert summary.strength is None


def test_an_unfinished_run_does_not_drag_the_mean_of_finished_ones(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.5, 0.6, 0.7])
    write_run("b", [0.1, 0.2], seed=1, planned=2)
    (summary,) = summarise(read_runs(tmp_path))
    assert summary.metrics["dice_3d", "mean"] == Spread.of([0.6, 0.7])
    assert (summary.seeds, summary.unfinished, summary.provisional) == (1, 1, False)


def test_where_none_is_finished_the_shared_cycles_are_compared(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.5, 0.6, 0.7], planned=5)
    write_run("b", [0.5, 0.8], seed=1, planned=5)
    write_run("c", [], seed=2, planned=5)
    (summary,) = summarise(read_runs(tmp_path))
    assert summary.metrics["dice_3d", "mean"] == Spread.of([0.6, 0.8])
    assert (summary.seeds, summary.unfinished, summary.provisional) == (2, 3, True)


def test_a_seed_counts_once_and_the_run_that_went_farthest_stands_for_it(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.1, 0.1], planned=2)
    write_run("b", [0.5, 0.6, 0.7])
    (group,) = groups(read_runs(tmp_path))
    assert [run.folder.name for run in group.compared] == ["b"]
    assert [run.folder.name for run in group.repeated] == ["a"]


@given(st.lists(finite, min_size=1))
def test_what_is_not_finite_was_not_measured(values: list[float]) -> None:
    assert Spread.of([*values, math.nan, math.inf]) == Spread.of(values)
    assert Spread.of([math.nan]) is None
