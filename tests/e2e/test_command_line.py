"""What a person sees who types commands, and wrong ones."""

from __future__ import annotations

import csv
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nextslice.data.formats.readers import read_volume, write_volume

Run = Callable[..., "subprocess.CompletedProcess[str]"]

_TINY = (
    *("--preset", "quick", "--size", 32, 32, "--test", 2, "--cycles", 1),
    *("--budget", 4, "--initial", 4),
    *("--set", "training.steps=20", "--set", "network.channels=[4, 8]"),
)


def test_check_accepts_the_phantom_and_says_its_layout(run: Run, phantom_scans: Path) -> None:
    done = run("check", phantom_scans)
    assert done.returncode == 0, done.stderr
    assert "MSD layout" in done.stderr
    assert "8 accepted, 0 refused" in done.stdout


@pytest.fixture
def damaged_scans(phantom_scans: Path, tmp_path: Path) -> Path:
    """One case cut short, one with a label that is shifted by a voxel."""
    folder = tmp_path / "damaged"
    shutil.copytree(phantom_scans, folder)
    first, second, *_ = sorted((folder / "imagesTr").iterdir())
    first.write_bytes(first.read_bytes()[:-200])
    label = folder / "labelsTr" / second.name
    volume = read_volume(label)
    x, y, z = volume.geometry.shape
    geometry = replace(volume.geometry, shape=(x - 1, y, z))
    write_volume(label, np.ascontiguousarray(volume.voxels[1:]), geometry)
    return folder


def test_refused_cases_are_named_with_the_reason_and_stop_a_simulation(
    run: Run, damaged_scans: Path, tmp_path: Path
) -> None:
    done = run("check", damaged_scans)
    assert done.returncode == 1
    assert "6 accepted, 2 refused" in done.stdout
    first, second, *_ = sorted(path.name for path in (damaged_scans / "imagesTr").iterdir())
    refused = run("simulate", damaged_scans, "--out", tmp_path / "run", *_TINY)
    assert refused.returncode == 2
    for name in (first, second):
        assert name.removesuffix(".nii.gz") in refused.stderr
    assert "--skip-refused" in refused.stderr
    assert not (tmp_path / "run").exists()
    going_on = run(
        "simulate", damaged_scans, "--out", tmp_path / "run", "--skip-refused", *_TINY
    )
    assert going_on.returncode == 0, going_on.stderr


@pytest.mark.parametrize(
    ("selection", "uncertainty"),
    [
        ("random", None),
        ("core-set", None),
        ("top-k", "entropy"),
        ("stochastic-batches", None),  # with entropy, unless told otherwise
        ("stochastic-batches", "dropout"),
        ("stochastic-batches", "tta"),
        ("stochastic-batches", "learning-loss"),
    ],
)
def test_every_strategy_has_a_name_to_type(
    run: Run, phantom_scans: Path, tmp_path: Path, selection: str, uncertainty: str | None
) -> None:
    folder = tmp_path / "run"
    choice = () if uncertainty is None else ("--uncertainty", uncertainty)
    done = run(
        "simulate", phantom_scans, "--out", folder, "--selection", selection, *choice, *_TINY
    )
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader((folder / "cycles.csv").read_text().splitlines()))
    assert [(r["cycle"], r["n_labelled"], r["class"]) for r in rows] == [
        (cycle, labelled, name)
        for cycle, labelled in (("0", "4"), ("1", "8"))
        for name in ("cortex", "medulla", "mean")
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--preset", "papper"), "Did you mean paper?"),
        (("--uncertainty", "entropie"), "Did you mean entropy?"),
        (("--selection", "stochastic-batch"), "Did you mean stochastic-batches?"),
        (("--set", "training.stepz=3"), "Did you mean steps?"),
        (("--set", "trainning.steps=3"), "Did you mean training?"),
        (("--set", "training.steps=many"), "training.steps"),
        (("--set", "training.steps=-5"), "steps must be a whole number >= 1; got -5"),
        (("--set", "training.steps"), "path.to.setting=value"),
        (("--set", "selection.pool_sise=5"), "Did you mean pool_size?"),
        (("--set", "uncertainty.samples=5"), "samples"),
        (("--test", 8), "leave none of 8 cases"),
        (("--labels", "organ=7"), "declares"),
        (("--device", "abacus"), "abacus"),
        (("--fit", "squeeze"), "fit"),
        (("--selection", "nowhere.at:All"), "can be imported"),
    ],
)
def test_what_is_typed_wrong_is_explained(
    run: Run, phantom_scans: Path, tmp_path: Path, arguments: tuple[object, ...], expected: str
) -> None:
    done = run("simulate", phantom_scans, "--out", tmp_path / "run", *_TINY, *arguments)
    assert done.returncode == 2
    assert expected in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_no_data_set_is_explained(run: Run, tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        done = run("check", folder)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert str(folder) in done.stderr.replace("\n", "")


def test_other_settings_for_an_old_run_are_refused_and_more_cycles_are_not(
    run: Run, phantom_scans: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    assert run("simulate", phantom_scans, "--out", folder, *_TINY).returncode == 0
    refused = run("simulate", phantom_scans, "--out", folder, *_TINY, "--seed", 1)
    assert refused.returncode == 2
    assert "seed: 0 then, 1 now" in refused.stderr
    longer = run("simulate", phantom_scans, "--out", folder, *_TINY, "--cycles", 2)
    assert longer.returncode == 0, longer.stderr
    assert len((folder / "cycles.csv").read_text().splitlines()) == 1 + 3 * 3


def test_version_and_help_answer_quickly_and_list_the_commands(run: Run) -> None:
    assert run("--version").stdout.startswith("nextslice ")
    text = run("--help").stdout
    for command in ("check", "demo", "fetch", "phantom", "report", "simulate"):
        assert command in text
