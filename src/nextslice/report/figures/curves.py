"""The learning curves of all strategies (figures 2 to 4 of the paper)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nextslice.report.drawing import WIDTH, Drawing, titled
from nextslice.report.figures.bands import (
    FEW,
    about_bands,
    draw_line,
    limits,
    show_percent,
)
from nextslice.report.figures.overview import CROWD, highlights
from nextslice.report.figures.per_setting import draw_settings
from nextslice.report.labels import Legend, crowded, name_lines, number_lines
from nextslice.report.runs import MEAN, Run
from nextslice.report.series import BAND_FROM, Series, dice_series
from nextslice.report.style import Look, looks
from nextslice.report.summaries import Group, groups
from nextslice.report.tables import plain_text

__all__ = ["draw_dice"]

_PER_ROW = 3


def draw_dice(runs: Sequence[Run]) -> Drawing | None:
    """3D Dice against labelled slices: the mean over classes above, each class below it.

    Where settings were varied, each has a panel, the mean over classes alone. So have
    strategies where they are more than one pair of axes can hold.

    Args:
        runs: Of one experiment.
    """
    compared = [group for group in groups(runs) if group.cycles]
    lines = {g.strategy: series for g in compared if (series := dice_series(g))}
    if not lines:
        return None
    varied = _varied(compared)
    if varied:
        return _of_settings(varied)
    many = len(lines) > CROWD
    styles = looks(runs)
    if many:
        figure = highlights(lines, styles, _random(compared), "Labelled slices")
        numbered = False
    else:
        figure, numbered = _together(runs, compared, lines, styles)
    return Drawing(
        "dice",
        "3D Dice against labelled slices",
        _caption(compared, numbered=numbered, many=many),
        "3D Dice, mean over classes, against labelled slices. "
        + " ".join(_told_end(name, series) for name, series in lines.items()),
        figure,
    )


def _varied(compared: Sequence[Group]) -> list[Group]:
    """Groups in several settings that each fit on one pair of axes; else nothing."""
    drawn = [group for group in compared if dice_series(group)]
    counts = Counter(group.setting for group in drawn)
    return drawn if len(counts) > 1 and max(counts.values()) <= CROWD else []


def _of_settings(varied: Sequence[Group]) -> Drawing:
    figure, lines = draw_settings(varied)
    banded = max(Counter(group.setting for group in varied).values()) <= FEW
    parts = (
        "3D Dice against labelled slices in each setting, means over seeds and classes. Solid: "
        "with stochastic batches. Dashed: without. Dotted grey: random.",
        about_bands(lines.values(), drawn=banded),
    )
    return Drawing(
        "dice",
        "3D Dice against labelled slices, setting by setting",
        " ".join(filter(None, parts)),
        "3D Dice, mean over classes, against labelled slices. "
        + " ".join(_told_end(name, series) for name, series in lines.items()),
        figure,
    )


def _together(
    runs: Sequence[Run],
    compared: Sequence[Group],
    lines: Mapping[str, Series],
    styles: Mapping[str, Look],
) -> tuple[Figure, bool]:
    """All lines on one pair of axes, and whether they are numbered."""
    classes = tuple(dict.fromkeys(name for group in compared for name in group.runs[0].classes))
    small = classes if len(classes) > 1 else ()
    rows = math.ceil(len(small) / _PER_ROW)
    columns = min(len(small), _PER_ROW) or 1
    ends = {name: series.end for name, series in lines.items()}
    numbers = {g.strategy: n for n, g in enumerate(groups(runs), 1) if g.strategy in ends}
    legend = Legend.of(numbers, WIDTH * 72) if crowded(ends) else None
    each, wide = (0.26, 0.635) if legend is None else (0.17, 0.86)
    top, bottom = max(3.1, each * len(compared) + (0.6 if legend is None else 0.78)), 2.15
    tall = top + rows * bottom + (0 if legend is None else legend.inches)
    figure = Figure(figsize=(WIDTH, tall))

    main = figure.add_axes((0.085, (tall - top + 0.48) / tall, wide, (top - 0.78) / tall))
    _draw_curves(main, compared, styles, MEAN, size=4.2)
    title = "Mean over classes" if small else plain_text(classes[0] if classes else MEAN)
    titled(main, title, "Labelled slices", "3D Dice (%)", points=wide * WIDTH * 72)
    height = (top - 0.78) * 72
    if legend is None:
        name_lines(main, ends, styles, height=height)
    else:
        number_lines(main, ends, styles, numbers, height=height)
        legend.draw(figure, styles)

    gap = 0.075
    width = (0.985 - 0.085 - gap * (columns - 1)) / columns
    for place, name in enumerate(small):
        row, column = divmod(place, _PER_ROW)
        left = 0.085 + column * (width + gap)
        base = (tall - top - (row + 1) * bottom + 0.46) / tall
        axes = figure.add_axes((left, base, width, (bottom - 0.82) / tall))
        _draw_curves(axes, compared, styles, name, size=3)
        what = "3D Dice (%)" if column == 0 else ""
        titled(axes, name, "Labelled slices", what, points=width * WIDTH * 72)
    return figure, legend is not None


def _draw_curves(
    axes: Axes, compared: Sequence[Group], styles: Mapping[str, Look], name: str, *, size: float
) -> None:
    shown: list[Series] = []
    for group in compared:
        look = styles[group.strategy]
        faint = [*group.unfinished] if group.compared and group.compared[0].finished else []
        if len(compared) <= FEW and 1 < len(group.compared) < BAND_FROM:
            faint += group.compared
        shown += [_single(_recorded(run, name)) for run in faint]
        for run in faint:
            curve = _recorded(run, name)
            axes.plot(
                list(curve),
                [100 * value for value in curve.values()],
                color=look.colour,
                alpha=0.38,
                linewidth=0.8,
                linestyle=look.line,
            )
        mean = dice_series(group, name)
        shown.append(mean)
        draw_line(axes, mean, look, size=size, band=len(compared) <= FEW)
    if any(shown):
        show_percent(axes, *limits(filter(None, shown), bands=len(compared) <= FEW))
    counts = sorted(
        {n for group in compared for run in group.runs for n in run.recorded.values()}
    )
    if len(counts) <= 8:
        axes.set_xticks(counts)


def _recorded(run: Run, name: str) -> dict[int, float]:
    """Labelled slices -> 3D Dice in all cycles of a run, compared or not."""
    dice = run.metric("dice_3d", name)
    return {run.recorded[cycle]: dice[cycle] for cycle in sorted(dice)}


def _single(curve: Mapping[int, float]) -> Series:
    """One run's line, which has no band."""
    nothing = (math.nan,) * len(curve)
    return Series(tuple(curve), tuple(100 * v for v in curve.values()), nothing, nothing)


def _random(compared: Sequence[Group]) -> str | None:
    """The strategy that all others are measured against, where it is one."""
    names = [group.strategy for group in compared if group.runs[0].selection.name == "random"]
    return names[0] if len(names) == 1 else None


def _told_end(name: str, series: Series) -> str:
    slices, percent = series.end
    return f"{plain_text(name)}: {percent:.1f} % at {slices:.0f} slices."


def _caption(compared: Sequence[Group], *, numbered: bool, many: bool) -> str:
    counts = {len(group.compared) for group in compared}
    parts = ["Lines with markers: mean over seeds."]
    if many:
        parts = ["A panel for each strategy: its mean over seeds, all others pale behind it."]
        if _random(compared) is not None:
            parts.append("Dotted grey: random.")
    if numbered:
        parts.append("The numbers at their ends are those of the legend below.")
    parts.append(about_bands(map(dice_series, compared), drawn=many or len(compared) <= FEW))
    if len(counts) > 1:
        parts.append(
            "Strategies differ in how many seeds they have, and so begin at different heights: "
            "only differences of pairs compare."
        )
    if any(1 < count < BAND_FROM for count in counts):
        few = "" if many or len(compared) > FEW else "Faint lines: the single seeds. "
        parts.append(f"{few}Two seeds are too few for a confidence interval.")
    if 1 in counts:
        parts.append("Where there is one seed, its line is all there is: no spread is known.")
    if not many and any(group.unfinished and group.compared[0].finished for group in compared):
        parts.append("Faint lines also show runs that are not finished.")
    return " ".join(filter(None, parts))
