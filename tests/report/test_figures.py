"""Figures show what was measured, keep the paper's convention, and their names stay apart."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from scipy import stats

from nextslice.report import read_runs
from nextslice.report.drawing import save
from nextslice.report.figures import draw_all
from nextslice.report.labels import name_lines
from nextslice.report.style import Look

WriteRun = Callable[..., Path]

NAMES = st.lists(st.text(min_size=1, max_size=80), min_size=1, max_size=10, unique=True)


def _write(write_run: WriteRun, seeds: int, *, entropy: float = 0.7) -> None:
    for seed in range(seeds):
        step = 0.02 * seed
        write_run(f"r{seed}", [0.5 + step, 0.6 + step, 0.7], seed=seed)
        for selection in ("top-k", "stochastic-batches"):
            write_run(
                f"{selection}{seed}",
                [0.5 + step, 0.6 + step, entropy],
                seed=seed,
                uncertainty="entropy",
                selection=selection,
                strength=1.0,
                score_seconds=3,
            )


def test_the_curve_is_the_mean_over_seeds_with_student_s_band(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _write(write_run, 3)
    (dice, *_) = draw_all(read_runs(tmp_path))
    main = dice.figure.axes[0]
    curve = main.get_lines()[0]
    np.testing.assert_array_equal(_numbers(curve.get_xdata()), [2, 4, 6])
    np.testing.assert_allclose(_numbers(curve.get_ydata()), [52, 62, 70])
    values = [50, 52, 54]
    half = stats.t.ppf(0.975, 2) * np.std(values, ddof=1) / np.sqrt(3)
    corners = _numbers(main.collections[0].get_paths()[0].vertices)
    at_start = corners[corners[:, 0] == 2][:, 1]
    assert (at_start.min(), at_start.max()) == (
        pytest.approx(52 - half),
        pytest.approx(52 + half),
    )


@pytest.mark.parametrize(("seeds", "bands", "lines"), [(1, 0, 3), (2, 0, 9), (3, 3, 3)])
def test_few_seeds_have_lines_of_their_own_and_no_band(
    write_run: WriteRun, tmp_path: Path, seeds: int, bands: int, lines: int
) -> None:
    _write(write_run, seeds)
    main = draw_all(read_runs(tmp_path))[0].figure.axes[0]
    assert len(main.collections) == bands
    assert len(main.get_lines()) == lines


def test_there_is_a_panel_for_the_mean_and_one_for_each_class(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.5, 0.6], classes=["a", "b", "c", "d"])
    titles = [
        axes.get_title(loc="left") for axes in draw_all(read_runs(tmp_path))[0].figure.axes
    ]
    assert titles == ["Mean over classes", "a", "b", "c", "d"]


def test_one_class_is_its_own_mean(write_run: WriteRun, tmp_path: Path) -> None:
    write_run("a", [0.5, 0.6], classes=["gland"])
    titles = [
        axes.get_title(loc="left") for axes in draw_all(read_runs(tmp_path))[0].figure.axes
    ]
    assert titles == ["gland"]


def test_an_unfinished_run_is_drawn_faint_beside_the_mean_of_the_finished(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.5, 0.6, 0.7])
    write_run("b", [0.3, 0.4], seed=1, planned=2)
    faint, mean = draw_all(read_runs(tmp_path))[0].figure.axes[0].get_lines()
    np.testing.assert_allclose(_numbers(faint.get_ydata()), [30, 40])
    np.testing.assert_allclose(_numbers(mean.get_ydata()), [50, 60, 70])
    assert (faint.get_alpha() or 1) < 0.5


def test_every_value_lies_within_the_axes(write_run: WriteRun, tmp_path: Path) -> None:
    _write(write_run, 2, entropy=0.975)
    for drawing in draw_all(read_runs(tmp_path)):
        for axes in drawing.figure.axes:
            low, high = axes.get_ylim()
            for line in axes.get_lines():
                values = _numbers(line.get_ydata())
                assert low <= values.min() <= values.max() <= high


@given(NAMES, st.lists(st.floats(0, 1), min_size=10, max_size=10))
def test_names_at_the_ends_of_lines_never_overlap(
    names: list[str], heights: list[float]
) -> None:
    figure = Figure(figsize=(7, 5), dpi=100)
    axes = figure.add_axes((0.1, 0.02, 0.5, 0.96))
    ends = {name: (1.0, height) for name, height in zip(names, heights, strict=False)}
    styles = dict.fromkeys(names, Look("black", "-", "o"))
    name_lines(axes, ends, styles, height=5 * 0.96 * 72)
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    boxes = []
    for text in axes.texts:
        assert isinstance(text, Annotation)
        boxes.append(super(Annotation, text).get_window_extent())
    boxes = sorted((box for box in boxes if box.height > 0), key=lambda box: box.y0)
    assert all(below.y1 <= above.y0 + 1 for below, above in pairwise(boxes))


def test_names_that_look_like_formulas_are_drawn_as_they_are(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run(
        "a",
        [0.5, 0.6],
        uncertainty="$\\frac{$",
        selection="top-k",
        classes=["$_$", "^$x \N{CJK UNIFIED IDEOGRAPH-6D77}"],
    )
    for drawing in draw_all(read_runs(tmp_path)):
        png, svg, pdf = save(drawing, tmp_path)
        assert png.read_bytes().startswith(b"\x89PNG")
        assert "<svg" in svg.read_text()
        assert pdf.read_bytes().startswith(b"%PDF")


def test_without_measurements_there_is_no_figure(write_run: WriteRun, tmp_path: Path) -> None:
    write_run("a", [], planned=2)
    assert draw_all(read_runs(tmp_path)) == []


def test_the_words_for_those_who_cannot_see_carry_the_numbers(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _write(write_run, 2)
    alt = {drawing.name: drawing.alt for drawing in draw_all(read_runs(tmp_path))}
    assert "random: 70.0 % at 6 slices" in alt["dice"]
    assert "entropy: 0.0 points above random." in alt["ranking"]
    assert "entropy: 2.0 volumes per query" in alt["queries"]
    assert "entropy + stochastic batches: 3.5 s" in alt["times"]


def _numbers(values: object) -> np.ndarray:
    return np.asarray(values, dtype=float)
