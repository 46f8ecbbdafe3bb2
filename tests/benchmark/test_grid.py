"""What a grid promises: every run once, in a place of its own, in pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextslice.benchmark import Job, Recipe, jobs_of, part_of
from nextslice.benchmark.grid import threads_for
from nextslice.config import resolve_config
from nextslice.errors import SettingsError
from nextslice.settings import plain, validated

OUT = Path("out")
STRATEGIES: dict[str, Any] = {
    "random": {"selection": "random"},
    "entropy": {"uncertainty": "entropy", "selection": "top-k"},
    "entropy-sb": {"uncertainty": "entropy", "selection": "stochastic-batches"},
}


def _recipe(**changes: Any) -> Recipe:
    values = {
        "title": "a grid",
        "data": {"folder": "scans", "size": [50, 50]},
        "split": {"test": 50, "val": 10},
        "preset": "quick",
        "seeds": [0, 1],
        "strategies": STRATEGIES,
    }
    return validated(Recipe, values | changes)


def _names(**changes: Any) -> list[str]:
    return [job.name for job in jobs_of(_recipe(**changes), OUT)]


def test_runs_of_one_seed_come_together() -> None:
    assert _names() == [
        "random/seed-0",
        "entropy/seed-0",
        "entropy-sb/seed-0",
        "random/seed-1",
        "entropy/seed-1",
        "entropy-sb/seed-1",
    ]


def test_a_run_of_a_grid_has_the_settings_of_the_run_alone() -> None:
    """The layout and the settings are a contract: whoever began by hand can go on so."""
    job = jobs_of(_recipe(), OUT)[-1]
    assert job.out == OUT / "runs" / "entropy-sb" / "seed-1"
    assert job.shared_trainings == OUT / "trainings"
    assert job.config == resolve_config(
        "quick",
        {
            "data": {"folder": "scans", "size": [50, 50]},
            "split": {"test": 50, "val": 10},
            "uncertainty": "entropy",
            "selection": "stochastic-batches",
            "seed": 1,
        },
    )


def test_axes_are_named_where_they_vary_and_q_only_where_it_matters() -> None:
    names = _names(seeds=[0], pool_sizes=[10, 100], budgets=[5, 10], initials=[7])
    assert sorted(names) == sorted(
        [
            "random.budget-5/seed-0",
            "random.budget-10/seed-0",
            "entropy.budget-5/seed-0",
            "entropy.budget-10/seed-0",
            "entropy-sb.pool-size-10.budget-5/seed-0",
            "entropy-sb.pool-size-10.budget-10/seed-0",
            "entropy-sb.pool-size-100.budget-5/seed-0",
            "entropy-sb.pool-size-100.budget-10/seed-0",
        ]
    )
    jobs = jobs_of(_recipe(pool_sizes=[100], initials=[7]), OUT)
    assert {job.config.initial for job in jobs} == {7}
    assert jobs[2].name == "entropy-sb/seed-0"
    assert jobs[2].config.selection.parameters["pool_size"] == 100


def test_a_q_of_its_own_is_kept() -> None:
    own = {"selection": {"name": "stochastic-batches", "pool_size": 3}}
    strategies = {"own": own, "entropy-sb": STRATEGIES["entropy-sb"]}
    jobs = jobs_of(_recipe(seeds=[0], pool_sizes=[10, 100], strategies=strategies), OUT)
    assert [job.name for job in jobs] == [
        "own/seed-0",
        "entropy-sb.pool-size-10/seed-0",
        "entropy-sb.pool-size-100/seed-0",
    ]
    assert jobs[0].config.selection.parameters["pool_size"] == 3


def test_q_is_that_of_the_stochastic_batches_inside_a_rule_too() -> None:
    wrapped = {"selection": {"name": "volume-cap", "selection": "stochastic-batches"}}
    jobs = jobs_of(_recipe(seeds=[0], pool_sizes=[10, 100], strategies={"cap": wrapped}), OUT)
    assert [job.name for job in jobs] == ["cap.pool-size-10/seed-0", "cap.pool-size-100/seed-0"]
    inner: Any = jobs[1].config.selection.parameters["selection"]
    assert inner["parameters"]["pool_size"] == 100


def test_initial_sets_go_with_every_seed() -> None:
    names = _names(initial_sets=[3, 4], strategies={"random": STRATEGIES["random"]})
    assert names == [
        "random/seed-0.set-3",
        "random/seed-0.set-4",
        "random/seed-1.set-3",
        "random/seed-1.set-4",
    ]
    (first, _) = jobs_of(_recipe(initial_sets=[3], strategies={"a": STRATEGIES["random"]}), OUT)
    assert first.name == "a/seed-0"
    assert first.config.initial_seed == 3


def test_a_strategy_may_have_seeds_of_its_own() -> None:
    strategies = STRATEGIES | {"random": {"selection": "random", "seeds": [1, 5]}}
    assert _names(strategies=strategies) == [
        "entropy/seed-0",
        "entropy-sb/seed-0",
        "random/seed-1",
        "entropy/seed-1",
        "entropy-sb/seed-1",
        "random/seed-5",
    ]


def test_variants_replace_settings_and_the_rest_stays() -> None:
    variants = {"plain": {}, "slow": {"training": {"learning_rate": 1e-6}}}
    jobs = jobs_of(
        _recipe(seeds=[0], variants=variants, settings={"training": {"steps": 30}}), OUT
    )
    assert [job.name for job in jobs][::3] == [
        "random.variant-plain/seed-0",
        "random.variant-slow/seed-0",
    ]
    assert {job.config.training.steps for job in jobs} == {30}
    assert jobs[-1].config.training.learning_rate == 1e-6
    assert jobs[0].config.training.learning_rate == 5e-6


def test_two_names_for_one_run_are_refused() -> None:
    again = STRATEGIES | {"uniform": {"selection": "random", "seeds": [1, 2]}}
    with pytest.raises(SettingsError, match="got random and uniform with equal settings"):
        jobs_of(_recipe(strategies=again), OUT)
    with pytest.raises(SettingsError, match=r"random\.variant-a and random\.variant-b"):
        jobs_of(_recipe(variants={"a": {}, "b": {}}), OUT)


def test_pool_sizes_that_no_strategy_takes_are_refused() -> None:
    own = {"selection": {"name": "stochastic-batches", "pool_size": 3}}
    for strategies in ({"random": STRATEGIES["random"]}, {"own": own}):
        with pytest.raises(SettingsError, match=r"strategy for pool_sizes \[10\], found none"):
            jobs_of(_recipe(pool_sizes=[10], strategies=strategies), OUT)


_LISTS = st.none() | st.lists(st.integers(1, 40), min_size=1, max_size=3, unique=True)


@settings(max_examples=20)
@given(
    seeds=st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True),
    sets=_LISTS,
    budgets=_LISTS,
    initials=_LISTS,
    pool_sizes=_LISTS,
)
def test_every_run_is_there_once_and_has_its_pair(
    seeds: list[int],
    sets: list[int] | None,
    budgets: list[int] | None,
    initials: list[int] | None,
    pool_sizes: list[int] | None,
) -> None:
    axes = {"initial_sets": sets, "budgets": budgets, "initials": initials}
    jobs = jobs_of(_recipe(seeds=seeds, pool_sizes=pool_sizes, **axes), OUT)
    each = len(seeds) * len(sets or [0]) * len(budgets or [0]) * len(initials or [0])
    assert len(jobs) == each * (2 + len(pool_sizes or [0]))
    assert len({job.out for job in jobs}) == len(jobs)
    assert len({repr(plain(job.config)) for job in jobs}) == len(jobs)
    # without strategies, each combination of all else occurs with each of the strategies
    pairs: dict[str, set[str]] = {}
    for job in jobs:
        c = job.config
        key = repr((c.seed, c.initial_seed, c.initial, c.budget))
        pairs.setdefault(key, set()).add(job.name.split("/")[0].split(".")[0])
    assert len(pairs) == each
    assert all(strategies == set(STRATEGIES) for strategies in pairs.values())


def test_a_part_is_some_strategies_and_seeds() -> None:
    jobs = jobs_of(_recipe(budgets=[5, 10]), OUT)

    def names(part: tuple[Job, ...]) -> set[str]:
        return {job.name for job in part}

    assert names(part_of(jobs, strategies=["entropy"], seeds=[1])) == {
        "entropy.budget-5/seed-1",
        "entropy.budget-10/seed-1",
    }
    assert part_of(jobs) == jobs
    with pytest.raises(SettingsError, match="Did you mean entropy"):
        part_of(jobs, strategies=["entropie"])
    with pytest.raises(SettingsError, match="got 7"):
        part_of(jobs, seeds=[7])
    with pytest.raises(SettingsError, match="a strategy at least"):
        part_of(jobs, strategies=[])
    with pytest.raises(SettingsError, match="a seed at least"):
        part_of(jobs, seeds=[])


def test_threads_are_the_cores_share_of_a_run_and_a_part_takes_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 13)
    recipe = _recipe(preset="paper")
    assert threads_for(recipe) == 2
    assert {job.config.threads for job in jobs_of(recipe, OUT)} == {2}
    assert {job.config.threads for job in jobs_of(recipe, OUT, threads=5)} == {5}
    said = _recipe(preset="paper", settings={"threads": 3})
    assert {job.config.threads for job in jobs_of(said, OUT, threads=5)} == {3}
    assert {job.config.threads for job in jobs_of(_recipe(), OUT)} == {1}  # the preset's
    assert threads_for(_recipe(initial_sets=list(range(9)))) == 1
