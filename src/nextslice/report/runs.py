"""Every run below a folder, finished or not, from the files that each run leaves."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NoReturn

import yaml

from nextslice.errors import ProjectError
from nextslice.json_text import parse_json
from nextslice.report.apart import tell_apart
from nextslice.report.experiments import VARIANT, experiment_titles
from nextslice.report.names import Choice, by_number, choice, strategy_name, unruled
from nextslice.report.rows import CycleRow, QueryRow, read_mapping, read_rows
from nextslice.yaml_text import parse_yaml

__all__ = ["MEAN", "Metric", "Run", "read_runs"]

_VARIANT = ".variant-"  # in the folder of a benchmark's run, before the recipe's name

MEAN = "mean"
"""The name under which ``cycles.csv`` keeps the mean over the foreground classes."""

Metric = Literal["dice_3d", "dice_2d", "hd95_3d_mm"]


@dataclass(frozen=True)
class Run:
    """One strategy on one data set with one seed.

    Attributes:
        folder: Where it lies.
        strategy: What it is called in tables and figures; runs of equal name in one
            experiment are repeats that differ by chance alone.
        experiment: The data, its preparation and its split, in words; runs of two experiments
            are never compared.
        plain_name: What the strategy is called in a table that holds one setting.
        setting: What was varied on purpose besides the strategy, in words ("budget 5"); empty
            where nothing was. Only runs of one setting are pairs.
        uncertainty: What scored the slices; None where nothing did.
        selection: What picked them.
        seed: The run's seed.
        cycles: The rows of ``cycles.csv``.
        queries: The rows of ``queries.csv``.
        config: ``config.yaml``; of a benchmark's run also the name that the recipe gives to
            its variant.
        environment: ``environment.json``; empty where there is none.
    """

    folder: Path
    strategy: str
    experiment: str
    plain_name: str
    setting: str
    uncertainty: Choice | None
    selection: Choice
    seed: int
    cycles: tuple[CycleRow, ...]
    queries: tuple[QueryRow, ...]
    config: Mapping[str, Any]
    environment: Mapping[str, Any]

    @property
    def core(self) -> Choice:
        """What selects under all rules; the selection itself where it has none."""
        return unruled(self.selection)[1]

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules over it in words ("1 per volume"), the outermost first."""
        return unruled(self.selection)[0]

    @property
    def classes(self) -> tuple[str, ...]:
        """The foreground classes, in the order of the file, without the mean."""
        return tuple(dict.fromkeys(row.name for row in self.cycles if row.name != MEAN))

    @property
    def recorded(self) -> dict[int, int]:
        """Cycle -> labelled slices, for the cycles that are over; 0 is the initial one."""
        return {row.cycle: row.n_labelled for row in self.cycles}

    @property
    def planned(self) -> int | None:
        """How many cycles the settings ask for, the initial one included, if they say so."""
        cycles = self.config.get("cycles")
        return cycles + 1 if isinstance(cycles, int) else None

    @property
    def finished(self) -> bool:
        """Whether every planned cycle is recorded. A run without a plan ends where it ended."""
        return len(self.recorded) >= (1 if self.planned is None else self.planned)

    @property
    def initial_seed(self) -> int:
        """What decided the initial set; where the settings are silent, the run's seed."""
        seed = self.config.get("initial_seed")
        return seed if isinstance(seed, int) else self.seed

    @property
    def split_seed(self) -> int:
        """What decided which cases are for testing."""
        split = self.config.get("split")
        seed = split.get("seed", 0) if isinstance(split, Mapping) else 0
        return seed if isinstance(seed, int) else 0

    @property
    def pair(self) -> tuple[int, int, int]:
        """Initial set, seed and split: where they are the same, strategies are compared."""
        return self.initial_seed, self.seed, self.split_seed

    @property
    def distance_unit(self) -> str:
        """The unit of HD95: "mm", or "voxels" where the settings ask for it."""
        evaluation = self.config.get("evaluation")
        in_voxels = isinstance(evaluation, Mapping) and evaluation.get("hd95_in_voxels")
        return "voxels" if in_voxels else "mm"

    def metric(self, metric: Metric, name: str = MEAN) -> dict[int, float]:
        """Cycle -> value, for one class or the mean; cycles without a value are left out."""
        values = {row.cycle: getattr(row, metric) for row in self.cycles if row.name == name}
        return {cycle: value for cycle, value in values.items() if not math.isnan(value)}

    def sampling_seconds(self) -> dict[int, float]:
        """Cycle -> seconds to score and select its query; the initial set costs none."""
        seconds = {r.cycle: r.score_seconds + r.select_seconds for r in self.cycles if r.cycle}
        return {cycle: value for cycle, value in seconds.items() if not math.isnan(value)}

    def working_seconds(self) -> float:
        """Seconds of training, scoring, selecting and evaluating in all recorded cycles."""
        by_cycle = {row.cycle: row for row in self.cycles}
        return math.fsum(
            seconds
            for row in by_cycle.values()
            for seconds in (
                row.train_seconds,
                row.score_seconds,
                row.select_seconds,
                row.eval_seconds,
            )
            if not math.isnan(seconds)
        )

    def strengths(self) -> dict[int, float]:
        """Cycle -> how far above the pool's mean its query scored, in standard deviations."""
        found = {row.cycle: row.strength for row in self.queries if row.cycle}
        return {cycle: value for cycle, value in found.items() if not math.isnan(value)}

    def volumes(self) -> dict[int, int]:
        """Cycle -> distinct volumes in its query, without the initial set."""
        return {row.cycle: row.volumes_in_query for row in self.queries if row.cycle}


def read_runs(folder: Path) -> list[Run]:
    """Every run in a folder or anywhere below it, ordered by experiment, strategy and seed.

    Args:
        folder: A run's folder, or one that holds runs at any depth.

    Raises:
        ProjectError: There is no run, or a run's files cannot be read; names the file.
    """
    try:
        exists = folder.is_dir()
    except OSError as error:  # a folder above it may not be entered
        _unreadable(error)
    found = sorted(_run_folders(folder)) if exists else []
    if not found:
        raise ProjectError(
            f"Expected a run in or below {folder}, found none: no folder there holds both "
            "config.yaml and cycles.csv.",
            cause="the path is another one, or nothing was recorded yet."
            if exists
            else "there is no such folder.",
            remedy="Name the folder given to simulate --out, or one that holds such folders.",
        )
    runs = [_read_run(path) for path in found]
    configs = [run.config for run in runs]
    titles = experiment_titles(configs, [run.classes for run in runs])
    names = tell_apart([run.strategy for run in runs], configs, titles)
    named = [
        replace(
            run,
            experiment=title,
            strategy=name.strategy,
            plain_name=name.plain,
            setting=name.setting,
        )
        for run, name, title in zip(runs, names, titles, strict=True)
    ]
    return sorted(named, key=_order)


def _order(run: Run) -> tuple[object, ...]:
    """Baselines first, then each uncertainty without and with stochastic batches."""
    baselines = ("random", "stratified", "strided", "foreground-random", "core-set", "badge")
    name = run.selection.name
    rank = baselines.index(name) if name in baselines else len(baselines)
    scored_by = "" if run.uncertainty is None else run.uncertainty.name
    known = ("", "entropy", "dropout", "tta", "learning-loss")
    place = known.index(scored_by) if scored_by in known else len(known)
    plainest = 0 if name == "top-k" else 1
    strategy = (rank, place, scored_by, plainest, by_number(run.strategy), run.strategy)
    return run.experiment, *strategy, run.seed, str(run.folder)


def _run_folders(folder: Path) -> Iterator[Path]:
    """Each run once: by its own name where it has one here, or by that of a link to it.

    People gather runs in a folder of links. Where these lead in a circle, it ends.
    """
    waiting, seen = deque([folder]), set()
    while waiting:
        for path, below, names in os.walk(waiting.popleft(), onerror=_unreadable):
            here, place = Path(path), os.path.realpath(path)
            if place in seen:
                below.clear()
                continue
            seen.add(place)
            if {"config.yaml", "cycles.csv"} <= {*names, *below}:
                below.clear()  # a run holds no runs, but many files
                yield here
            waiting.extend(here / name for name in sorted(below) if (here / name).is_symlink())


def _unreadable(error: OSError) -> NoReturn:
    """A folder that is passed over in silence would leave its runs out of the comparison."""
    raise ProjectError(
        f"Expected to read the folder {error.filename}, got: {error.strerror}.",
        remedy="Make it readable, or name a folder beside it.",
    ) from error


def _read_run(folder: Path) -> Run:
    config = read_mapping(folder / "config.yaml", parse_yaml, yaml.YAMLError)
    environment, queries = folder / "environment.json", folder / "queries.csv"
    seed, preset = config.get("seed"), config.get("preset")
    if not isinstance(seed, int):
        raise _not_ours(folder, "a whole number as seed", f"{seed!r:.60}")
    if not isinstance(preset, str | None):
        raise _not_ours(folder, "the name of a preset", f"{preset!r:.60}")
    try:
        selection = choice(config.get("selection"))
        uncertainty = choice(config.get("uncertainty"))
    except ValueError as error:
        raise _not_ours(folder, "a selection and an uncertainty", str(error)) from error
    if selection is None:
        raise _not_ours(folder, "a selection", "none")
    variant = folder.resolve().parent.name.partition(_VARIANT)[2]
    return Run(
        folder=folder,
        strategy=strategy_name(uncertainty, selection, preset or ""),
        experiment="",
        plain_name="",
        setting="",
        uncertainty=uncertainty,
        selection=selection,
        seed=seed,
        cycles=read_rows(folder / "cycles.csv", CycleRow, {"name": "class"}),
        queries=read_rows(queries, QueryRow, {}) if os.path.lexists(queries) else (),
        config=dict(config) | ({VARIANT: variant} if variant else {}),
        environment=read_mapping(environment, parse_json, ValueError)
        if os.path.lexists(environment)
        else {},
    )


def _not_ours(folder: Path, what: str, came: str) -> ProjectError:
    return ProjectError(
        f"Expected {what} in {folder / 'config.yaml'}, got {came}.",
        cause="the file was not written by nextslice, or was changed by hand.",
    )
