"""From scans to a model over files alone, in real processes."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Callable
from pathlib import Path

import SimpleITK as sitk  # noqa: N813

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def _annotate(folder: Path, labels: Path) -> int:
    """Draw what the labels say on the slices that are asked for, as an editor would save it."""
    with (folder / "slices.csv").open() as stream:
        asked = list(csv.DictReader(stream))
    for entry in asked:
        path, index = folder / entry["mask"], int(entry["slice"])
        mask = sitk.ReadImage(str(path))
        label = sitk.ReadImage(str(labels / f"{entry['case']}.nii.gz"))
        mask[:, :, index] = sitk.Cast(label[:, :, index], mask.GetPixelID())
        sitk.WriteImage(mask, str(path))
    return len(asked)


def test_scans_in_masks_drawn_model_out(run: Run, phantom_scans: Path, tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    for path in sorted((phantom_scans / "imagesTr").iterdir())[:4]:
        (scans / path.name).write_bytes(path.read_bytes())
    project = tmp_path / "project"
    made = run(
        *("init", project, "--images", scans, "--labels", "cortex,medulla"),
        *("--initial", 4, "--budget", 3, "--size", 32, 32, "--device", "cpu"),
        *("--set", "training.steps=10", "--set", "network.channels=[4, 8]"),
        *("--set", "uncertainty.samples=2"),
    )
    assert made.returncode == 0, made.stderr
    for cycle, count in enumerate((4, 3)):
        asked = run("ask", project)
        assert asked.returncode == 0, asked.stderr
        folder = Path(asked.stdout.splitlines()[-1])
        assert folder == project / "work" / f"cycle-{cycle:02d}"
        assert _annotate(folder, phantom_scans / "labelsTr") == count
        told = run("tell", project, folder, "--accept-all")
        assert told.returncode == 0, told.stderr
        assert told.stdout.count("stored") == count
        trained = run("train", project)
        assert trained.returncode == 0, trained.stderr
    assert "trained on 7 labelled slices" in trained.stdout
    assert (project / "models" / "cycle-01" / "weights.safetensors").is_file()
    wrong = run("tell", project, scans)
    assert wrong.returncode == 2
    assert "Error: Expected the work order" in wrong.stderr
    assert "What to do: Name the folder that nextslice ask wrote" in wrong.stderr
