"""3D Dice against what the labels cost, other than their number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nextslice.report.drawing import WIDTH, Drawing, titled
from nextslice.report.figures.bands import FEW, about_bands, draw_lines, limits, show_percent
from nextslice.report.figures.overview import CROWD, highlights
from nextslice.report.figures.panels import Key
from nextslice.report.outlines import Outlines, area_annotated, contour_drawn, volumes_opened
from nextslice.report.runs import Run
from nextslice.report.series import Series, dice_against
from nextslice.report.style import Look, is_plain_random, looks
from nextslice.report.summaries import groups
from nextslice.report.tables import plain_text

__all__ = ["draw_area_cost", "draw_contour_cost", "draw_volume_cost"]


def draw_volume_cost(runs: Sequence[Run]) -> Drawing | None:
    """3D Dice against distinct volumes opened so far.

    Args:
        runs: Of one experiment.
    """
    return _draw(
        runs,
        volumes_opened,
        "dice-by-volumes",
        "3D Dice against volumes opened",
        "Volumes opened so far",
        "The same Dice for fewer volumes is cheaper where opening a scan costs time; slices of "
        "one volume resemble each other, though, and teach less.",
    )


def draw_area_cost(runs: Sequence[Run], outlines: Outlines) -> Drawing | None:
    """3D Dice against the foreground annotated so far.

    Args:
        runs: Of one experiment.
        outlines: Of their queried slices; there is no figure where some strategy's are not
            known.
    """
    return _draw(
        runs,
        lambda run: area_annotated(run, outlines),
        "dice-by-area",
        "3D Dice against foreground annotated",
        "Foreground annotated so far (cm\N{SUPERSCRIPT TWO})",
        "A strategy that asks for slices with much foreground asks for more of the expert's "
        "time. Area: labelled pixels of the queried slices.",
    )


def draw_contour_cost(runs: Sequence[Run], outlines: Outlines) -> Drawing | None:
    """3D Dice against the contour drawn so far.

    Args:
        runs: Of one experiment.
        outlines: Of their queried slices; there is no figure where some strategy's are not
            known.
    """
    return _draw(
        runs,
        lambda run: contour_drawn(run, outlines),
        "dice-by-contour",
        "3D Dice against contour drawn",
        "Contour drawn so far (cm)",
        "A hand's time goes with the length of the line rather than with the area inside. "
        "Contour: around each structure of the queried slices.",
    )


def _draw(
    runs: Sequence[Run],
    cost_of: Callable[[Run], Mapping[int, float]],
    name: str,
    title: str,
    cost: str,
    caption: str,
) -> Drawing | None:
    compared = [group for group in groups(runs) if group.queried_cycles]
    lines = {g.strategy: dice_against(g, cost_of) for g in compared}
    # A cost that is the same in all cycles, or not known of all, is no axis.
    if not all(lines.values()) or all(len(set(series.x)) < 3 for series in lines.values()):
        return None
    styles = looks(runs)
    random = [g.strategy for g in compared if is_plain_random(g.runs[0])]
    reference = random[0] if len(random) == 1 else None
    if len(lines) > CROWD:
        figure = highlights(lines, styles, reference, cost)
        start = "A panel for each strategy: its mean over seeds, all others pale behind it."
    else:
        figure = _together(lines, styles, cost)
        start = "Means over seeds, of the cost and of Dice."
    drawn = len(lines) > CROWD or len(lines) <= FEW
    return Drawing(
        name,
        title,
        " ".join(filter(None, (start, about_bands(lines.values(), drawn=drawn), caption))),
        f"{title}. "
        + " ".join(
            f"{plain_text(of)}: {series.end[1]:.1f} % at {series.end[0]:.0f}."
            for of, series in lines.items()
        ),
        figure,
    )


def _together(lines: Mapping[str, Series], styles: Mapping[str, Look], cost: str) -> Figure:
    """All on one pair of axes, with a key below."""
    key = Key.of(list(lines))
    body = 2.75
    tall = body + key.inches
    figure = Figure(figsize=(WIDTH, tall))
    axes = figure.add_axes((0.085, (key.inches + 0.45) / tall, 0.9, (body - 0.55) / tall))
    draw_lines(axes, lines, styles)
    show_percent(axes, *limits(lines.values(), bands=len(lines) <= FEW))
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))
    titled(axes, "", cost, "3D Dice (%), mean over classes", points=0.9 * WIDTH * 72)
    key.draw(figure, styles)
    return figure
