"""Synthetic anatomy written as real NIfTI: a data set for anyone who has none at hand.

An organ like a kidney, cortex around a lobed medulla, lies in a body between tissues whose
intensities overlap with its own. Its shape and place vary from patient to patient and change
smoothly from slice to slice, so that neighbouring slices are redundant while patients differ,
which is what a choice of slices has to cope with. Each patient is seen by one of a few
scanners with their own contrast, bias field and Rician noise, and the organ is missing from
the slices at both ends. It is made to exercise the software, not to stand in for patients.
"""

from __future__ import annotations

import gzip
import io
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from nextslice.data.anatomy import CLASSES, SCANNERS, Scanner, draw_anatomy
from nextslice.errors import DataError, SettingsError
from nextslice.files import remove_unfinished, write_atomically
from nextslice.progress import OnProgress, Progress, ignore_progress

__all__ = ["CLASSES", "Patient", "Phantom", "write_phantom"]

_RECIPE = "phantom.json"
_VERSION = 1  # raise it when the same settings give other voxels


@dataclass(frozen=True, eq=False)
class Patient:
    """One synthetic scan with its label.

    Attributes:
        name: The case's name, such as `phantom_007`.
        scanner: Which kind of scan it is.
        voxels: Intensities of shape (x, y, z), 0 or more; z is the slice axis.
        label: Class numbers of the same shape: 0 background, then
            :data:`~nextslice.data.anatomy.CLASSES`.
        spacing: Millimetres between voxels along x, y, z.
        affine: Voxel indices to millimetres, (4, 4), oblique, in NIfTI's RAS+ world.
    """

    name: str
    scanner: str
    voxels: NDArray[np.int16]
    label: NDArray[np.uint8]
    spacing: tuple[float, float, float]
    affine: NDArray[np.float64]


@dataclass(frozen=True)
class Phantom:
    """Settings of a synthetic data set.

    Attributes:
        patients: Number of patients, at least 1.
        seed: Seed of everything random, 0 or more. Patient k depends on it and on k, not on
            how many patients there are.
        size: Pixels of a slice along x and y, at least 32; patients vary by up to 1/16.
        slices: Fewest and most slices of a patient, at least 8.
        spacing: Millimetres along x, y, z; patients vary by up to 5 % in the plane and 10 %
            across it. The last should be the largest.

    Raises:
        SettingsError: A value is out of its range.
    """

    patients: int = 24
    seed: int = 0
    size: tuple[int, int] = (64, 64)
    slices: tuple[int, int] = (20, 28)
    spacing: tuple[float, float, float] = (1.5, 1.5, 4.0)

    def __post_init__(self) -> None:
        good = {
            "patients (1 or more)": self.patients >= 1,
            "seed (0 or more)": self.seed >= 0,
            "size (two numbers of 32 or more)": len(self.size) == 2 and min(self.size) >= 32,
            "slices (fewest and most, 8 or more)": len(self.slices) == 2
            and 8 <= self.slices[0] <= self.slices[1],
            "spacing (three positive numbers of mm)": len(self.spacing) == 3
            and all(0 < step < math.inf for step in self.spacing),
        }
        wrong = [name for name, is_good in good.items() if not is_good]
        if wrong:
            raise SettingsError(f"A phantom cannot be made with this {wrong[0]}: {self}.")

    def make_patient(self, k: int) -> Patient:
        """Draw patient `k`, counted from 0; the same one for the same seed, size and so on.

        Raises:
            SettingsError: There is no patient of that number.
        """
        if not 0 <= k < self.patients:
            raise SettingsError(
                f"Patients are counted from 0 to {self.patients - 1}; {k} is none of them."
            )
        rng = np.random.default_rng([self.seed, k])
        scanner = SCANNERS[rng.choice(len(SCANNERS), p=[s.share for s in SCANNERS])]
        shape = (
            *(int(n + rng.integers(-(n // 16), n // 16 + 1)) for n in self.size),
            int(rng.integers(self.slices[0], self.slices[1] + 1)),
        )
        plane = rng.uniform(0.95, 1.05)
        x_step, y_step, z_step = (
            round(step * factor, 3)
            for step, factor in zip(
                self.spacing, (plane, plane, rng.uniform(0.9, 1.1)), strict=True
            )
        )
        spacing = (x_step, y_step, z_step)
        # The anatomy is drawn for a field of view of 96 mm and scaled to the one asked for.
        unit = min(n * step for n, step in zip(self.size, self.spacing, strict=False)) / 96
        clean, label = draw_anatomy(rng, scanner, shape, spacing, unit)
        return Patient(
            name=f"phantom_{k:03d}",
            scanner=scanner.name,
            voxels=_scan(rng, scanner, clean),
            label=label,
            spacing=spacing,
            affine=_place(rng, shape, spacing),
        )


def write_phantom(
    folder: Path, phantom: Phantom | None = None, *, on_progress: OnProgress = ignore_progress
) -> Path:
    """Write a phantom in the layout of the Medical Segmentation Decathlon.

    ``imagesTr``, ``labelsTr`` and ``dataset.json``, plus ``phantom.json`` with the settings.
    The same settings give the same bytes. A second call with the same settings writes only
    what is missing, so an interrupted one can be continued.

    Args:
        folder: Where to write; new, empty, or the same phantom begun before.
        phantom: What to write; 24 patients of seed 0 by default.
        on_progress: Told after each patient; the stage is `"phantom"`.

    Returns:
        `folder`.

    Raises:
        DataError: `folder` holds something else.
    """
    phantom = phantom or Phantom()
    recipe = json.dumps({"version": _VERSION, **asdict(phantom)}, indent=1) + "\n"
    _check_folder(folder, recipe)
    remove_unfinished(folder, below=("imagesTr", "labelsTr"))
    write_atomically(folder / _RECIPE, recipe, "phantom")
    cases = []
    on_progress(Progress("phantom", 0, phantom.patients))
    for k in range(phantom.patients):
        name = f"phantom_{k:03d}"
        image, label = (folder / part / f"{name}.nii.gz" for part in ("imagesTr", "labelsTr"))
        if not (image.exists() and label.exists()):
            patient = phantom.make_patient(k)
            write_atomically(image, _nifti(patient.voxels, patient), "phantom")
            write_atomically(label, _nifti(patient.label, patient), "phantom")
        cases.append({"image": f"./imagesTr/{image.name}", "label": f"./labelsTr/{label.name}"})
        on_progress(Progress("phantom", k + 1, phantom.patients, name))
    description = {
        "name": "Phantom",
        "description": "Synthetic anatomy: an organ of two parts in a body. Not real scans.",
        "tensorImageSize": "3D",
        "licence": "CC0 1.0",
        "modality": {"0": "MRI"},
        "labels": {str(number): name for number, name in enumerate(("background", *CLASSES))},
        "numTraining": phantom.patients,
        "numTest": 0,
        "training": cases,
        "test": [],
    }
    # Last, because a folder with this file counts as a whole data set.
    write_atomically(
        folder / "dataset.json", json.dumps(description, indent=1) + "\n", "phantom"
    )
    return folder


def _check_folder(folder: Path, recipe: str) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise DataError(
            f"A folder to write the phantom into was expected; {folder} is a file.",
            remedy="Give another name.",
        )
    written = folder / _RECIPE
    # One that was killed at its very beginning leaves this, and nothing else.
    others = (path for path in folder.iterdir() if not path.name.startswith(f".{_RECIPE}."))
    if any(others) and not (written.is_file() and written.read_text() == recipe):
        held = "a phantom of other settings" if written.is_file() else "other files"
        raise DataError(
            f"An empty folder was expected for the phantom; {folder} holds {held}.",
            remedy="Give a new folder, or the same settings as before to complete that one.",
        )


def _nifti(voxels: NDArray[np.int16] | NDArray[np.uint8], patient: Patient) -> bytes:
    image = nib.Nifti1Image(voxels, patient.affine)
    image.set_qform(patient.affine, code=1)
    image.set_sform(patient.affine, code=1)
    image.header.set_xyzt_units("mm")
    buffer = io.BytesIO()
    # No name and no time in the header of the archive, so that equal scans are equal bytes.
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0, compresslevel=6) as out:
        out.write(image.to_bytes())
    return buffer.getvalue()


def _scan(
    rng: np.random.Generator, scanner: Scanner, clean: NDArray[np.float32]
) -> NDArray[np.int16]:
    """Bias field, Rician noise (the length of a complex signal with noise in both parts)."""
    x, y, z = np.meshgrid(
        *(np.linspace(-1, 1, n, dtype=np.float32) for n in clean.shape),
        indexing="ij",
        sparse=True,
    )
    a, b, c, d, e, f = rng.normal(0, scanner.bias / 1.5, 6)
    bias = np.exp(a * x + b * y + c * z + d * x * y + e * x * x + f * y * y)
    level = scanner.noise * rng.uniform(0.8, 1.3)
    real, imaginary = rng.normal(0, level, (2, *clean.shape)).astype(np.float32)
    signal = np.hypot(clean * bias + real, imaginary) * scanner.gain * rng.uniform(0.8, 1.25)
    voxels: NDArray[np.int16] = np.minimum(np.rint(signal), np.iinfo(np.int16).max).astype(
        np.int16
    )
    return voxels


def _place(
    rng: np.random.Generator, shape: tuple[int, ...], spacing: tuple[float, ...]
) -> NDArray[np.float64]:
    """An oblique pose: a few degrees about each axis, the centre near the scanner's."""
    rotation = np.diag([-1.0, -1.0, 1.0])
    for axis, angle in enumerate(np.radians(rng.normal(0, (6, 3, 3)))):
        i, j = (other for other in range(3) if other != axis)
        turn = np.eye(3)
        turn[[i, j], [i, j]] = math.cos(angle)
        turn[i, j], turn[j, i] = -math.sin(angle), math.sin(angle)
        rotation = turn @ rotation
    affine = np.eye(4)
    affine[:3, :3] = rotation * spacing
    centre = (np.asarray(shape) - 1) / 2
    affine[:3, 3] = rng.normal(0, 15, 3) - affine[:3, :3] @ centre
    return affine
