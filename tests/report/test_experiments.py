"""Runs of one experiment stand together; names hold what tells them apart and no more."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextslice.report import read_runs, summarise
from nextslice.report.apart import settings_in_words, tell_apart, unnamed_differences
from nextslice.report.experiments import comparable, experiment_titles

WriteRun = Callable[..., Path]

DATA: dict[str, Any] = {"folder": "/x/Task04", "size": [50, 50], "axis": None}
VALUES = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["a", "b"])
CONFIGS = st.lists(
    st.fixed_dictionaries(
        {
            "preset": st.sampled_from(["quick", "paper"]),
            "budget": st.integers(1, 3),
            "initial": st.integers(1, 2),
            "training": st.fixed_dictionaries({"steps": VALUES, "loss": VALUES}),
        }
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"data": DATA | {"size": [64, 64]}}, "slices of 64 x 64 pixels"),
        ({"data": DATA | {"axis": 1}}, "axis 1"),
        ({"data": DATA | {"labels": "gland=1,2"}}, "labels gland=1,2"),
        ({"data": DATA | {"spacing": 1.0}}, "1.0 mm in-plane"),
        ({"split": {"test": 9, "val": 0, "seed": 0}}, "9 test cases"),
    ],
)
def test_other_preparation_labels_or_split_is_another_experiment(
    write_run: WriteRun, tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    write_run("a", [0.5, 0.6], changes={"data": DATA})
    write_run("b", [0.5, 0.9], changes={"data": DATA} | changes)
    by_folder = {run.folder.name: run for run in read_runs(tmp_path)}
    assert told in by_folder["b"].experiment
    assert told not in by_folder["a"].experiment
    assert [run.strategy for run in by_folder.values()] == ["random", "random"]
    finals = {s.final.mean for s in summarise(list(by_folder.values())) if s.final}
    assert finals == {0.6, 0.9}


def test_a_title_says_what_it_is_in_plain_words(write_run: WriteRun, tmp_path: Path) -> None:
    write_run("a", [0.5, 0.6], changes={"data": DATA})
    (run,) = read_runs(tmp_path)
    assert run.experiment == "Task04, slices of 50 x 50 pixels, classes Anterior and Posterior"


def test_another_seed_of_the_split_is_a_repeat_and_no_other_experiment(
    write_run: WriteRun, tmp_path: Path
) -> None:
    for seed in (0, 1):
        write_run(f"{seed}", [0.5, 0.6], changes={"split": {"test": 5, "val": 0, "seed": seed}})
    (summary,) = summarise(read_runs(tmp_path))
    assert summary.seeds == 2


def test_a_run_that_recorded_nothing_yet_belongs_to_its_siblings() -> None:
    config = {"data": DATA}
    titles = experiment_titles([config, config], [(), ("gland",)])
    assert titles == ["Task04, slices of 50 x 50 pixels, class gland"] * 2


def test_only_the_unusual_is_named(write_run: WriteRun, tmp_path: Path) -> None:
    for seed in range(3):
        write_run(f"r{seed}", [0.5, 0.6], seed=seed)
    write_run("other", [0.5, 0.6], changes={"budget": 5})
    names = {run.folder.name: run.strategy for run in read_runs(tmp_path)}
    assert names == {
        "r0": "random",
        "r1": "random",
        "r2": "random",
        "other": "random [budget 5]",
    }


def test_what_is_not_set_is_never_named(write_run: WriteRun, tmp_path: Path) -> None:
    write_run("a", [0.5, 0.6], changes={"note": None})
    write_run("b", [0.5, 0.6], changes={"note": 7})
    assert {run.strategy for run in read_runs(tmp_path)} == {"random", "random [note 7]"}


def test_the_initial_set_is_chance_and_makes_another_pair(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.5, 0.6], seed=3)
    write_run("b", [0.5, 0.6], seed=3, changes={"initial_seed": 3})
    write_run("c", [0.5, 0.6], seed=3, changes={"initial_seed": 7})
    runs = {run.folder.name: run for run in read_runs(tmp_path)}
    assert {run.strategy for run in runs.values()} == {"random"}
    assert runs["a"].pair == runs["b"].pair == (3, 3, 0)
    assert runs["c"].pair == (7, 3, 0)


def test_a_setting_names_every_value_and_a_plain_name_none(
    write_run: WriteRun, tmp_path: Path
) -> None:
    for seed in range(3):
        write_run(f"r{seed}", [0.5, 0.6], seed=seed)
    write_run("other", [0.5, 0.6], changes={"budget": 5})
    runs = {run.folder.name: run for run in read_runs(tmp_path)}
    assert runs["r0"].setting == "budget 2"
    assert runs["other"].setting == "budget 5"
    assert {run.plain_name for run in runs.values()} == {"random"}
    configs = [run.config for run in runs.values()]
    assert settings_in_words(configs, [""] * 4, without=("budget",)) == [""] * 4


def test_settings_that_change_together_are_named_once_and_the_rest_is_told() -> None:
    configs = [{"budget": 2, "training": {"steps": 1, "loss": "x"}}] * 2
    configs += [{"budget": 5, "training": {"steps": 9, "loss": "x"}}]
    names = [told.strategy for told in tell_apart(["r"] * 3, configs, [""] * 3)]
    assert names == ["r", "r", "r [budget 5]"]
    assert unnamed_differences(configs) == ["steps (1, 9)"]


def test_a_variant_is_called_as_the_recipe_calls_it_and_told_in_full_once(
    write_run: WriteRun, tmp_path: Path
) -> None:
    sets = {
        "set-1": {"steps": 1, "loss": "x"},
        "set-2": {"steps": 2, "loss": "y"},
        "set-10": {"steps": 2, "loss": "x"},
    }
    for name, training in sets.items():
        for strategy in ("random", "core-set"):
            write_run(
                f"{strategy}.variant-{name}/seed-0",
                [0.5, 0.6],
                selection=strategy,
                changes={"training": training},
            )
    runs = read_runs(tmp_path)
    assert [run.strategy for run in runs[:3]] == [
        f"random [variant {name}]" for name in ("set-1", "set-2", "set-10")
    ]
    assert {run.plain_name for run in runs} == {"random", "core-set"}
    assert "variant set-2 (steps 2, loss y)" in unnamed_differences([r.config for r in runs])


def test_values_are_read_as_they_were_meant_and_sorted_by_number(
    write_run: WriteRun, tmp_path: Path
) -> None:
    for rate in (2e-5, 4.9999999999999996e-06, 4e-6):
        changes = {"training": {"learning_rate": rate}}
        write_run(f"r{rate}", [0.5, 0.6], changes=changes)
    assert [run.setting for run in read_runs(tmp_path)] == [
        "learning rate 4e-06",
        "learning rate 5e-06",
        "learning rate 2e-05",
    ]


def test_a_switch_is_named_in_words() -> None:
    configs: list[dict[str, Any]] = [
        {"evaluation": {"hd95_in_voxels": on}} for on in (False, False, True)
    ]
    assert tell_apart(["r"] * 3, configs, [""] * 3)[2].strategy == "r [HD95 in voxels]"


@given(CONFIGS)
def test_names_are_equal_exactly_where_all_settings_are(configs: list[dict[str, Any]]) -> None:
    told = tell_apart(["r"] * len(configs), configs, [""] * len(configs))
    settings = [repr(sorted(comparable(config).items())) for config in configs]
    for names in ([one.strategy for one in told], [one.setting for one in told]):
        assert not any("None" in name or "=" in name for name in names)
        for (one, mine), (other, its) in pairwise(sorted(zip(settings, names, strict=True))):
            assert (one == other) == (mine == its)
        assert len(set(settings)) == len(set(names))
    assert {one.plain for one in told} == {"r"}
