"""A live project: what it is made from, and that it can be looked at while it is open."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from nextslice.config import resolve_live_config
from nextslice.data.phantom import Phantom, write_phantom
from nextslice.errors import (
    ProjectChangedError,
    ProjectError,
    ProjectLockedError,
    RefusedCasesError,
    SettingsError,
)
from nextslice.live import LiveProject, live_config
from nextslice.project import Records, SliceState
from nextslice.report.runs import read_runs

Create = Callable[..., LiveProject]


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two patients, of whom the first has a label."""
    folder = tmp_path_factory.mktemp("live") / "scans"
    write_phantom(folder, Phantom(patients=2, size=(32, 32), slices=(8, 8)))
    (folder / "dataset.json").unlink()
    (folder / "phantom.json").unlink()
    (folder / "labelsTr" / "phantom_001.nii.gz").unlink()
    return folder


@pytest.fixture
def create(scans: Path, tmp_path: Path) -> Create:
    def create(**changes: Any) -> LiveProject:
        settings = ["training.steps=4", "network.channels=[4, 8]", "device=cpu", "budget=3"]
        assignments = (*settings, "uncertainty.samples=2", *changes.pop("assignments", ()))
        arguments: dict[str, Any] = {"images": scans, "labels": "cortex,medulla"} | changes
        return LiveProject.create(tmp_path / "project", assignments=assignments, **arguments)

    return create


def test_the_settings_are_kept_resolved_and_open_the_project_again(
    create: Create, scans: Path, tmp_path: Path
) -> None:
    with create(changes={"budget": 7, "data": {"size": (28, 28)}}) as project:
        config = project.config
        assert project.classes == ("cortex", "medulla")
    assert live_config(tmp_path / "project") == config
    kept = yaml.safe_load((tmp_path / "project/config.yaml").read_text())
    assert kept["uncertainty"] == {
        "name": "dropout",
        "parameters": {"samples": 2, "divergence": "jsd"},
    }
    assert kept["selection"]["name"] == "stochastic-batches"
    assert (kept["budget"], kept["initial"], kept["data"]["size"]) == (3, 10, [28, 28])
    assert kept["data"]["labels"] == "cortex=1;medulla=2"
    assert kept["data"]["folder"] == str(scans)
    assert not {"cycles", "split", "evaluation"} & set(kept)
    with LiveProject.open(tmp_path / "project") as project:
        assert project.config == config


def test_a_selection_that_ignores_scores_has_nothing_scored_unless_told() -> None:
    data = {"data": {"folder": "scans", "labels": "organ=1"}}
    assert resolve_live_config("quick", data | {"selection": "random"}).uncertainty is None
    told = resolve_live_config("quick", data | {"selection": "random", "uncertainty": "tta"})
    assert told.uncertainty is not None
    assert told.uncertainty.name == "tta"
    usual = resolve_live_config("quick", data, ["uncertainty.samples=3"])
    assert usual.uncertainty is not None
    assert usual.uncertainty.name == "dropout"
    assert usual.uncertainty.parameters["samples"] == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": "cortex,"}, "names of the classes"),
        ({"assignments": ["cycles=3"]}, "Unknown setting cycles"),
        ({"assignments": ["trainin.steps=3"]}, "Did you mean training"),
        ({"preset": "papre"}, "Did you mean paper"),
        ({"changes": {"uncertainty": "entrpy"}}, "Did you mean entropy"),
    ],
)
def test_a_wrong_setting_is_named_before_anything_is_made(
    create: Create, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        create(**changes)
    assert not (tmp_path / "project").exists()


def test_labels_that_came_with_the_data_must_hold_declared_values(create: Create) -> None:
    with pytest.raises(RefusedCasesError, match="values that are not declared: 2"):
        create(labels="cortex")


def test_a_project_is_made_once(create: Create, tmp_path: Path) -> None:
    create().close()
    with pytest.raises(ProjectError, match="holds one already"):
        create()


def test_other_folders_are_told_from_live_projects(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="nextslice init"):
        LiveProject.open(tmp_path)
    (tmp_path / "config.yaml").write_text("split: {test: 3}\n")
    with pytest.raises(ProjectError, match="simulated run"):
        LiveProject.open(tmp_path)
    (tmp_path / "config.yaml").write_text("preset: [\n")
    with pytest.raises(ProjectError, match="Expected to read"):
        live_config(tmp_path)
    (tmp_path / "config.yaml").write_text("preset: quick\n")
    with pytest.raises(ProjectError, match="cannot be used"):
        live_config(tmp_path)


def test_scans_that_were_moved_are_found_where_they_are_said_to_be(
    create: Create, scans: Path, tmp_path: Path
) -> None:
    create().close()
    moved = tmp_path / "moved"
    for path in scans.rglob("*.nii.gz"):
        target = moved / path.relative_to(scans)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    with LiveProject.open(tmp_path / "project", images=moved) as project:
        assert project.config.data.folder == str(moved)
    assert live_config(tmp_path / "project").data.folder == str(moved)
    (moved / "labelsTr" / "phantom_000.nii.gz").unlink()
    with pytest.raises(ProjectChangedError, match="data:"):
        LiveProject.open(tmp_path / "project")


def test_the_steps_by_hand_are_those_of_any_loop(create: Create, tmp_path: Path) -> None:
    with create() as project:
        assert len(project.ask()) == 0  # labels came with the data: nothing is asked first
        project.train()
        with pytest.raises(ProjectError, match="begin the next cycle"):
            project.train()
        query = project.ask(budget=4)
        assert len(query) == 4
        assert project.ask() == query  # and without a warning of another budget
        learner = project.learner
        first, second, third, _ = [queried.id for queried in query.slices]
        height, width = project.pool.size
        mask = np.ones((height, width), np.uint8)
        learner.tell(query, {first: mask, second: mask}, annotator="Ada")
        learner.skip(query, second, reason="motion")
        learner.skip(query, third, reason="cut off")
        learner.withdraw(query, third)
        project.train()
        states = project.project.states()
        assert [states[name] for name in (first, second, third)] == [
            SliceState.LABELLED,
            SliceState.SKIPPED,
            SliceState.QUERIED,
        ]
        asked = [queried.id for queried in project.ask(budget=100).slices]
        assert third in asked
        assert not {first, second} & set(asked)


@pytest.mark.parametrize(
    "selection",
    [
        "{name: volume-cap, per_volume: 2, selection: {name: minimum-distance, slices: 2, "
        "selection: {name: power, match: stochastic-batches}}}",
        "badge",
        "strided",
        "core-set",
        "{name: stochastic-batches, pool_size: 5}",
    ],
)
def test_every_kind_of_selection_asks_live(
    create: Create, tmp_path: Path, selection: str
) -> None:
    with create(assignments=[f"selection={selection}", "uncertainty=entropy"]) as project:
        project.ask()
        project.train()
        query = project.ask(budget=3)
        asked = [queried.id for queried in query.slices]
        assert len(set(asked)) == 3
        assert {name.case for name in asked} == {"phantom_001"}  # the one without labels
        if "volume-cap" in selection:  # two keep both rules; the third cannot keep the cap
            first, second, _ = (name.index for name in asked)
            assert abs(first - second) >= 2
    with LiveProject.open(tmp_path / "project") as project:
        assert project.ask() == query


@pytest.fixture
def bare(scans: Path, tmp_path: Path) -> Path:
    """The same patients, and no label at all."""
    folder = tmp_path / "bare"
    for path in (scans / "imagesTr").iterdir():
        folder.mkdir(exist_ok=True)
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


@pytest.mark.parametrize("seed", range(3))
def test_the_first_query_is_selected_as_the_project_says(
    create: Create, bare: Path, seed: int
) -> None:
    said = ["first_query=stratified", "initial=6", f"seed={seed}"]
    with create(images=bare, assignments=said) as project:
        cases = [queried.id.case for queried in project.ask().slices]
    assert sorted(cases.count(case) for case in set(cases)) == [3, 3]


@pytest.mark.parametrize(
    ("first", "message"),
    [("top-k", "needs no model"), ("stratifid", "Expected first_query.*Did you mean strat")],
)
def test_a_first_query_that_cannot_be_is_refused(
    create: Create, bare: Path, tmp_path: Path, first: str, message: str
) -> None:
    with pytest.raises(SettingsError, match=f"(?s){message}"):
        create(images=bare, assignments=[f"first_query={first}"])
    assert not (tmp_path / "project/config.yaml").exists()


def test_a_project_of_before_first_queries_were_said_opens(
    create: Create, bare: Path, tmp_path: Path
) -> None:
    create(images=bare).close()
    path = tmp_path / "project/config.yaml"
    settings = yaml.safe_load(path.read_text())
    assert settings.pop("first_query", "") is None
    path.write_text(yaml.safe_dump(settings))
    LiveProject.open(tmp_path / "project").close()


def test_a_cycle_without_metrics_keeps_its_row_and_reports_read_it(
    create: Create, tmp_path: Path
) -> None:
    with create() as project:
        project.ask()
        project.train()
    header, row = (tmp_path / "project/cycles.csv").read_text().splitlines()
    told = dict(zip(header.split(","), row.split(","), strict=True))
    assert (told["cycle"], told["n_labelled"], told["class"]) == ("0", "8", "mean")
    assert told["dice_3d"] == told["dice_2d"] == told["hd95_3d_mm"] == ""
    assert float(told["train_seconds"]) > 0
    [run] = read_runs(tmp_path / "project")
    assert run.recorded == {0: 8}
    assert run.metric("dice_3d") == {}
    assert run.working_seconds() > 0


def test_a_project_can_be_looked_at_while_somebody_works_on_it(
    create: Create, tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    with create() as project:
        project.ask()
        with pytest.raises(ProjectLockedError):
            LiveProject.open(folder)
        with Records.look(folder) as records:
            assert records.n_labelled() == 8
            assert [view.cycle for view in records.history()] == [0]
            assert len(records.states()) == 16
        with project.project._writing(), Records.look(folder) as records:
            assert records.last_cycle() == 0  # in the midst of a transaction, too
    with pytest.raises(ProjectError, match="there is none"):
        Records.look(tmp_path)


def test_threads_may_look_while_others_write(create: Create) -> None:
    with create() as project:
        query = project.ask()
        project.train()
        query = project.ask(budget=3)
        done = threading.Event()
        seen: list[int] = []

        def look() -> None:
            while not done.is_set():
                seen.append(project.project.history()[-1].answered)

        watcher = threading.Thread(target=look)
        watcher.start()
        mask = np.ones(project.pool.size, np.uint8)
        for queried in query.slices:
            project.learner.tell(query, {queried.id: mask}, annotator="Ada")
        done.set()
        watcher.join()
        assert seen == sorted(seen)
        assert project.project.history()[-1].answered == 3
