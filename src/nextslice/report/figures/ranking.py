"""Where every strategy stands: 3D Dice over all cycles and at the last one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from nextslice.report.drawing import Drawing
from nextslice.report.figures.named_rows import rows
from nextslice.report.runs import Run
from nextslice.report.series import BAND_FROM, per_seed
from nextslice.report.style import QUIET, Look, is_plain_random, looks
from nextslice.report.summaries import confidence, groups
from nextslice.report.tables import plain_text

__all__ = ["draw_ranking"]


def draw_ranking(runs: Sequence[Run]) -> Drawing | None:
    """Every strategy's mean 3D Dice with its 95 % interval, the best on top.

    Args:
        runs: Of one experiment; with one strategy there is nothing to rank.
    """
    compared = [group for group in groups(runs) if group.queried_cycles]
    overall = {g.strategy: values for g in compared if (values := per_seed(g, last=False))}
    if len(overall) < 2:
        return None
    final = {g.strategy: per_seed(g, last=True) for g in compared if g.strategy in overall}
    names = sorted(overall, key=lambda name: -float(np.mean(overall[name])))
    styles = looks(runs)
    drawn = rows(names, ["3D Dice (%), mean over cycles", "3D Dice (%) at the last cycle"])
    random = [g.strategy for g in compared if is_plain_random(g.runs[0])]
    for axes, found in zip(drawn.axes, (overall, final), strict=True):
        _draw_points(axes, [found[name] for name in names], [styles[n] for n in names])
        if len(random) == 1:
            beside = styles[random[0]]
            axes.axvline(
                100 * float(np.mean(found[random[0]])),
                color=beside.colour,
                linestyle=beside.line,
                linewidth=1,
                zorder=1,
            )
    return Drawing(
        "ranking",
        "All strategies, the best on top",
        _caption(overall, random=len(random) == 1),
        "Mean 3D Dice over cycles. "
        + " ".join(
            f"{plain_text(name)}: {100 * float(np.mean(overall[name])):.1f} %."
            for name in names
        ),
        drawn.figure,
    )


def _draw_points(axes: Axes, values: Sequence[Sequence[float]], styles: Sequence[Look]) -> None:
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x", color="#e4e4e4", linewidth=0.7)
    for place, (seeds, look) in enumerate(zip(values, styles, strict=True)):
        y = len(values) - 1 - place
        axes.plot(
            [100 * value for value in seeds],
            [y] * len(seeds),
            "o",
            markersize=2.6,
            color=look.colour,
            alpha=0.4,
            markeredgewidth=0,
            zorder=2,
        )
        interval = confidence(seeds) if len(seeds) >= BAND_FROM else None
        if interval is not None:
            axes.plot(
                [100 * bound for bound in interval],
                [y, y],
                color=look.colour,
                linewidth=1.6,
                zorder=3,
            )
        axes.plot(
            [100 * float(np.mean(seeds))],
            [y],
            linewidth=0,
            markersize=6,
            markeredgewidth=1.3,
            zorder=4,
            **(look.pen | {"linestyle": "none"}),
        )
    axes.spines["left"].set_color(QUIET)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))


def _caption(overall: Mapping[str, Sequence[float]], *, random: bool) -> str:
    parts = ["Large markers: mean over seeds; small dots: the single seeds."]
    if any(len(values) >= BAND_FROM for values in overall.values()):
        parts.append(
            "Bars: 95% confidence interval of that mean (Student's t over seeds). Seeds are "
            "shared by strategies, so two bars may overlap though every pair agrees: the "
            "tables compare pairs."
        )
    if random:
        parts.append("Dotted grey: random.")
    parts.append("The initial set is left out of the mean over cycles.")
    return " ".join(parts)
