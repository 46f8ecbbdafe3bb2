"""Tables 2 to 4 of the paper: the strategies stand side by side, one column each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from nextslice.report.busy import on_busy_machines
from nextslice.report.columns import (
    METRIC_TITLES,
    OVER,
    TERMS,
    Blocks,
    column,
    footnotes,
    slug,
)
from nextslice.report.lines import Line, blocks_of
from nextslice.report.runs import MEAN
from nextslice.report.stars import INFORMED
from nextslice.report.summaries import METRICS, Group, Spread, median, sampling_seconds
from nextslice.report.tables import NOTHING, Cell, Head, Table, number, plain_text
from nextslice.report.varied import INITIAL, TRAINING, families
from nextslice.wording import counted

__all__ = ["initial_sizes", "sampling_times", "training_settings"]

_ARROWS = {True: "\N{UPWARDS ARROW}", False: "\N{DOWNWARDS ARROW}"}


def sampling_times(members: Sequence[Group], titles: Mapping[str, str]) -> list[Table]:
    """Table 2: seconds to score and select, a row for each data set and setting.

    Args:
        members: Groups with queries.
        titles: Experiment -> its short title, empty where it is the only one.
    """
    rows = []
    for experiment, setting in dict.fromkeys((g.experiment, g.setting) for g in members):
        label = _joined(titles[experiment], setting) or "Time (s)"
        own = [g for g in members if (g.experiment, g.setting) == (experiment, setting)]
        seconds = {group.plain_name: sampling_seconds(group) for group in own}
        rows += [
            (f"{label}, median", {k: number(median(v), 2) for k, v in seconds.items()}),
            (f"{label}, mean", {k: _mean(v) for k, v in seconds.items()}),
        ]
    each = "for each row" if len({g.setting for g in members}) > 1 else ""
    return _tables(
        "Table 2",
        "Sampling time in seconds: scoring the pool and selecting, over queries and runs. A "
        "query that had to wait for a busy machine drags the mean up, and the median hardly. "
        "Times compare only between runs that had the same machine to themselves.",
        "",
        rows,
        blocks_of(members),
        partial(_on_times, members, titles, each),
        means=False,
    )


def initial_sizes(members: Sequence[Group], titles: Mapping[str, str]) -> list[Table]:
    """Table 3: mean 3D Dice, a row for each size of the initial set; none if it never varied.

    Args:
        members: Groups with queries.
        titles: Experiment -> its short title, empty where it is the only one.
    """
    tables = []
    for experiment, words, family in families(members, INITIAL):
        sizes: dict[object, list[Group]] = {}
        for group in family:
            sizes.setdefault(group.runs[0].config.get("initial"), []).append(group)
        if len(sizes) == 1:
            continue
        blocks = blocks_of(family)
        rows = [
            (
                f"{plain_text(str(size))} slices",
                column(blocks, sizes[size], "dice_3d", MEAN, by_block=True),
            )
            for size in sorted(sizes, key=_natural)
        ]
        tables += _tables(
            _joined("Table 3", titles[experiment], words),
            f"Initial sets of different sizes. 3D DSC, mean over classes: {OVER}. DSC: Dice in "
            "percent, higher is better. Bold: the best of an uncertainty in a row.",
            "Initial set",
            rows,
            blocks,
            partial(footnotes, family, titles=titles, each="for each size"),
        )
    return tables


def training_settings(members: Sequence[Group], titles: Mapping[str, str]) -> list[Table]:
    """Table 4: a row for each metric, over all sets of training settings; none if there is one.

    Args:
        members: Groups with queries.
        titles: Experiment -> its short title, empty where it is the only one.
    """
    tables = []
    for experiment, words, family in families(members, TRAINING):
        sets = {group.setting for group in family}
        if len(sets) == 1:
            continue
        blocks = blocks_of(family)
        unit = family[0].compared[0].distance_unit
        rows = [
            (
                f"{METRIC_TITLES[metric]} ({_ARROWS[metric != 'hd95_3d_mm']} best"
                + (f", {unit})" if metric == "hd95_3d_mm" else ")"),
                column(blocks, family, metric, MEAN, by_block=True),
            )
            for metric in METRICS
        ]
        tables += _tables(
            _joined("Table 4", titles[experiment], words),
            f"Results over {counted(len(sets), 'set')} of training settings. Mean over "
            f"classes: {OVER}. {TERMS} Bold: the best of an uncertainty in a row. Pairs are "
            "formed within a set.",
            "Metric",
            rows,
            blocks,
            partial(_on_training, family, titles),
        )
    return tables


def _tables(
    title: str,
    caption: str,
    stub: str,
    rows: Sequence[tuple[str, Mapping[str, Cell]]],
    blocks: Blocks,
    notes: Callable[[Blocks], tuple[str, ...]],
    *,
    means: bool = True,
) -> list[Table]:
    """The paper's strategies in one table, all others in a second one."""
    known = [block for block in blocks if block[0].kind != "other"]
    others = [(line,) for block in blocks if block[0].kind == "other" for line in block]
    tables = []
    for more, part in (("", known), ("other strategies", others)):
        if not part:
            continue
        lines = [line for block in part for line in block]
        heads = tuple(
            Head(_named(block[0]), len(block), mean=means, marked=means) for block in part
        )
        parts = tuple(Head(line.part, mean=means, marked=means) for line in lines)
        tables.append(
            Table(
                key=slug(*title.split(", "), more),
                title=_joined(title, more),
                caption=caption,
                stubs=(stub,),
                header=(heads, parts) if any(line.part for line in lines) else (heads,),
                blocks=(
                    tuple(
                        (
                            Cell(label),
                            *(cells.get(line.strategy, Cell(NOTHING)) for line in lines),
                        )
                        for label, cells in rows
                    ),
                ),
                footnotes=notes(part),
            )
        )
    return tables


def _on_times(
    members: Sequence[Group], titles: Mapping[str, str], each: str, blocks: Blocks
) -> tuple[str, ...]:
    """The footnotes of table 2, with what trainings tell of other work on the machine."""
    busy = on_busy_machines([run for group in members for run in group.compared])
    notes = footnotes(members, blocks, titles, each=each, timed=True)
    return (*notes, busy) if busy else notes


def _on_training(
    family: Sequence[Group], titles: Mapping[str, str], blocks: Blocks
) -> tuple[str, ...]:
    """The footnotes of table 4, with the strategies that lack some sets of settings."""
    notes = footnotes(family, blocks, titles, each="of each set", together=True)
    if any(line.kind == "with" for block in blocks for line in block):
        notes += (
            "Pairs of one seed in several sets share what the seed decides, and count as "
            "separate pairs here.",
        )
    sets = {group.setting for group in family}
    there: dict[str, set[str]] = {}
    for group in family:
        there.setdefault(group.plain_name, set()).add(group.setting)
    lacking = [
        f"{_joined(line.block, line.part)}: {len(there[line.strategy])}"
        for block in blocks
        for line in block
        if there[line.strategy] != sets
    ]
    return (*notes, f"Not run with all sets: {'; '.join(lacking)}.") if lacking else notes


def _mean(values: Sequence[float]) -> Cell:
    spread = Spread.of(values)
    return number(None if spread is None else spread.mean, 2)


def _named(line: Line) -> str:
    return line.block + (INFORMED if line.informed else "")


def _natural(value: object) -> tuple[bool, int, str]:
    whole = isinstance(value, int)
    return not whole, int(str(value)) if whole else 0, str(value)


def _joined(*words: str) -> str:
    return ", ".join(plain_text(word) for word in words if word)
