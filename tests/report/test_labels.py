"""Every name can be read in full, and nothing leaves a figure, however many and long."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from nextslice.report import read_runs
from nextslice.report.figures import draw_all
from nextslice.report.figures.overview import CROWD
from nextslice.report.labels import Legend, crowded
from nextslice.report.lettering import fitted, text_width
from nextslice.report.style import Look

WriteRun = Callable[..., Path]

LONG = "package.of.mine.uncertainties:AnEnsembleWithSharedEncoderAndSnapshots"


def _texts(figure: Figure) -> set[str]:
    """All words of a figure, without the breaks between lines."""
    return {"".join(text.get_text().split()) for text in figure.findobj(Text)}


def _leaves(figure: Figure) -> bool:
    """Whether anything that is drawn reaches over an edge by more than half a point."""
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    drawn = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    room = 0.5 / 72
    return bool(
        min(drawn.x0, drawn.y0) < -room or drawn.x1 > width + room or drawn.y1 > height + room
    )


def _beyond_their_axes(figure: Figure) -> set[int]:
    """Numbers of ticks outside the limits, which matplotlib makes and does not draw."""
    return {
        id(label)
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for place, label in zip(
            axis.get_majorticklocs(), axis.get_majorticklabels(), strict=False
        )
        if not min(axis.get_view_interval()) <= place <= max(axis.get_view_interval())
    }


def _overlapping(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of words that lie on each other by more than half a point either way."""
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    boxes = []
    unseen = _beyond_their_axes(figure)
    for text in figure.findobj(Text):
        if text.get_text().strip() and text.get_visible() and id(text) not in unseen:
            # of an annotation its words alone, without the line that leads to them
            box = Text.get_window_extent(text)
            boxes.append((text.get_text(), box))
    room = 0.5 / 72 * figure.dpi
    return [
        (one, other)
        for (one, a), (other, b) in combinations(boxes, 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > room and min(a.y1, b.y1) - max(a.y0, b.y0) > room
    ]


def _of_the_paper(write_run: WriteRun) -> None:
    write_run("r", [0.5, 0.6])
    write_run("c", [0.5, 0.62], selection="core-set")
    for place, name in enumerate(("entropy", "dropout", "tta", "learning-loss")):
        for selection in ("top-k", "stochastic-batches"):
            value = 0.6 + 0.01 * place
            kinds = {"uncertainty": name, "selection": selection, "strength": 1.0}
            write_run(f"{name}{selection}", [0.5, value], **kinds)


def _long(write_run: WriteRun) -> None:
    for place in range(12):
        chosen = {"name": f"{LONG}{'W' * place}", "parameters": {}}
        write_run(
            f"{place}",
            [0.5, 0.6 + 0.001 * place],
            uncertainty=chosen,
            selection="top-k",
            strength=1.0,
            classes=["a class with a name of many words", f"{'M' * 60}1", f"{'M' * 60}2"],
        )


def _three(write_run: WriteRun) -> None:
    write_run("r", [0.5, 0.6])
    for selection in ("top-k", "stochastic-batches"):
        kinds = {"uncertainty": "learning-loss", "selection": selection, "strength": 1.0}
        write_run(selection, [0.5, 0.7], **kinds)


def _beyond_the_paper(write_run: WriteRun) -> None:
    _of_the_paper(write_run)
    for name in ("stratified", "strided", "foreground-random"):
        write_run(name, [0.5, 0.61], selection=name)
    for name in ("power", "softmax", "soft-rank"):
        write_run(name, [0.5, 0.63], uncertainty="entropy", selection=name, strength=0.8)


def _ablations(write_run: WriteRun) -> None:
    for budget in (5, 10):
        for rate in (0.1, 0.001):
            changes = {"budget": budget, "training": {"learning_rate": rate}}
            write_run(f"r{budget}{rate}", [0.5, 0.6], changes=changes)
            for size in (None, 10, 1000):
                chosen = {"name": "stochastic-batches", "parameters": {"pool_size": size}}
                kinds = {"uncertainty": "dropout", "strength": 1.0, "changes": changes}
                write_run(f"{budget}{rate}{size}", [0.5, 0.6], selection=chosen, **kinds)
            write_run(f"{budget}{rate}", [0.5, 0.6], selection="top-k", **kinds)


def _of_other_lengths(write_run: WriteRun) -> None:
    for budget in (2, 5, 9):
        write_run(f"{budget}", [0.5] + [0.6] * budget, changes={"budget": budget})


WRITERS = (_three, _of_the_paper, _beyond_the_paper, _ablations, _long, _of_other_lengths)


@pytest.mark.parametrize("write", WRITERS)
def test_nothing_leaves_a_figure_and_no_words_overlap(
    write_run: WriteRun, tmp_path: Path, write: Callable[[WriteRun], None]
) -> None:
    write(write_run)
    drawings = draw_all(read_runs(tmp_path))
    assert {"dice", "queries", "times"} <= {drawing.name for drawing in drawings}
    for drawing in drawings:
        assert not _leaves(drawing.figure), drawing.name
        assert _overlapping(drawing.figure) == [], drawing.name


@pytest.mark.parametrize("write", WRITERS)
def test_every_name_stands_in_every_figure_in_full(
    write_run: WriteRun, tmp_path: Path, write: Callable[[WriteRun], None]
) -> None:
    write(write_run)
    runs = read_runs(tmp_path)
    names = {run.strategy for run in runs}
    plain = {run.plain_name for run in runs}
    settings_of = {run.setting for run in runs}
    expected = {
        "dice": plain | settings_of if len(settings_of) > 1 and len(plain) <= CROWD else names,
        "ranking": plain - {"random"},
        "queries": names,
        "times": names,
    }
    for drawing in draw_all(runs):
        told = {"".join(name.split()) for name in expected.get(drawing.name, ())}
        assert told <= _texts(drawing.figure), drawing.name


def test_few_short_names_stand_beside_their_lines(write_run: WriteRun, tmp_path: Path) -> None:
    _three(write_run)
    dice, *_ = draw_all(read_runs(tmp_path))
    assert "random" in {text.get_text() for text in dice.figure.axes[0].texts}


def test_many_lines_have_a_number_at_their_end_that_the_legend_explains(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _of_the_paper(write_run)
    drawings = {drawing.name: drawing for drawing in draw_all(read_runs(tmp_path))}
    dice = drawings["dice"]
    beside = {text.get_text() for text in dice.figure.axes[0].texts}
    assert beside == {str(number) for number in range(1, 11)}
    below = next(axes for axes in dice.figure.axes if not axes.axison)
    legend = [text.get_text() for text in below.texts]
    pairs = dict(zip(legend[::2], legend[1::2], strict=True))
    assert pairs["1"] == "random"
    assert pairs["10"] == "learning loss + stochastic batches"
    assert "legend below" in dice.caption


def test_many_strategies_have_a_row_each_where_queries_are_told(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _of_the_paper(write_run)
    drawings = {drawing.name: drawing for drawing in draw_all(read_runs(tmp_path))}
    assert len(drawings["queries"].figure.axes[0].get_yticklabels()) == 10


def test_a_number_stands_where_its_line_ends(write_run: WriteRun, tmp_path: Path) -> None:
    for selection, cycles in (("random", 2), ("stratified", 5), ("core-set", 9)):
        write_run(selection, [0.5] + [0.6] * cycles, selection=selection)
    dice, *_ = draw_all(read_runs(tmp_path))
    places = {text.get_text(): text.get_position()[0] for text in dice.figure.axes[0].texts}
    assert places["1"] < places["2"] < 1 < places["3"]


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ({str(n): (1.0, n) for n in range(8)}, False),
        ({str(n): (1.0, n) for n in range(9)}, True),
        ({"learning loss + stochastic batches": (1.0, 1.0)}, False),
        ({"x" * 35: (1.0, 1.0)}, True),
        ({"a": (1.0, 1.0), "b": (2.0, 1.0)}, True),
    ],
)
def test_names_give_way_to_numbers_where_they_would_not_fit(
    ends: dict[str, tuple[float, float]], expected: bool
) -> None:
    assert crowded(ends) is expected


def test_the_check_finds_what_leaves_a_figure() -> None:
    figure = Figure(figsize=(1, 1))
    figure.text(0.5, 0.5, "a text that is wider than an inch")
    assert _leaves(figure)


@given(st.lists(st.text(min_size=1, max_size=300), min_size=1, max_size=20, unique=True))
@settings(max_examples=25)
def test_a_legend_of_any_names_stays_within_its_figure(names: list[str]) -> None:
    numbers = {name: number for number, name in enumerate(names, 1)}
    legend = Legend.of(numbers, 500)
    figure = Figure(figsize=(500 / 72, legend.inches), dpi=72)
    legend.draw(figure, dict.fromkeys(names, Look("#000000", "-", "o")))
    assert not _leaves(figure)


@given(st.text(max_size=200), st.floats(30, 300))
def test_lines_are_as_narrow_as_asked_and_lose_no_letter(text: str, points: float) -> None:
    lines = fitted(text, points).split("\n")
    assert all(text_width(line) <= points or len(line) == 1 for line in lines)
    assert len("".join("".join(lines).split())) == len("".join(_shown(text).split()))


def test_names_that_are_cut_stay_apart() -> None:
    start = "x" * 400
    assert fitted(f"{start}1", 5000) != fitted(f"{start}2", 5000)


def _shown(text: str) -> str:
    return fitted(text, 1e9)
