"""What the page says in words about the runs of one experiment."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from nextslice.report.apart import unnamed_differences
from nextslice.report.busy import on_busy_machines
from nextslice.report.changed import on_accepted_changes, on_other_code
from nextslice.report.facts import settings_of
from nextslice.report.runs import Run
from nextslice.report.summaries import Spread, groups
from nextslice.report.tables import duration, plain_text
from nextslice.wording import counted

__all__ = ["about", "class_count", "lead", "notes", "run_row", "strategy_rows"]

_MANY = 6  # things that a note lists


def about(runs: Sequence[Run]) -> str:
    """What they ran on and how, in a line for the head of the page."""
    first = ("Data", "Preset", "Initial set", "Queries", "Budget per query")
    found = [f"{label}: {value}" for label, value in settings_of(runs) if label in first]
    return " \N{MIDDLE DOT} ".join(found)


def lead(runs: Sequence[Run]) -> str:
    """How much there is: runs, strategies, seeds, time."""
    strategies = len({run.strategy for run in runs})
    seeds = len({run.pair for run in runs})
    total = math.fsum(run.working_seconds() for run in runs)
    return (
        f"{counted(len(runs), 'run')}: {counted(strategies, 'strategy', 'strategies')}, "
        f"{counted(seeds, 'seed')}; {duration(total)} of training, scoring, selecting and "
        "evaluating."
    )


def notes(runs: Sequence[Run]) -> list[str]:
    """What a reader must know before comparing anything."""
    found = []
    unfinished = [run for run in runs if not run.finished]
    if unfinished:
        told = _first(
            f"{plain_text(run.strategy)}, seed {run.seed} ({_progress(run)})"
            for run in unfinished
        )
        found.append(
            f"Not finished: {told}. Where a strategy has finished runs, only these are "
            "compared."
        )
    found += [
        f"{plain_text(group.strategy)} has several runs of one seed; the one that went "
        "farthest counts, the others are left out."
        for group in groups(runs)
        if group.repeated
    ]
    if len({_canonical(run.environment.get("hardware")) for run in runs}) > 1:
        found.append("The runs are from different machines: their times do not compare.")
    found += filter(
        None, [on_busy_machines(runs), on_other_code(runs), on_accepted_changes(runs)]
    )
    if _same_name_other_data(runs):
        found.append(
            "The runs read data of one name and other content: scans or labels were changed "
            "in between, or two folders share a name. Their results do not compare."
        )
    unnamed = unnamed_differences([run.config for run in runs])
    if unnamed:
        found.append(
            f"Some runs differ in more than their names say: {plain_text(_first(unnamed))}."
        )
    lengths = {group.queried_cycles for group in groups(runs)}
    if len(lengths) > 1:
        found.append(
            "The strategies were not run for the same cycles: means over cycles in the tables "
            "do not compare; the differences in the reading are over shared cycles only."
        )
    return found


def _first(things: Iterable[str]) -> str:
    """A list that stays short."""
    told = list(things)
    more = f"; and {len(told) - _MANY} more" if len(told) > _MANY else ""
    return "; ".join(told[:_MANY]) + more


def _same_name_other_data(runs: Sequence[Run]) -> bool:
    """Whether fingerprints differ between runs with the same split, which is part of them."""
    by_split: dict[int, set[str]] = {}
    for run in runs:
        fingerprint = run.environment.get("data")
        if isinstance(fingerprint, str):
            by_split.setdefault(run.split_seed, set()).add(fingerprint)
    return any(len(found) > 1 for found in by_split.values())


def run_row(run: Run, folder: Path) -> dict[str, str]:
    """A run's row of the table of all runs.

    Args:
        run: The run.
        folder: What its path is shown relative to.
    """
    dice = run.metric("dice_3d")
    return {
        "folder": plain_text(run.folder.relative_to(folder).as_posix()),
        "strategy": plain_text(run.strategy),
        "seed": str(run.seed),
        "progress": _progress(run),
        "state": "finished" if run.finished else "not finished",
        "labelled": str(max(run.recorded.values(), default=0)),
        "dice": f"{100 * dice[max(dice)]:.2f}" if dice else "",
        "time": duration(run.working_seconds()),
    }


def strategy_rows(runs: Sequence[Run]) -> list[dict[str, str]]:
    """A row for each strategy, where a row for each run would fill pages."""
    rows = []
    for group in groups(runs):
        finished = sum(run.finished for run in group.runs)
        dice = [run.metric("dice_3d") for run in group.compared]
        last = Spread.of(values[max(values)] for values in dice if values)
        labelled = [max(run.recorded.values(), default=0) for run in group.runs]
        low, high = min(labelled), max(labelled)
        rows.append(
            {
                "strategy": plain_text(group.strategy),
                "seeds": _ranges(sorted({run.seed for run in group.runs})),
                "finished": f"{finished} of {len(group.runs)}",
                "whole": "yes" if finished == len(group.runs) else "",
                "labelled": str(high) if low == high else f"{low} to {high}",
                "dice": "" if last is None else f"{100 * last.mean:.2f}",
                "time": duration(math.fsum(run.working_seconds() for run in group.runs)),
            }
        )
    return rows


def _ranges(numbers: Sequence[int]) -> str:
    """Whole numbers in rising order, in short: "0 to 4, 7"."""
    told: list[list[int]] = []
    for number in numbers:
        if told and number == told[-1][-1] + 1:
            told[-1].append(number)
        else:
            told.append([number])
    return ", ".join(
        f"{part[0]} to {part[-1]}" if len(part) > 2 else ", ".join(map(str, part))
        for part in told
    )


def _progress(run: Run) -> str:
    planned = "" if run.planned is None else f" of {run.planned}"
    return f"{len(run.recorded)}{planned} cycles"


def _canonical(value: object) -> str:
    return repr(sorted(value.items())) if isinstance(value, Mapping) else repr(value)


def class_count(runs: Sequence[Run]) -> int:
    """How many foreground classes there are."""
    return len({name for run in runs for name in run.classes})
