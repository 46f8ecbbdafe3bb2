"""Every run below a folder, finished or not, from the files that each run leaves."""

from __future__ import annotations

import csv
import json
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar

import yaml

from nextslice.errors import ProjectError
from nextslice.report.experiments import experiment_titles, tell_apart
from nextslice.report.names import Choice, choice, strategy_name

__all__ = ["MEAN", "CycleRow", "Metric", "QueryRow", "Run", "read_runs"]

MEAN = "mean"
"""The name under which ``cycles.csv`` keeps the mean over the foreground classes."""

Metric = Literal["dice_3d", "dice_2d", "hd95_3d_mm"]


@dataclass(frozen=True, slots=True)
class CycleRow:
    """A row of ``cycles.csv``: one cycle and one class. NaN where nothing was measured."""

    cycle: int
    n_labelled: int
    name: str
    dice_3d: float
    dice_2d: float
    hd95_3d_mm: float
    train_seconds: float
    score_seconds: float
    select_seconds: float
    eval_seconds: float


@dataclass(frozen=True, slots=True)
class QueryRow:
    """A row of ``queries.csv``: one queried slice. NaN where nothing was measured."""

    cycle: int
    rank: int
    case: str
    slice: int
    score: float
    batch_score: float
    strength: float
    volumes_in_query: int


Row = TypeVar("Row", CycleRow, QueryRow)


@dataclass(frozen=True)
class Run:
    """One strategy on one data set with one seed.

    Attributes:
        folder: Where it lies.
        strategy: What it is called in tables and figures; runs of equal name in one
            experiment are repeats that differ by chance alone.
        experiment: The data, its preparation and its split, in words; runs of two experiments
            are never compared.
        uncertainty: What scored the slices; None where nothing did.
        selection: What picked them.
        seed: The run's seed.
        cycles: The rows of ``cycles.csv``.
        queries: The rows of ``queries.csv``.
        config: ``config.yaml``.
        environment: ``environment.json``; empty where there is none.
    """

    folder: Path
    strategy: str
    experiment: str
    uncertainty: Choice | None
    selection: Choice
    seed: int
    cycles: tuple[CycleRow, ...]
    queries: tuple[QueryRow, ...]
    config: Mapping[str, Any]
    environment: Mapping[str, Any]

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
    def pair(self) -> tuple[int, int]:
        """Runs of different strategies are compared where seed and split are the same."""
        split = self.config.get("split")
        return self.seed, split.get("seed", 0) if isinstance(split, Mapping) else 0

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
        replace(run, strategy=name, experiment=title)
        for run, name, title in zip(runs, names, titles, strict=True)
    ]
    return sorted(named, key=_order)


def _order(run: Run) -> tuple[object, ...]:
    """Baselines first, then each uncertainty without and with stochastic batches."""
    baselines = ("random", "core-set")
    name = run.selection.name
    rank = baselines.index(name) if name in baselines else len(baselines)
    scored_by = "" if run.uncertainty is None else run.uncertainty.name
    known = ("", "entropy", "dropout", "tta", "learning-loss")
    place = known.index(scored_by) if scored_by in known else len(known)
    plainest = 0 if name == "top-k" else 1
    parts = re.split("([0-9]+)", run.strategy)  # so that a budget of 5 stands before 10
    told = [int(part) if i % 2 else part for i, part in enumerate(parts)]
    strategy = (rank, place, scored_by, plainest, told, run.strategy)
    return run.experiment, *strategy, run.seed, str(run.folder)


def _run_folders(folder: Path) -> Iterator[Path]:
    for path, below, names in os.walk(folder, onerror=_unreadable):
        if {"config.yaml", "cycles.csv"} <= set(names):
            below.clear()  # a run holds no runs, but many files
            yield Path(path)


def _unreadable(error: OSError) -> NoReturn:
    """A folder that is passed over in silence would leave its runs out of the comparison."""
    raise ProjectError(
        f"Expected to read the folder {error.filename}, got: {error.strerror}.",
        remedy="Make it readable, or name a folder beside it.",
    ) from error


def _read_run(folder: Path) -> Run:
    config = _mapping(folder / "config.yaml", yaml.safe_load, yaml.YAMLError)
    environment = folder / "environment.json"
    selection = choice(config.get("selection"))
    seed = config.get("seed")
    if selection is None or not isinstance(seed, int):
        raise ProjectError(
            f"Expected a selection and a whole number as seed in {folder / 'config.yaml'}, "
            f"got selection: {config.get('selection')!r} and seed: {seed!r}.",
            cause="the file was not written by nextslice, or was changed by hand.",
        )
    uncertainty = choice(config.get("uncertainty"))
    queries = folder / "queries.csv"
    return Run(
        folder=folder,
        strategy=strategy_name(uncertainty, selection, str(config.get("preset", ""))),
        experiment="",
        uncertainty=uncertainty,
        selection=selection,
        seed=seed,
        cycles=_rows(folder / "cycles.csv", CycleRow, {"name": "class"}),
        queries=_rows(queries, QueryRow, {}) if queries.is_file() else (),
        config=config,
        environment=_mapping(environment, json.loads, ValueError)
        if environment.is_file()
        else {},
    )


def _mapping(
    path: Path, parse: Callable[[str], Any], failure: type[Exception]
) -> Mapping[str, Any]:
    try:
        loaded = parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, failure) as error:
        raise ProjectError(f"Expected to read {path}, got: {error}.") from error
    if not isinstance(loaded, Mapping):
        raise ProjectError(f"Expected settings by name in {path}, got {loaded!r:.60}.")
    return loaded


def _rows(path: Path, kind: type[Row], renamed: Mapping[str, str]) -> tuple[Row, ...]:
    """The rows of a CSV file; columns that are not known are left alone."""
    columns = {renamed.get(f.name, f.name): f for f in fields(kind)}
    readers: Mapping[str, Callable[[str], Any]] = {"int": int, "float": _number, "str": str}
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            table = csv.DictReader(stream)
            missing = [name for name in columns if name not in (table.fieldnames or ())]
            if missing:
                raise ProjectError(
                    f"Expected the columns {', '.join(columns)} in {path}; "
                    f"{', '.join(missing)} is not there.",
                    cause="the file was written by another version, or changed by hand.",
                )
            return tuple(
                kind(**{f.name: readers[str(f.type)](row[c]) for c, f in columns.items()})
                for row in table
            )
    except (OSError, UnicodeDecodeError, csv.Error, ValueError, TypeError) as error:
        raise ProjectError(f"Expected to read {path}, got: {error}.") from error


def _number(cell: str) -> float:
    return float(cell) if cell else math.nan
