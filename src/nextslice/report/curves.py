"""The learning curves: 3D Dice against labelled slices (figures 2 to 4 of the paper)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nextslice.report.drawing import WIDTH, Drawing, titled
from nextslice.report.labels import Legend, crowded, name_lines, number_lines
from nextslice.report.runs import MEAN, Run
from nextslice.report.style import Look, looks
from nextslice.report.summaries import Group, confidence, groups
from nextslice.report.tables import plain_text

__all__ = ["draw_dice"]

_BAND_FROM = 3  # with 2 seeds the interval is 9 standard deviations wide and tells nothing
_PER_ROW = 3
_FEW = 4  # more bands than these on top of each other must be fainter


def draw_dice(runs: Sequence[Run]) -> Drawing | None:
    """3D Dice against labelled slices: the mean over classes above, each class below it.

    Args:
        runs: Of one experiment.
    """
    compared = [group for group in groups(runs) if group.cycles]
    if not any(group.curve(run) for group in compared for run in group.compared):
        return None
    styles = looks(runs)
    classes = tuple(dict.fromkeys(name for group in compared for name in group.runs[0].classes))
    small = classes if len(classes) > 1 else ()
    rows = math.ceil(len(small) / _PER_ROW)
    columns = min(len(small), _PER_ROW) or 1
    ends = {group.strategy: _end(group) for group in compared if _mean_curve(group, MEAN)}
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
    return Drawing(
        "dice",
        "3D Dice against labelled slices",
        _dice_caption(compared, numbered=legend is not None),
        "3D Dice, mean over classes, against labelled slices. "
        + " ".join(_told_end(group) for group in compared if _mean_curve(group, MEAN)),
        figure,
    )


def _draw_curves(
    axes: Axes, compared: Sequence[Group], styles: Mapping[str, Look], name: str, *, size: float
) -> None:
    shown: list[float] = []
    for group in compared:
        look = styles[group.strategy]
        mean = _mean_curve(group, name)
        shown += [100 * v for run in group.compared for v in group.curve(run, name).values()]
        faint = [*group.unfinished] if group.compared and group.compared[0].finished else []
        if 1 < len(group.compared) < _BAND_FROM:
            faint += group.compared
        for run in faint:
            dice = run.metric("dice_3d", name)
            axes.plot(
                [run.recorded[cycle] for cycle in sorted(dice)],
                [100 * dice[cycle] for cycle in sorted(dice)],
                color=look.colour,
                alpha=0.38,
                linewidth=0.8,
                linestyle=look.line,
            )
        _draw_band(axes, group, name, look, few=len(compared) <= _FEW)
        axes.plot(
            list(mean),
            [100 * value for value in mean.values()],
            color=look.colour,
            linestyle=look.line,
            marker=look.marker,
            markersize=size,
            linewidth=1.7 if size > 4 else 1.3,
            zorder=3,
        )
    if shown:
        room = max(0.06 * (max(shown) - min(shown)), 0.4)
        axes.set_ylim(max(0.0, min(shown) - room), min(100.0, max(shown) + room))
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    counts = sorted(
        {n for group in compared for run in group.runs for n in run.recorded.values()}
    )
    if len(counts) <= 8:
        axes.set_xticks(counts)


def _draw_band(axes: Axes, group: Group, name: str, look: Look, *, few: bool) -> None:
    if len(group.compared) < _BAND_FROM:
        return
    mean = _mean_curve(group, name)
    bands = [confidence(_at(group, name, slices)) for slices in mean]
    low, high = zip(*(band or (math.nan, math.nan) for band in bands), strict=True)
    axes.fill_between(
        list(mean),
        100 * np.array(low),
        100 * np.array(high),
        color=look.colour,
        alpha=0.13 if few else 0.06,
        linewidth=0,
    )


def _at(group: Group, name: str, slices: int) -> list[float]:
    curves = [group.curve(run, name) for run in group.compared]
    return [curve[slices] for curve in curves if slices in curve]


def _mean_curve(group: Group, name: str) -> dict[int, float]:
    """Labelled slices -> mean over seeds, where every compared run has a value."""
    curves = [group.curve(run, name) for run in group.compared]
    common = set.intersection(*(set(curve) for curve in curves)) if curves else set()
    return {n: float(np.mean([curve[n] for curve in curves])) for n in sorted(common)}


def _end(group: Group) -> tuple[float, float]:
    slices, value = list(_mean_curve(group, MEAN).items())[-1]
    return slices, 100 * value


def _told_end(group: Group) -> str:
    slices, percent = _end(group)
    return f"{plain_text(group.strategy)}: {percent:.1f} % at {slices:.0f} slices."


def _dice_caption(compared: Sequence[Group], *, numbered: bool) -> str:
    counts = {len(group.compared) for group in compared}
    parts = ["Lines with markers: mean over seeds."]
    if numbered:
        parts.append("The numbers at their ends are those of the legend below.")
    if max(counts) >= _BAND_FROM:
        parts.append("Bands: 95% confidence interval of that mean (Student's t over seeds).")
    if any(1 < count < _BAND_FROM for count in counts):
        parts.append(
            "Faint lines: the single seeds; two of them are too few for a confidence interval."
        )
    if 1 in counts:
        parts.append("Where there is one seed, its line is all there is: no spread is known.")
    if any(group.unfinished and group.compared[0].finished for group in compared):
        parts.append("Faint lines also show runs that are not finished.")
    return " ".join(parts)
