"""Runs are read as they lie on disk, named as the paper names them, and never mixed up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nextslice.errors import ProjectError
from nextslice.report import read_runs
from nextslice.selection import StochasticBatches, VolumeCap

WriteRun = Callable[..., Path]


def _capped(inner: str, fields: dict[str, object] | None = None, **own: object) -> object:
    """A cap of slices per volume over another selection, as ``config.yaml`` keeps it."""
    wrapped = {"name": inner, "parameters": fields or {}}
    return {"name": "volume-cap", "parameters": {**own, "selection": wrapped}}


def test_every_run_below_a_folder_is_found_at_any_depth(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.5, 0.6])
    write_run("deep/er/b", [0.5, 0.6], seed=1)
    (tmp_path / "runs" / "no-run").mkdir()
    runs = read_runs(tmp_path)
    assert [run.folder.name for run in runs] == ["a", "b"]
    assert [run.seed for run in runs] == [0, 1]


def test_a_run_s_own_folder_is_read_as_one_run(write_run: WriteRun) -> None:
    run = read_runs(write_run("a", [0.5, 0.6], strength=None, environment={"threads": 2}))[0]
    assert run.recorded == {0: 2, 1: 4}
    assert run.metric("dice_3d") == {0: 0.5, 1: 0.6}
    assert run.metric("dice_3d", "Anterior") == {0: 0.52, 1: 0.62}
    assert run.classes == ("Anterior", "Posterior")
    assert run.environment == {"threads": 2}
    assert run.strengths() == {}
    assert run.volumes() == {1: 2}
    assert run.working_seconds() == 10 + 2 + 10 + 0.5 + 2


@pytest.mark.parametrize(
    ("uncertainty", "selection", "name"),
    [
        (None, "random", "random"),
        (None, "core-set", "core-set"),
        ("entropy", "top-k", "entropy"),
        ("entropy", "stochastic-batches", "entropy + stochastic batches"),
        ("tta", "stochastic-batches", "TTA + stochastic batches"),
        ("learning-loss", "top-k", "learning loss"),
        ("entropy", "random", "random (scored by entropy)"),
        ("my.package:Mine", "top-k", "my.package:Mine"),
        (
            "entropy",
            {"name": "stochastic-batches", "parameters": {"pool_size": None, "budget": 7}},
            "entropy + stochastic batches",
        ),
        (
            "entropy",
            {
                "name": "stochastic-batches",
                "parameters": {"pool_size": 100, "aggregation": "max"},
            },
            "entropy + stochastic batches (Q = 100, aggregation = max)",
        ),
        (
            {"name": "dropout", "parameters": {"samples": 16, "divergence": "jsd"}},
            "top-k",
            "dropout (K = 16)",
        ),
        (
            {"name": "learning-loss", "parameters": {"loss_prediction": {"margin": 0.0}}},
            "top-k",
            "learning loss (margin = 0.0)",
        ),
        (None, "stratified", "random stratified by volume"),
        (None, "strided", "strided"),
        (None, "badge", "BADGE"),
        ("entropy", "stratified", "random stratified by volume (scored by entropy)"),
        (None, "foreground-random", "random, 33 % foreground (label-informed)"),
        (
            None,
            {"name": "foreground-random", "parameters": {"fraction": 0.66}},
            "random, 66 % foreground (label-informed)",
        ),
        (
            "entropy",
            {"name": "power", "parameters": {"beta": 1.0, "match": "stochastic-batches"}},
            "entropy + power noise, matched",
        ),
        (
            "entropy",
            {"name": "soft-rank", "parameters": {"beta": 4.0, "match": None}},
            "entropy + soft-rank noise (beta = 4.0)",
        ),
        ("tta", "softmax", "TTA + softmax noise"),
        ("entropy", _capped("top-k"), "entropy, 1 per volume"),
        (None, _capped("random", per_volume=3), "random, 3 per volume"),
        (
            "dropout",
            _capped("stochastic-batches", {"pool_size": 100}),
            "dropout + stochastic batches (Q = 100), 1 per volume",
        ),
        (
            "entropy",
            {
                "name": "minimum-distance",
                "parameters": {"slices": 5, "selection": _capped("power")},
            },
            "entropy + power noise, 1 per volume, 5 slices apart",
        ),
        ("entropy", _capped("pkg:Mine"), "entropy + pkg:Mine, 1 per volume"),
        # what a learner of one's own keeps: the reprs of its arguments
        (
            "Entropy()",
            "StochasticBatches(budget=None, pool_size=9)",
            "entropy + stochastic batches (Q = 9)",
        ),
        (
            "Entropy()",
            repr(VolumeCap(StochasticBatches(pool_size=9), per_volume=2)),
            "entropy + stochastic batches (Q = 9), 2 per volume",
        ),
    ],
)
def test_a_strategy_is_named_with_what_is_not_the_default(
    write_run: WriteRun, uncertainty: object, selection: object, name: str
) -> None:
    changes = {}
    if uncertainty == "Entropy()":
        changes = {"uncertainty": uncertainty, "selection": selection}
    folder = write_run(
        "a", [0.5, 0.6], uncertainty=uncertainty, selection=selection, changes=changes
    )
    assert read_runs(folder)[0].strategy == name


def test_runs_with_other_settings_are_never_seeds_of_one_experiment(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.5, 0.6], changes={"budget": 2})
    write_run("b", [0.5, 0.6], seed=1, changes={"budget": 5})
    assert [r.strategy for r in read_runs(tmp_path)] == [
        "random [budget 2]",
        "random [budget 5]",
    ]


def test_other_data_is_another_experiment_but_not_where_the_data_lies(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.5, 0.6], changes={"data": {"folder": "/one/Prostate"}})
    write_run("b", [0.5, 0.6], seed=1, changes={"data": {"folder": "/two/Prostate/"}})
    assert len({r.experiment for r in read_runs(tmp_path)}) == 1
    write_run("c", [0.5, 0.6], changes={"data": {"folder": "/one/Hippocampus"}})
    runs = read_runs(tmp_path)
    assert [r.experiment.split(",")[0] for r in runs] == ["Hippocampus", "Prostate", "Prostate"]
    assert {r.strategy for r in runs} == {"random"}


def test_between_presets_only_the_preset_is_named(write_run: WriteRun, tmp_path: Path) -> None:
    write_run("a", [0.5, 0.6])
    write_run(
        "b", [0.5, 0.6], changes={"preset": "paper", "training": {"steps": 18750, "loss": "x"}}
    )
    assert {r.strategy for r in read_runs(tmp_path)} == {
        "random [preset quick]",
        "random [preset paper]",
    }


def test_fields_without_a_known_default_are_named_where_they_differ(
    write_run: WriteRun, tmp_path: Path
) -> None:
    for name, width in (("a", 1), ("b", 2)):
        chosen = {"name": "pkg:Mine", "parameters": {"width": width, "same": 3}}
        write_run(name, [0.5, 0.6], uncertainty=chosen, selection="top-k")
    assert [r.strategy for r in read_runs(tmp_path)] == [
        "pkg:Mine [width 1]",
        "pkg:Mine [width 2]",
    ]


@pytest.mark.parametrize(
    ("recorded", "finished"), [([], False), ([0.5], False), ([0.5, 0.6], True)]
)
def test_an_unfinished_run_is_kept_and_known_as_such(
    write_run: WriteRun, recorded: list[float], finished: bool
) -> None:
    run = read_runs(write_run("a", recorded, planned=1))[0]
    assert run.finished is finished
    assert len(run.recorded) == len(recorded)
    assert run.planned == 2


def test_empty_cells_are_nothing_measured(write_run: WriteRun) -> None:
    folder = write_run("a", [0.5, 0.6])
    text = (folder / "cycles.csv").read_text().replace("1,4,mean,0.6,", "1,4,mean,,")
    (folder / "cycles.csv").write_text(text)
    assert read_runs(folder)[0].metric("dice_3d") == {0: 0.5}


def test_runs_behind_links_are_found_and_each_counts_once(
    write_run: WriteRun, tmp_path: Path
) -> None:
    """People gather runs of many folders in one folder of links."""
    write_run("study.variant-wide/a", [0.5, 0.6])
    write_run("study.variant-wide/b", [0.5, 0.6], seed=1)
    gathered = tmp_path / "gathered"
    gathered.mkdir()
    (gathered / "a").symlink_to(tmp_path / "runs" / "study.variant-wide" / "a")
    (only,) = read_runs(gathered)
    assert only.folder == gathered / "a"
    assert only.config["variant"] == "wide"  # as of the folder that the run lies in
    (gathered / "all").symlink_to(tmp_path / "runs")
    (gathered / "circle").symlink_to(gathered)
    (gathered / "gone").symlink_to(tmp_path / "nowhere")
    assert [run.seed for run in read_runs(gathered)] == [0, 1]
    (tmp_path / "runs" / "again").symlink_to("study.variant-wide")
    names = {run.folder.parent.name for run in read_runs(tmp_path / "runs")}
    assert names == {"study.variant-wide"}


def test_a_folder_without_runs_says_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("seed: 0\n")
    with pytest.raises(ProjectError, match=r"config\.yaml and cycles\.csv"):
        read_runs(tmp_path)
    with pytest.raises(ProjectError, match="no such folder"):
        read_runs(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("file", "content", "complaint"),
    [
        ("config.yaml", "a: [", "config.yaml"),
        ("config.yaml", "just words", "Expected settings by name"),
        ("config.yaml", "selection: {name: random}\nseed: zero\n", "whole number as seed"),
        ("config.yaml", "seed: 0\n", "Expected a selection"),
        ("config.yaml", "!!python/object/apply:os.getcwd []\n", "config.yaml"),
        ("environment.json", "{", "environment.json"),
        ("cycles.csv", "cycle,class\n0,mean\n", "n_labelled"),
        ("queries.csv", "", "Expected the columns"),
    ],
)
def test_a_damaged_file_is_named(
    write_run: WriteRun, file: str, content: str, complaint: str
) -> None:
    folder: Path = write_run("a", [0.5, 0.6])
    (folder / file).write_text(content)
    with pytest.raises(ProjectError, match=complaint) as raised:
        read_runs(folder)
    assert file in str(raised.value)


def test_a_cell_that_is_no_number_is_an_error_that_names_the_file(write_run: WriteRun) -> None:
    folder: Path = write_run("a", [0.5, 0.6])
    text = (folder / "cycles.csv").read_text()
    (folder / "cycles.csv").write_text(text.replace("0.52", "much"))
    with pytest.raises(ProjectError, match=r"cycles\.csv"):
        read_runs(folder)


def test_baselines_come_first_and_without_stands_before_with(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("1", [0.5], uncertainty="tta", selection="stochastic-batches")
    write_run("2", [0.5], uncertainty="entropy", selection="stochastic-batches")
    write_run("3", [0.5], uncertainty="entropy", selection="top-k")
    write_run("4", [0.5], selection="core-set")
    write_run("5", [0.5], selection="random", seed=1)
    write_run("6", [0.5], selection="random", seed=0)
    assert [run.folder.name for run in read_runs(tmp_path)] == ["6", "5", "4", "3", "2", "1"]


def test_numbers_in_names_are_put_in_the_order_of_numbers(
    write_run: WriteRun, tmp_path: Path
) -> None:
    for budget in (10, 2, 5):
        write_run(f"{budget}", [0.5], changes={"budget": budget})
    assert [run.folder.name for run in read_runs(tmp_path)] == ["2", "5", "10"]
