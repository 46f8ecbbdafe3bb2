"""Recipes are data: read strictly, kept whole, and those that come along can be run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nextslice.benchmark import Recipe, jobs_of, read_recipe, shipped_recipes
from nextslice.benchmark.recipe import dump_recipe
from nextslice.errors import SettingsError
from nextslice.settings import validated

PLAIN: dict[str, Any] = {
    "title": "Three strategies",
    "data": {"folder": "scans"},
    "preset": "quick",
    "seeds": [0, 1],
    "strategies": {
        "random": {"selection": "random"},
        "entropy": {"uncertainty": "entropy", "selection": "top-k"},
        "entropy-sb": {"uncertainty": "entropy", "selection": "stochastic-batches"},
    },
}


def _read(tmp_path: Path, changes: dict[str, Any], *assignments: str) -> Recipe:
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(PLAIN | changes))
    return read_recipe(path, assignments=assignments)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"seedz": [0]}, "Did you mean seeds?"),
        ({"seeds": []}, "seeds: Expected at least one value"),
        ({"seeds": [1, 1]}, "got 1 twice"),
        ({"seeds": [-1]}, "seeds.0"),
        ({"budgets": [0]}, "budgets.0"),
        ({"pool_sizes": [10, 10]}, "pool_sizes"),
        ({"data": {"folder": "scans", "sise": [5, 5]}}, "Did you mean size?"),
        ({"data": {}}, "data.folder"),
        ({"split": {"tests": 3}}, "Did you mean test?"),
        ({"strategies": {}}, "at least one strategy"),
        ({"strategies": {"Random": {"selection": "random"}}}, "small letters"),
        ({"strategies": {"a.b": {"selection": "random"}}}, "small letters"),
        ({"strategies": {"a": {"selektion": "random"}}}, "Did you mean selection?"),
        ({"strategies": {"a": {}}}, "strategies.a.selection"),
        ({"variants": {"x/y": {}}}, "small letters"),
        ({"variants": {"slow": {"budget": 3}}}, "Say it under budgets"),
        ({"settings": {"budget": 3}}, "Say it under budgets"),
        ({"settings": {"selection": "random"}}, "Say it under strategies"),
        ({"settings": {"seed": 3}}, "Say it under seeds"),
        ({"settings": {"trainign": {}}}, "Did you mean training?"),
        ({"settings": {"seedz": 3}}, "known here: network, training,"),
        ({"variants": {"slow": {"trainign": {}}}}, "Did you mean training?"),
        ({"seeds": "many"}, "seeds: Expected a list, got 'many'"),
        ({"seeds": [0.5]}, "seeds.0: Expected a whole number, got 0.5"),
        ({"seeds": [-1]}, "seeds.0: Expected a number of 0 or more, got -1"),
        ({"workers": 0}, "workers: Expected a number of 1 or more, got 0"),
        ({"title": 3}, "title: Expected text, got 3"),
        ({"split": 3}, "split: Expected keys and values, got 3"),
        ({"strategies": {"a": "random"}}, "strategies.a: Expected keys and values"),
        ({"data": {"folder": "s", "axis": 4}}, "data.axis: Expected 0, 1 or 2, got 4"),
    ],
)
def test_what_is_wrong_in_a_recipe_is_named(
    tmp_path: Path, changes: dict[str, Any], expected: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        _read(tmp_path, changes)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"preset": "qick"}, "Did you mean quick?"),
        ({"settings": {"training": {"stepz": 3}}}, "Did you mean steps?"),
        ({"variants": {"slow": {"training": {"steps": 0}}}}, "steps must be"),
        ({"strategies": {"a": {"selection": "top-kk"}}}, "The runs of a cannot be"),
        ({"strategies": {"a": {"selection": "top-kk"}}}, "Did you mean top-k?"),
        ({"strategies": {"a": {"selection": {"name": "core-set", "q": 3}}}}, "selection.q"),
    ],
)
def test_what_is_wrong_in_a_run_is_found_before_any_starts(
    tmp_path: Path, changes: dict[str, Any], expected: str
) -> None:
    recipe = _read(tmp_path, changes)
    with pytest.raises(SettingsError) as caught:
        jobs_of(recipe, tmp_path / "out")
    assert expected in str(caught.value)


def test_a_name_that_stands_twice_is_refused_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("strategies:\n  a: {selection: random}\n  a: {selection: top-k}\n")
    with pytest.raises(SettingsError, match="in line 3: the key 'a' stands twice"):
        read_recipe(path)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("tabel-1-prostate", "Did you mean table-1-prostate"),
        ("no/such/file.yaml", "No such file"),
        (".", "directory"),
    ],
)
def test_a_recipe_that_is_not_there_is_explained(source: str, expected: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_recipe(source)
    assert expected in str(caught.value)


def test_a_recipe_may_lie_behind_a_link(tmp_path: Path) -> None:
    _read(tmp_path, {})
    (tmp_path / "mine.yaml").symlink_to("recipe.yaml")
    assert read_recipe(tmp_path / "mine.yaml") == read_recipe(tmp_path / "recipe.yaml")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["a pipe", "a device", "a terabyte", "a circle"])
def test_a_recipe_that_never_ends_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "recipe.yaml"
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a device":
        path.symlink_to("/dev/zero")
    elif kind == "a circle":
        path.symlink_to(path)
    else:
        with path.open("wb") as stream:
            stream.truncate(1 << 40)
    with pytest.raises(SettingsError, match="Expected a recipe"):
        read_recipe(path)


@pytest.mark.parametrize("text", ["[", "a list", "- 1", "", "!!python/object:os.system {}"])
def test_what_is_no_recipe_is_explained(tmp_path: Path, text: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match="Expected a recipe"):
        read_recipe(path)


def test_assignments_reach_the_recipe_and_else_its_runs(tmp_path: Path) -> None:
    recipe = _read(tmp_path, {}, "cycles=2", "data.labels=gland=1,2", "training.steps=30")
    assert recipe.cycles == 2
    assert recipe.data.labels == "gland=1,2"
    assert recipe.data.folder == "scans"
    jobs = jobs_of(recipe, tmp_path)
    assert {job.config.training.steps for job in jobs} == {30}
    with pytest.raises(SettingsError, match="Say it under budgets"):
        _read(tmp_path, {}, "budget=5")


def test_another_data_folder_takes_the_place_of_the_recipe_s() -> None:
    assert read_recipe("figure-9", data="elsewhere").data.folder == "elsewhere"
    assert read_recipe("figure-9", data="elsewhere").data.spacing == 1.0


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_recipe_that_comes_along_can_be_run_and_survives_being_written(
    name: str, tmp_path: Path
) -> None:
    recipe = read_recipe(name)
    path = tmp_path / "again.yaml"
    path.write_text(dump_recipe(recipe))
    assert read_recipe(path) == recipe
    jobs = jobs_of(recipe, tmp_path)
    assert len({job.out for job in jobs}) == len(jobs) > 1
    assert not Path(recipe.data.folder).is_absolute()


def test_there_is_a_recipe_for_each_table_and_figure_at_both_scales() -> None:
    names = {
        "table-1-hippocampus",
        "table-1-prostate",
        "table-2",
        "table-3",
        "table-4",
        "figure-8",
        "figure-9",
    }
    shipped = shipped_recipes()
    for name in names:
        assert read_recipe(name).preset == "paper"
        assert read_recipe(f"{name}-quick").preset == "quick"
        times = name == "table-2"  # runs side by side would wait for each other
        assert [read_recipe(n).workers for n in (name, f"{name}-quick")] == [
            1 if times else None
        ] * 2
    assert set(shipped) == names | {f"{name}-quick" for name in names} | {
        "demo",
        "hippocampus-quick-study",
    }


@given(
    seeds=st.lists(st.integers(0, 9), min_size=1, unique=True),
    budgets=st.none() | st.lists(st.integers(1, 99), min_size=1, unique=True),
    settings=st.dictionaries(st.sampled_from(["threads", "precision"]), st.integers()),
)
def test_a_recipe_written_and_read_is_the_same(
    seeds: list[int], budgets: list[int] | None, settings: dict[str, int]
) -> None:
    given = {"seeds": seeds, "budgets": budgets, "settings": settings}
    recipe = validated(Recipe, PLAIN | given)
    assert validated(Recipe, yaml.safe_load(dump_recipe(recipe))) == recipe
