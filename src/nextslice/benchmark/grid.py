"""A recipe -> its runs: which there are, where they lie and in which order they are done.

Runs with one seed and one initial set share their initial slices, their initial weights and
their first training, whatever their strategy; so they are compared in pairs.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path
from typing import Any

from nextslice.benchmark.executor import Job
from nextslice.benchmark.recipe import Recipe
from nextslice.config import Config, merged, resolve_config
from nextslice.errors import SettingsError
from nextslice.settings import plain
from nextslice.strategies import named

__all__ = ["jobs_of", "part_of", "threads_for"]


def jobs_of(
    recipe: Recipe,
    out: Path,
    *,
    threads: int | None = None,
    accept_changes: bool = False,
    elsewhere: bool = False,
) -> tuple[Job, ...]:
    """Every run of a recipe once, those of one seed together.

    A run lies in ``OUT/runs/<strategy>[.<axis>-<value>...]/seed-<seed>[.set-<initial seed>]``;
    an axis is named where the recipe gives it more than one value. First trainings are shared
    in ``OUT/trainings``.

    Args:
        recipe: The grid.
        out: The benchmark's folder.
        threads: CPU threads of a run where the recipe does not say; by default
            :func:`threads_for` decides.
        accept_changes: Go on with runs that began otherwise.
        elsewhere: Whether they are done on other machines: then this one's cores and its lack
            of a GPU say nothing about them, and a run has one thread where nobody says.

    Raises:
        SettingsError: The settings of a run are wrong, two of them are the same run, or there
            is no strategy for the pool sizes; names the run.
    """
    points = list(_points(recipe))
    if recipe.pool_sizes and not any(point.pooled for point in points):
        raise SettingsError(
            f"Expected a strategy for pool_sizes {list(recipe.pool_sizes)}, found none.",
            cause="no strategy selects by stochastic batches without saying its own pool_size.",
            remedy="Leave pool_sizes out, or add {selection: stochastic-batches}.",
        )
    sets = recipe.initial_sets or (None,)
    many_sets = len(sets) > 1
    threads = threads or (1 if elsewhere else threads_for(recipe))
    seeds = {
        point.row: recipe.strategies[point.strategy].seeds or recipe.seeds for point in points
    }
    configs = {point.row: _resolved(recipe, point, threads, elsewhere) for point in points}
    _check_distinct(configs)
    jobs = []
    for seed in dict.fromkeys([*recipe.seeds, *(s for own in seeds.values() for s in own)]):
        for initial_set, point in product(sets, points):
            if seed not in seeds[point.row]:
                continue
            name = f"{point.row}/seed-{seed}" + (f".set-{initial_set}" if many_sets else "")
            chance = {"seed": seed, "initial_seed": initial_set}
            jobs.append(
                Job(
                    name,
                    configs[point.row].model_copy(update=chance),
                    out / "runs" / name,
                    out / "trainings",
                    accept_changes,
                )
            )
    return tuple(jobs)


def part_of(
    jobs: Sequence[Job],
    *,
    strategies: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
) -> tuple[Job, ...]:
    """The runs of some strategies and seeds.

    Args:
        jobs: Of one recipe.
        strategies: Names that the recipe gives; None takes all.
        seeds: None takes all.

    Raises:
        SettingsError: The recipe has no such strategy or seed, or none is given.
    """
    for what, wanted in (("strategy", strategies), ("seed", seeds)):
        if wanted is not None and not wanted:
            raise SettingsError(
                f"Expected a {what} at least, got none.",
                remedy="To have all of them, leave the option out.",
            )
    known = list(dict.fromkeys(_strategy_of(job) for job in jobs))
    for name in strategies or ():
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            raise SettingsError(
                f"Expected strategies of the recipe ({', '.join(known)}), got {name!r}.",
                remedy=f"Did you mean {close[0]}?" if close else "",
            )
    drawn = list(dict.fromkeys(job.config.seed for job in jobs))
    for seed in seeds or ():
        if seed not in drawn:
            raise SettingsError(
                f"Expected seeds of the recipe ({', '.join(map(str, drawn))}), got {seed}.",
                remedy="To have others: --set seeds=[...]",
            )
    return tuple(
        job
        for job in jobs
        if (strategies is None or _strategy_of(job) in strategies)
        and (seeds is None or job.config.seed in seeds)
    )


def threads_for(recipe: Recipe) -> int:
    """CPU threads of a run: one where there are as many runs as cores, else the cores' share.

    A second thread gains a run less than a second run gains the benchmark.
    """
    cores = os.cpu_count() or 1
    of_points = [recipe.strategies[p.strategy].seeds or recipe.seeds for p in _points(recipe)]
    runs = len(recipe.initial_sets or (None,)) * sum(map(len, of_points))
    return max(1, cores // runs)


@dataclass(frozen=True)
class _Point:
    """A strategy at one place of all axes but chance.

    Attributes:
        strategy: Its name in the recipe.
        row: The same with the axes that vary.
        changes: Its settings.
        pooled: Whether it takes its Q from the recipe's pool sizes.
    """

    strategy: str
    row: str
    changes: Mapping[str, Any]
    pooled: bool


def _points(recipe: Recipe) -> Iterator[_Point]:
    for variant, initial, budget in product(
        recipe.variants or (None,), recipe.initials or (None,), recipe.budgets or (None,)
    ):
        for name, strategy in recipe.strategies.items():
            pooled = recipe.pool_sizes and _with_pool_size(strategy.selection, 1) is not None
            for pool_size in (recipe.pool_sizes if pooled else None) or (None,):
                selection = strategy.selection
                axes = [
                    ("pool-size", pool_size, recipe.pool_sizes),
                    ("budget", budget, recipe.budgets),
                    ("initial", initial, recipe.initials),
                    ("variant", variant, recipe.variants),
                ]
                told = [
                    f"{axis}-{value}"
                    for axis, value, values in axes
                    if value is not None and values is not None and len(values) > 1
                ]
                changes = _settings(recipe, variant, initial, budget) | {
                    "uncertainty": strategy.uncertainty,
                    "selection": selection
                    if pool_size is None
                    else _with_pool_size(selection, pool_size),
                }
                row = ".".join([name, *told])
                yield _Point(name, row, changes, pool_size is not None)


def _check_distinct(configs: Mapping[str, Config]) -> None:
    """Refuse two names for one run: in tables they would be one strategy, with a seed twice."""
    for (first, one), (second, other) in combinations(configs.items(), 2):
        if one == other:
            raise SettingsError(
                f"Expected runs that differ, got {first} and {second} with equal settings.",
                cause="a strategy or a variant was copied and not changed.",
                remedy="Leave one of them out. More seeds of a strategy are a list of its own: "
                "{selection: random, seeds: [0, 1, 2, 3]}",
            )


def _settings(
    recipe: Recipe, variant: str | None, initial: int | None, budget: int | None
) -> dict[str, Any]:
    """What runs at these places of the axes have in common."""
    given = {"initial": initial, "budget": budget, "cycles": recipe.cycles}
    return {
        "data": plain(recipe.data),
        "split": plain(recipe.split),
        **merged(recipe.settings, {} if variant is None else recipe.variants[variant]),
        **{key: value for key, value in given.items() if value is not None},
    }


def _with_pool_size(selection: object, pool_size: int) -> dict[str, Any] | None:
    """A selection by stochastic batches with this Q; None for others and with a Q of its own.

    A selection may wrap another: then it is the inner one that counts.
    """
    fields = named(selection)
    if fields.get("name") == "stochastic-batches" and fields.get("pool_size") is None:
        return fields | {"pool_size": pool_size}
    inner = _with_pool_size(fields["selection"], pool_size) if "selection" in fields else None
    return None if inner is None else fields | {"selection": inner}


def _resolved(recipe: Recipe, point: _Point, threads: int, elsewhere: bool) -> Config:
    try:
        return resolve_config(
            recipe.preset, point.changes, threads=threads, elsewhere=elsewhere
        )
    except SettingsError as error:
        raise SettingsError(
            f"The runs of {point.row} cannot be: {error.problem}",
            cause=error.cause,
            remedy=error.remedy,
        ) from error


def _strategy_of(job: Job) -> str:
    return job.name.partition("/")[0].partition(".")[0]
