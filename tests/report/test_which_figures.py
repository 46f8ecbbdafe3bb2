"""Which figures there are for which runs, and that they show the numbers of the runs."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from scipy import stats

from nextslice.report import read_runs
from nextslice.report.drawing import Drawing
from nextslice.report.figures import draw_all
from nextslice.report.figures.bands import about_bands, limits
from nextslice.report.figures.overview import CROWD
from nextslice.report.series import Series
from nextslice.report.style import looks

WriteRun = Callable[..., Path]


def _curve(top: float, seed: int) -> list[float]:
    return [0.5 + 0.01 * seed, (0.5 + top) / 2 + 0.013 * seed, top - 0.007 * seed]


def _pair(write_run: WriteRun, name: str, seeds: int = 3, **more: object) -> None:
    for seed in range(seeds):
        for selection, top in (("top-k", 0.7), ("stochastic-batches", 0.75)):
            write_run(
                f"{name}-{selection}-{seed}-{more}".replace("/", ""),
                _curve(top, seed),
                uncertainty=name,
                selection=selection,
                seed=seed,
                strength=1.0,
                **more,
            )


def _random(write_run: WriteRun, seeds: int = 3, **more: object) -> None:
    for seed in range(seeds):
        name = f"random-{seed}-{more}".replace("/", "")
        write_run(name, _curve(0.72, seed), seed=seed, **more)


def _drawn(tmp_path: Path) -> dict[str, Drawing]:
    return {drawing.name: drawing for drawing in draw_all(read_runs(tmp_path))}


def test_a_small_comparison_has_few_figures(write_run: WriteRun, tmp_path: Path) -> None:
    _random(write_run)
    _pair(write_run, "entropy")
    assert list(_drawn(tmp_path)) == ["dice", "ranking", "queries", "times"]


def test_one_strategy_is_not_ranked(write_run: WriteRun, tmp_path: Path) -> None:
    _random(write_run)
    assert list(_drawn(tmp_path)) == ["dice", "queries", "times"]


def test_volumes_opened_are_a_cost_where_they_grow(write_run: WriteRun, tmp_path: Path) -> None:
    _random(write_run, new_cases=True)
    _pair(write_run, "entropy", new_cases=True, volumes=1)
    (axes, _) = _drawn(tmp_path)["dice-by-volumes"].figure.axes
    ends = {_x(line)[-1] for line in axes.get_lines()}
    assert ends == {3, 6}  # one or two new volumes in each of three cycles


def test_each_uncertainty_has_a_panel_with_without_and_random(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _random(write_run)
    for name in ("entropy", "tta"):
        _pair(write_run, name)
    axes = _panels(_drawn(tmp_path)["pairs"])
    titles = [one.get_title(loc="left") for one in axes]
    parts = ("", ", Anterior", ", Posterior")
    assert titles == [f"{name}{part}" for part in parts for name in ("entropy", "TTA")]
    for one in axes:
        random, without, with_batches = _lines(one)
        assert (_style(with_batches), _style(without), _style(random)) == ("-", "--", "--")
        assert len(one.collections) == 3  # a band each
    means = [statistics.fmean(_curve(0.75, seed)[k] for seed in range(3)) for k in range(3)]
    np.testing.assert_allclose(_y(_lines(axes[0])[2]), 100 * np.array(means))
    np.testing.assert_allclose(_y(_lines(axes[2])[2]), 100 * np.array(means) + 2)


def test_rows_of_panels_have_one_scale(write_run: WriteRun, tmp_path: Path) -> None:
    _random(write_run)
    for name in ("entropy", "tta"):
        _pair(write_run, name)
    axes = _panels(_drawn(tmp_path)["pairs"])
    assert axes[0].get_ylim() == axes[1].get_ylim()
    assert axes[0].get_ylim() != axes[2].get_ylim()


def test_many_strategies_have_a_panel_each_with_random_beside_them(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _random(write_run)
    for place in range(CROWD):
        for seed in range(3):
            chosen = {"name": f"mine.{place}", "parameters": {}}
            name = f"{place}-{seed}"
            write_run(name, _curve(0.7, seed), seed=seed, uncertainty=chosen, selection="top-k")
    dice = _drawn(tmp_path)["dice"]
    axes = _panels(dice)
    assert len(axes) == CROWD + 1
    styles = looks(read_runs(tmp_path))
    for one in axes:
        name = one.get_title(loc="left").replace("\n", " ")
        own = _lines(one)[-1]
        assert own.get_color() == styles[name].colour
        if name != "random":
            assert styles["random"].colour in {line.get_color() for line in one.get_lines()}
    assert "A panel for each strategy" in dice.caption


def test_the_best_strategy_stands_on_top_by_its_difference_to_random(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _random(write_run)
    _pair(write_run, "entropy")
    left, right = _drawn(tmp_path)["ranking"].figure.axes
    names = [label.get_text() for label in left.get_yticklabels()]
    assert names == ["entropy + stochastic batches", "entropy"]
    assert left.get_yticks()[0] > left.get_yticks()[-1]
    bars = [_x(line) for line in right.get_lines() if len(_x(line)) == 2]
    np.testing.assert_allclose(bars[0], [3, 3], atol=1e-4)  # each pair gains 3 points
    single = _x(left.get_lines()[0])
    gains = [np.subtract(_curve(0.75, seed), _curve(0.72, seed))[1:] for seed in range(3)]
    np.testing.assert_allclose(single, 100 * np.mean(gains, axis=1), atol=1e-4)


def test_of_fewer_pairs_no_strategy_ranks_above_the_others(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _random(write_run)
    _pair(write_run, "entropy")
    for seed in range(2):
        write_run(f"c{seed}", _curve(0.9, seed), seed=seed, selection="core-set")
    drawing = _drawn(tmp_path)["ranking"]
    names = [label.get_text() for label in drawing.figure.axes[0].get_yticklabels()]
    assert names[-1] == "core-set (2 pairs)"
    assert "fewer pairs stand below" in drawing.caption


def test_a_rank_never_crosses_settings(write_run: WriteRun, tmp_path: Path) -> None:
    """The larger budget lies higher; a strategy is as good as its gain within each."""
    for budget, level in ((5, 0.6), (10, 0.8)):
        changes = {"budget": budget}
        write_run(f"r{budget}", [0.1, level], changes=changes)
        write_run(
            f"e{budget}",
            [0.1, level + budget / 100],
            changes=changes,
            uncertainty="entropy",
            selection="top-k",
        )
    (left, _) = _drawn(tmp_path)["ranking"].figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["entropy"]
    np.testing.assert_allclose(_x(left.get_lines()[0]), [5, 10], atol=1e-4)


def test_without_random_strategies_of_one_setting_are_ranked_by_dice(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _pair(write_run, "entropy")
    left, right = _drawn(tmp_path)["ranking"].figure.axes
    names = [label.get_text() for label in left.get_yticklabels()]
    assert names == ["entropy + stochastic batches", "entropy"]
    last = [0.75 - 0.007 * seed for seed in range(3)]
    bars = [_x(line) for line in right.get_lines() if len(_x(line)) == 2]
    half = stats.t.ppf(0.975, 2) * np.std(last, ddof=1) / np.sqrt(3)
    mean = np.mean(last)
    np.testing.assert_allclose(bars[0], [100 * (mean - half), 100 * (mean + half)])


def test_each_setting_has_a_panel_of_its_own_runs(write_run: WriteRun, tmp_path: Path) -> None:
    for budget in (5, 10, 15):
        _random(write_run, changes={"budget": budget})
        _pair(write_run, "entropy", changes={"budget": budget})
    drawing = _drawn(tmp_path)["dice"]
    axes = _panels(drawing)
    titles = [one.get_title(loc="left") for one in axes]
    assert titles == [f"budget {budget}" for budget in (5, 10, 15)]
    looks_of = [[(line.get_color(), _style(line)) for line in _lines(one)] for one in axes]
    assert looks_of[0] == looks_of[1] == looks_of[2]
    assert len(looks_of[0]) == 3
    assert all(len(one.collections) == 3 for one in axes)  # three lines have bands
    key = {text.get_text() for text in drawing.figure.axes[-1].texts}
    assert key == {"random", "entropy", "entropy + stochastic batches"}


def test_lines_on_one_pair_of_axes_have_bands_only_where_these_can_be_told_apart(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _random(write_run)
    for name in ("entropy", "tta"):
        _pair(write_run, name)
    dice = _drawn(tmp_path)["dice"]
    assert not dice.figure.axes[0].collections
    assert "have no bands" in dice.caption


def test_bands_of_one_colour_are_told_apart_by_their_edges(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _random(write_run)
    for name in ("entropy", "tta"):
        _pair(write_run, name)
    axes = _panels(_drawn(tmp_path)["pairs"])[0]
    _, without, with_batches = axes.collections
    dashes = [str(band.get_linestyle()) for band in (without, with_batches)]
    assert "None" in dashes[1]  # solid
    assert "None" not in dashes[0]


def test_lines_of_a_panel_go_over_the_seeds_that_all_of_them_have(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _random(write_run, seeds=4)
    _pair(write_run, "entropy", seeds=2)
    _pair(write_run, "tta", seeds=4)
    axes = _panels(_drawn(tmp_path)["pairs"])[:2]
    for one, seeds in zip(axes, (2, 4), strict=True):
        starts = [_y(line)[0] for line in _lines(one)]
        expected = 100 * np.mean([_curve(0.7, seed)[0] for seed in range(seeds)])
        np.testing.assert_allclose(starts, expected)


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=6),
    st.lists(st.floats(0.1, 60), min_size=6, max_size=6),
)
def test_a_band_is_seen_whole_or_said_to_be_cut_off(
    means: list[float], halves: list[float]
) -> None:
    low = tuple(mean - half for mean, half in zip(means, halves, strict=False))
    high = tuple(mean + half for mean, half in zip(means, halves, strict=False))
    series = Series(tuple(map(float, range(len(means)))), tuple(means), low, high)
    bottom, top = limits([series], bands=True)
    assert bottom <= min(means) <= max(means) <= top
    whole = bottom <= min(low) and max(high) <= top
    assert whole != ("cut off" in about_bands([series]))


def test_boxes_span_the_quartiles_over_hyper_parameters_and_seeds(
    write_run: WriteRun, tmp_path: Path
) -> None:
    rates = (0.1, 0.01)
    for rate in rates:
        changes = {"training": {"learning_rate": rate}}
        _random(write_run, changes=changes)
        for seed in range(3):
            top = 0.7 + rate
            for selection in ("top-k", "stochastic-batches"):
                name = f"{rate}-{seed}-{selection}"
                kinds = {"uncertainty": "entropy", "selection": selection, "seed": seed}
                write_run(name, _curve(top, seed), changes=changes, **kinds)
    drawing = _drawn(tmp_path)["boxes"]
    (axes,) = _panels(drawing)
    assert len(axes.patches) == 3 * 3  # random, without, with; three cycles
    values = [100 * _curve(0.7 + rate, seed)[2] for rate in rates for seed in range(3)]
    low, high = np.percentile(values, [25, 75])
    corners = np.asarray(axes.patches[-1].get_path().vertices, dtype=float)[:, 1]
    assert (corners.min(), corners.max()) == (pytest.approx(low), pytest.approx(high))
    assert "over 2 sets of hyper-parameters" in drawing.caption


def test_bars_over_the_number_of_batches_have_student_s_interval(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _random(write_run)
    tops = {1: 0.7, 10: 0.74, 1000: 0.72, None: 0.73}
    for size, top in tops.items():
        chosen = {"name": "stochastic-batches", "parameters": {"pool_size": size}}
        for seed in range(3):
            kinds = {"uncertainty": "entropy", "selection": chosen, "seed": seed}
            write_run(f"{size}-{seed}", _curve(top, seed), **kinds)
    (axes,) = _panels(_drawn(tmp_path)["pool-sizes"])
    assert [text.get_text() for text in axes.get_xticklabels()] == ["1", "10", "1,000", "|U|/B"]
    seeds = [[np.mean(_curve(top, seed)[1:]) for seed in range(3)] for top in tops.values()]
    heights = [bar.get_height() for bar in axes.patches]  # type: ignore[attr-defined]
    np.testing.assert_allclose(heights, [100 * np.mean(values) for values in seeds])
    half = 100 * stats.t.ppf(0.975, 2) * np.std(seeds[0], ddof=1) / np.sqrt(3)
    error = np.asarray(axes.collections[0].get_paths()[0].vertices, dtype=float)
    assert error[1, 1] - error[0, 1] == pytest.approx(2 * half)
    (random,) = [line for line in axes.get_lines() if len(_x(line)) == 2]
    assert _y(random)[0] == pytest.approx(
        100 * np.mean([_curve(0.72, seed)[1:] for seed in range(3)])
    )


def test_an_ablation_of_everything_but_the_strategy_is_no_pair(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.5, 0.6], uncertainty="entropy", selection="top-k", changes={"budget": 5})
    write_run("b", [0.5, 0.6], uncertainty="entropy", selection="stochastic-batches")
    _random(write_run)
    assert "pairs" not in _drawn(tmp_path)


def _panels(drawing: Drawing) -> list[Axes]:
    return [axes for axes in drawing.figure.axes if axes.axison]


def _lines(axes: Axes) -> list[Line2D]:
    """Those with a marker: strategies, no backdrop."""
    return [line for line in axes.get_lines() if line.get_marker() not in {"", "None", None}]


def _style(line: Line2D) -> str:
    return str(line.get_linestyle())


def _x(line: Line2D) -> np.ndarray:
    return np.asarray(line.get_xdata(), dtype=float)


def _y(line: Line2D) -> np.ndarray:
    return np.asarray(line.get_ydata(), dtype=float)
