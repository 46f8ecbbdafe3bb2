"""A benchmark as data: which strategies, on what, over which seeds and settings.

A recipe is a file in YAML. Those that come along, one for each table and figure of the paper,
lie in ``recipes/`` and are named without their ending.
"""

from __future__ import annotations

import difflib
import errno
import os
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator

from nextslice.code_names import demand_no_code
from nextslice.config import Config, DataConfig, SplitConfig, merged, parsed_assignment
from nextslice.errors import SettingsError
from nextslice.plain_files import read_plain
from nextslice.settings import Positive, Whole, plain, validated
from nextslice.wording import clause
from nextslice.yaml_text import parse_yaml

__all__ = ["Recipe", "StrategyRecipe", "dump_recipe", "read_recipe", "shipped_recipes"]

_Chosen = str | dict[str, Any]

_MOST_BYTES: Final = 1 << 22  # of a recipe
_NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_ELSEWHERE: Final = {
    "budget": "budgets",
    "initial": "initials",
    "seed": "seeds",
    "initial_seed": "initial_sets",
    "selection": "strategies",
    "uncertainty": "strategies",
    "data": "data",
    "split": "split",
    "cycles": "cycles",
    "preset": "preset",
}
"""Settings of a run for which a recipe has a key of its own."""

_NO_STRATEGIES: Final = frozenset({"title", "data"})
"""Keys whose words may look like the name of a class, and are none."""

_OF_RUNS: Final = (
    *(name for name in Config.model_fields if name not in _ELSEWHERE),
    "uncertainties",
)
"""Settings of a run that a recipe gives for all runs, or in a variant."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StrategyRecipe(_Strict):
    """One strategy of a recipe.

    Attributes:
        selection: Its name, or its name and fields (see :mod:`nextslice.strategies`).
        uncertainty: The same; None where the selection ignores scores, and entropy where it
            does not.
        seeds: Seeds of this strategy where they are not the recipe's.
    """

    selection: _Chosen
    uncertainty: _Chosen | None = None
    seeds: tuple[Whole, ...] | None = None

    @field_validator("seeds")
    @classmethod
    def _listed(cls, values: tuple[int, ...] | None) -> tuple[int, ...] | None:
        return _distinct(values)


class Recipe(_Strict):
    """A grid of runs.

    Attributes:
        title: What the benchmark is, in a line.
        data: Where the scans are and how they are prepared; a relative folder is relative to
            the folder that the benchmark is started in.
        split: Which cases are set aside.
        preset: "paper", "released-code" or "quick".
        settings: What is not as in the preset, for all runs.
        cycles: Queries after the initial training; None leaves that to the preset.
        seeds: One run of every strategy for each.
        initial_sets: Seeds of initial sets, each with every seed; None lets each seed draw
            its own.
        budgets: Slices per query, one run for each; None leaves that to the preset.
        initials: Slices in the initial set, the same.
        pool_sizes: Q, for each strategy that selects by stochastic batches and does not say
            its own; the others are not multiplied.
        variants: Name -> settings that replace others, one run for each.
        strategies: Name -> strategy.
        workers: Runs at a time on one machine, where the command does not say: 1 for a recipe
            that measures times. None takes as many as the cores feed.
    """

    title: Annotated[str, Field(min_length=1)]
    data: DataConfig
    split: SplitConfig = SplitConfig()
    preset: str = "paper"
    settings: dict[str, Any] = {}
    cycles: Whole | None = None
    seeds: tuple[Whole, ...]
    initial_sets: tuple[Whole, ...] | None = None
    budgets: tuple[Positive, ...] | None = None
    initials: tuple[Positive, ...] | None = None
    pool_sizes: tuple[Positive, ...] | None = None
    variants: dict[str, dict[str, Any]] = {}
    strategies: dict[str, StrategyRecipe]
    workers: Positive | None = None

    @field_validator("seeds", "initial_sets", "budgets", "initials", "pool_sizes")
    @classmethod
    def _listed(cls, values: tuple[int, ...] | None) -> tuple[int, ...] | None:
        return _distinct(values)

    @field_validator("variants", "strategies")
    @classmethod
    def _named(cls, named: dict[str, Any]) -> dict[str, Any]:
        for name in named:
            if not _NAME.fullmatch(name):
                raise SettingsError(
                    f"Expected a name of small letters, digits and hyphens, got {name!r}.",
                    remedy="It becomes a part of the runs' folders.",
                )
        return named

    @field_validator("settings")
    @classmethod
    def _only_the_rest(cls, settings: dict[str, Any]) -> dict[str, Any]:
        return _without_elsewhere(settings)

    @field_validator("variants")
    @classmethod
    def _each_only_the_rest(cls, variants: dict[str, Any]) -> dict[str, Any]:
        for settings in variants.values():
            _without_elsewhere(settings)
        return variants

    @field_validator("strategies")
    @classmethod
    def _some(cls, strategies: dict[str, StrategyRecipe]) -> dict[str, StrategyRecipe]:
        if not strategies:
            raise SettingsError("Expected at least one strategy, got none.")
        return strategies


def _distinct(values: tuple[int, ...] | None) -> tuple[int, ...] | None:
    if values is not None and not values:
        raise SettingsError("Expected at least one value, got an empty list.")
    twice = [v for place, v in enumerate(values or ()) if v in (values or ())[:place]]
    if twice:
        raise SettingsError(f"Expected each value once, got {twice[0]} twice.")
    return values


def _without_elsewhere(settings: dict[str, Any]) -> dict[str, Any]:
    for key in settings:
        if key in _ELSEWHERE:
            raise SettingsError(
                f"Expected settings for which a recipe has no key of its own, got {key}.",
                remedy=f"Say it under {_ELSEWHERE[key]} of the recipe.",
            )
        _check_among(key, _OF_RUNS)
    return settings


def shipped_recipes() -> dict[str, str]:
    """The recipes that come along: name -> text."""
    folder = files("nextslice.benchmark").joinpath("recipes")
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".yaml")]
    texts = {e.name.removesuffix(".yaml"): e.read_text(encoding="utf-8") for e in found}
    return dict(sorted(texts.items()))


def read_recipe(
    source: str | Path,
    *,
    assignments: Sequence[str] = (),
    data: str | Path | None = None,
    allow_code: bool = False,
) -> Recipe:
    """The recipe of a file, or one that comes along, by its name.

    Args:
        source: A path, or a name of :func:`shipped_recipes`.
        assignments: ``path=value`` in YAML: a key of the recipe (``cycles=2``,
            ``data.labels=gland=1,2``), else a setting of all runs (``training.steps=300``).
        data: A folder in the place of the recipe's.
        allow_code: Let the file name strategies as ``package.module:Class``, which are run.
            Assignments may do so in any case: whoever writes them means it.

    Raises:
        SettingsError: There is no such recipe, it is not YAML, a key, a type or a range in it
            is wrong, or it names code that nobody said may run; says which and what is
            allowed.
    """
    values = _loaded(_text(source), str(source))
    if not allow_code:
        named = {key: value for key, value in values.items() if key not in _NO_STRATEGIES}
        demand_no_code(named, f"the recipe {source}")
    for assignment in assignments:
        change = parsed_assignment(assignment)
        (key,) = change
        _check_known(key)
        values = merged(values, change if key in Recipe.model_fields else {"settings": change})
    if data is not None:
        values = merged(values, {"data": {"folder": str(data)}})
    return validated(Recipe, values)


def _check_known(key: str) -> None:
    if key not in _ELSEWHERE:
        _check_among(key, [*Recipe.model_fields, *_OF_RUNS])


def _check_among(key: str, known: Sequence[str]) -> None:
    if key not in known:
        close = difflib.get_close_matches(key, known, n=1)
        raise SettingsError(
            f"Unknown setting {key}; known here: {', '.join(known)}.",
            remedy=f"Did you mean {close[0]}?" if close else "",
        )


def dump_recipe(recipe: Recipe) -> str:
    """A recipe as YAML, with nothing left to default; reading it gives the same recipe."""
    return yaml.safe_dump(
        plain(recipe), sort_keys=False, allow_unicode=True, default_flow_style=None
    )


def _text(source: str | Path) -> str:
    path, known = Path(source), shipped_recipes()
    if str(source) in known:
        return known[str(source)]
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        # People link to recipes; but nobody waits for a pipe or reads a device to its end.
        return read_plain(path, most=_MOST_BYTES, through_links=True).decode()
    except (OSError, UnicodeDecodeError) as error:
        close = difflib.get_close_matches(path.stem, known, n=1)
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SettingsError(
            f"Expected a recipe: a file, or the name of one that comes along; got {source}: "
            f"{reason}.",
            remedy=(f"Did you mean {close[0]}? " if close else "")
            + "nextslice benchmark --list names those that come along.",
        ) from error


def _wrong(error: yaml.YAMLError) -> str:
    """Where and what, without the parser's own account of it."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    return str(error) if mark is None else f"in line {mark.line + 1}: {clause(str(problem))}"


def _loaded(text: str, source: str) -> Mapping[str, Any]:
    try:
        values = parse_yaml(text)
    except yaml.YAMLError as error:
        raise SettingsError(
            f"Expected a recipe in YAML in {source}, got {_wrong(error)}.",
            remedy="docs/benchmark.md shows one.",
        ) from error
    if not isinstance(values, dict):
        raise SettingsError(
            f"Expected a recipe's keys and values in {source}, got {values!r:.60}.",
            remedy="docs/benchmark.md shows one.",
        )
    return values
