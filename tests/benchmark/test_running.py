"""A benchmark as a whole: pairs, what is done once, what is refused, what is kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.canary import FOLDER, found_in

from nextslice.benchmark import (
    Outcome,
    Recipe,
    open_benchmark,
    part_of,
    prepare_data,
    read_recipe,
    run_benchmark,
)
from nextslice.errors import DataError, ProjectChangedError

MakeRecipe = Callable[..., Recipe]
Results = Callable[[Path], tuple[bytes, list[str], list[str]]]
LIGHT = ("config.yaml", "environment.json", "cycles.csv", "queries.csv")


@pytest.fixture(scope="module")
def whole(
    make_recipe: MakeRecipe, tmp_path_factory: pytest.TempPathFactory, runner: type[Any]
) -> Path:
    """A benchmark from its beginning to its end."""
    out = tmp_path_factory.mktemp("whole") / "out"
    recipe = make_recipe()
    outcomes = run_benchmark(recipe, open_benchmark(recipe, out), out, runner())
    assert [outcome.error for outcome in outcomes] == [None] * 4
    return out


def test_runs_of_one_seed_have_the_same_initial_slices_and_share_one_training(
    whole: Path, results: Results
) -> None:
    first: dict[str, set[tuple[bytes, ...]]] = {}
    for folder in (whole / "runs").glob("*/seed-*"):
        queries, _, weights = results(folder)
        initial = [line for line in queries.splitlines() if line.startswith(b"0,")]
        first.setdefault(folder.name, set()).add((*initial, weights[0].encode()))
    assert {seed: len(found) for seed, found in first.items()} == {"seed-0": 1, "seed-1": 1}
    assert first["seed-0"] != first["seed-1"]
    assert len(list((whole / "trainings").glob("*/manifest.json"))) == 2


def test_initial_sets_with_one_seed_differ_in_their_slices(
    make_recipe: MakeRecipe, tmp_path: Path, here: Any
) -> None:
    recipe = make_recipe(seeds=[0], initial_sets=[0, 1], cycles=0)
    jobs = open_benchmark(recipe, tmp_path)
    run_benchmark(recipe, jobs, tmp_path, here)
    asked: dict[str, set[bytes]] = {}
    for job in jobs:
        asked.setdefault(job.out.name, set()).add((job.out / "queries.csv").read_bytes())
    assert {name: len(found) for name, found in asked.items()} == {
        "seed-0.set-0": 1,
        "seed-0.set-1": 1,
    }
    assert asked["seed-0.set-0"] != asked["seed-0.set-1"]


def test_what_is_finished_is_not_opened_again_though_only_its_small_files_are_left(
    make_recipe: MakeRecipe, whole: Path, tmp_path: Path, here: Any
) -> None:
    for folder in (whole / "runs").glob("*/seed-*"):
        light = tmp_path / folder.relative_to(whole)
        light.mkdir(parents=True)
        for name in LIGHT:
            shutil.copy(folder / name, light)
    recipe = make_recipe(data={"folder": "moved/away", "size": [32, 32]})
    jobs = open_benchmark(recipe, tmp_path)
    outcomes = run_benchmark(recipe, jobs, tmp_path, here)
    assert here.jobs == []
    assert [(outcome.error, outcome.seconds) for outcome in outcomes] == [(None, None)] * 4
    assert {entry["state"] for entry in _entries(tmp_path)} == {"finished"}
    assert not list(tmp_path.rglob("project.db"))


def test_more_cycles_and_more_seeds_go_on_from_what_is_there(
    make_recipe: MakeRecipe, whole: Path, tmp_path: Path, here: Any, results: Results
) -> None:
    out = tmp_path / "out"
    shutil.copytree(whole, out)
    recipe = make_recipe(seeds=[1, 2], cycles=3)
    jobs = open_benchmark(recipe, out)
    run_benchmark(recipe, part_of(jobs, strategies=["random"]), out, here)
    assert [job.name for job in here.jobs] == ["random/seed-1", "random/seed-2"]
    longer, before = (results(base / "runs/random/seed-1") for base in (out, whole))
    assert longer[1][: len(before[1])] == before[1]
    assert longer[2][:3] == before[2]
    assert len(longer[2]) == 4
    # what this call was not about stays as it was
    states = {entry["run"]: entry["state"] for entry in _entries(out)}
    assert states == {
        "runs/random/seed-0": "finished",
        "runs/entropy-sb/seed-0": "finished",
        "runs/random/seed-1": "finished",
        "runs/entropy-sb/seed-1": "finished",
        "runs/random/seed-2": "finished",
    }


def test_other_settings_than_those_of_runs_that_are_there_are_refused_before_any_starts(
    make_recipe: MakeRecipe, whole: Path, tmp_path: Path
) -> None:
    recipe = make_recipe(settings={"network": {"channels": [4, 8]}, "training": {"steps": 30}})
    with pytest.raises(ProjectChangedError) as caught:
        open_benchmark(recipe, whole)
    assert "training.steps: 20 then, 30 now" in str(caught.value)
    assert "So did 3 other runs" in str(caught.value)
    assert "--accept-changes" in str(caught.value)
    assert len(open_benchmark(recipe, whole, accept_changes=True)) == 4
    (tmp_path / "runs/random/seed-0").mkdir(parents=True)
    (tmp_path / "runs/random/seed-0/config.yaml").write_text("other: settings")
    with pytest.raises(ProjectChangedError, match=r"budget: \(absent\) then, 3 now"):
        open_benchmark(recipe, tmp_path)


def test_another_recipe_in_the_folder_is_fine_where_its_runs_are_others_or_equal(
    make_recipe: MakeRecipe, whole: Path
) -> None:
    strategies = {"random": {"selection": "random"}, "core-set": {"selection": "core-set"}}
    assert len(open_benchmark(make_recipe(strategies=strategies), whole)) == 4


def test_a_run_that_fails_is_recorded_with_its_cause_and_the_others_go_on(
    make_recipe: MakeRecipe, tmp_path: Path, here: Any
) -> None:
    recipe = make_recipe(seeds=[0], cycles=0)
    jobs = open_benchmark(recipe, tmp_path)
    jobs[0].out.mkdir(parents=True)
    (jobs[0].out / "somebody-elses.txt").touch()
    told: list[Outcome] = []
    outcomes = run_benchmark(recipe, jobs, tmp_path, here, on_outcome=told.append)
    assert tuple(told) == outcomes
    failed, finished = _entries(tmp_path)
    assert failed["run"] == "runs/random/seed-0"
    assert failed["state"] == "failed"
    assert "it holds other files" in failed["cause"]
    assert failed["seconds"] >= 0
    assert failed["traceback"] is None  # the folder is somebody else's
    assert [path.name for path in jobs[0].out.iterdir()] == ["somebody-elses.txt"]
    assert finished == {
        "run": "runs/entropy-sb/seed-0",
        "state": "finished",
        "cause": None,
        "seconds": outcomes[1].seconds and round(outcomes[1].seconds, 3),
        "traceback": None,
    }


def test_where_in_the_code_a_run_failed_is_kept_until_it_ends_well(
    make_recipe: MakeRecipe, tmp_path: Path, here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = make_recipe(seeds=[0], cycles=0, strategies={"r": {"selection": "random"}})
    jobs = open_benchmark(recipe, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("nextslice.learner.ActiveLearner.fit", _breaks)
        run_benchmark(recipe, jobs, tmp_path, here)
    (failed,) = _entries(tmp_path)
    assert failed["cause"] == "ZeroDivisionError: a mistake in a plug-in"
    told = (tmp_path / failed["traceback"]).read_text()
    assert "in _breaks" in told
    assert "a mistake in a plug-in" in told
    run_benchmark(recipe, jobs, tmp_path, here)
    (finished,) = _entries(tmp_path)
    assert (finished["state"], finished["traceback"]) == ("finished", None)
    assert not (tmp_path / failed["traceback"]).exists()


@pytest.mark.promise(
    "Nothing leaves that names a patient",
    fault="a name in folders: what a benchmark keeps of runs that failed",
)
def test_what_is_kept_of_a_failed_run_names_no_folder_of_this_machine(
    make_recipe: MakeRecipe, tmp_path: Path, here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = make_recipe(seeds=[0], cycles=0)
    out = tmp_path / FOLDER / "out"
    jobs = open_benchmark(recipe, out)

    def breaks(learner: Any, *_: object, **__: object) -> None:
        try:
            Path(jobs[0].config.data.folder, "imagesTr/gone.nii.gz").read_bytes()
        except OSError as error:
            folder = learner.project.folder
            raise DataError(f"{folder}/x.npy and {out}/z are gone: {error}") from error

    monkeypatch.setattr("nextslice.learner.ActiveLearner.fit", breaks)
    outcomes = run_benchmark(recipe, jobs, out, here)
    failed, *_ = _entries(out)
    assert failed["cause"].startswith("x.npy and z are gone: ")
    assert "'imagesTr/gone.nii.gz'" in failed["cause"]
    assert "in breaks" in (out / failed["traceback"]).read_text()
    for kept in ("outcomes.json", failed["traceback"]):
        assert found_in((out / kept).read_bytes(), FOLDER, str(tmp_path)) == []
    # Whoever waits in front of it is told of the very files.
    assert FOLDER in (outcomes[0].error or "")


def test_a_run_that_failed_before_it_began_can_begin(
    make_recipe: MakeRecipe, tmp_path: Path, here: Any
) -> None:
    recipe = make_recipe(seeds=[0], cycles=0, strategies={"r": {"selection": "random"}})
    too_few = make_recipe(split={"test": 4}, seeds=[0], cycles=0, strategies=recipe.strategies)
    run_benchmark(too_few, open_benchmark(too_few, tmp_path), tmp_path, here)
    (failed,) = _entries(tmp_path)
    assert "leave none" in failed["cause"]
    assert (tmp_path / failed["traceback"]).is_file()
    (done,) = run_benchmark(recipe, open_benchmark(recipe, tmp_path), tmp_path, here)
    assert done.error is None


def _breaks(*_: object, **__: object) -> None:
    raise ZeroDivisionError("a mistake in a plug-in")


def test_a_benchmark_that_is_stopped_says_so_of_runs_that_have_not_ended(
    make_recipe: MakeRecipe, tmp_path: Path, here: Any
) -> None:
    recipe = make_recipe(seeds=[0], cycles=0)

    def stop(_: Outcome) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_benchmark(recipe, open_benchmark(recipe, tmp_path), tmp_path, here, on_outcome=stop)
    assert [entry["state"] for entry in _entries(tmp_path)] == ["finished", "unfinished"]


def test_the_recipe_is_kept_and_its_threads_with_it(
    make_recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More seeds leave runs that are there with the threads they began with."""
    monkeypatch.setattr("os.cpu_count", lambda: 13)
    recipe = make_recipe(settings={"threads": None})
    jobs = open_benchmark(recipe, tmp_path)
    assert {job.config.threads for job in jobs} == {3}
    run_benchmark(recipe, jobs, tmp_path, _DoesNothing())
    kept = yaml.safe_load((tmp_path / "recipe.yaml").read_text())
    assert kept["settings"]["threads"] == 3
    assert read_recipe(tmp_path / "recipe.yaml").strategies == recipe.strategies
    more = make_recipe(settings={"threads": None}, seeds=list(range(9)))
    assert {job.config.threads for job in open_benchmark(more, tmp_path)} == {3}
    assert {job.config.threads for job in open_benchmark(more, tmp_path / "new")} == {1}


def test_data_that_is_not_there_is_explained(
    make_recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    jobs = open_benchmark(make_recipe(data={"folder": "scans"}), tmp_path / "out")
    with pytest.raises(DataError) as caught:
        prepare_data(jobs)
    assert f"is looked for in {tmp_path}" in str(caught.value)
    assert "--data FOLDER" in str(caught.value)


def test_an_outcomes_file_that_is_damaged_is_no_obstacle(
    make_recipe: MakeRecipe, tmp_path: Path
) -> None:
    deep, half = "[" * 100_000, r'[{"run": "\ud800", "state": "finished"}]'
    for text in ("{", "[1]", '[{"state": "finished"}]', "{}", deep, half):
        (tmp_path / "outcomes.json").write_text(text)
        recipe = make_recipe(seeds=[0])
        run_benchmark(recipe, open_benchmark(recipe, tmp_path), tmp_path, _DoesNothing())
        assert [entry["state"] for entry in _entries(tmp_path)] == ["unfinished"] * 2


class _DoesNothing:
    def run(self, jobs: Any, **_: object) -> tuple[Outcome, ...]:
        return tuple(Outcome(job) for job in jobs)


def _entries(out: Path) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((out / "outcomes.json").read_text())
    return entries
