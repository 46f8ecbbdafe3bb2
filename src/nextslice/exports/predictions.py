"""Whole volumes segmented by a project's newest model, into a folder.

::

    OUT/masks/CASE.nii.gz         class numbers (uint8) on the scan's own grid
    OUT/uncertainty/CASE.nii.gz   float32 from 0 to 1 on the same grid
    OUT/predictions.json          which model, which number is which class, which cases
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from nextslice.data.cases import CaseFiles, DataSet, Refusal
from nextslice.data.formats.nifti import Grid, write_nifti
from nextslice.data.gate.admission import checked_cases
from nextslice.data.gate.checks import CheckedCase, Verdict
from nextslice.data.geometry import Geometry
from nextslice.data.layouts import recognise
from nextslice.data.preparation import Preparation
from nextslice.errors import RefusedCasesError, SettingsError
from nextslice.exports.folders import demand_free, writing_folder
from nextslice.exports.source import ProjectSource
from nextslice.exports.volumes import predict_volume
from nextslice.files import write_atomically
from nextslice.models.devices import limited_threads
from nextslice.path_names import demand_told_apart
from nextslice.progress import OnProgress, ignore_progress
from nextslice.wording import a_few, counted

__all__ = ["Predictions", "predict_volumes"]

_NOTE: Final = (
    "Every slice is the model's prediction, those that an expert annotated too; "
    "nextslice export gives the masks that were drawn."
)


@dataclass(frozen=True)
class Predictions:
    """What came of a prediction.

    Attributes:
        folder: Where it lies.
        cycle: The cycle whose model predicted.
        trained_on: Slices that this model was trained on.
        cases: The cases that were predicted.
        cropped: Those of them that are larger than the slices that the model sees, so that
            nothing is predicted near their borders.
        refused: The cases that could not be, and why.
    """

    folder: Path
    cycle: int
    trained_on: int
    cases: tuple[str, ...]
    cropped: tuple[str, ...]
    refused: tuple[Verdict, ...]


def predict_volumes(
    source: ProjectSource,
    out: Path,
    *,
    images: Path | None = None,
    cases: Sequence[str] | None = None,
    uncertainty: bool = True,
    on_progress: OnProgress = ignore_progress,
) -> Predictions:
    """Segment scans with a project's newest model; one case is in memory at a time.

    Slices that an expert annotated are predicted like all others.

    Args:
        source: The project.
        out: A new or empty folder; it is there once everything is in it.
        images: A folder of other scans, prepared the same way; None for the project's own.
        cases: Only these; None for all.
        uncertainty: Whether to write uncertainties, too.
        on_progress: Hears of the stage "predict".

    Raises:
        DataError: `out` holds something, its disk cannot tell two cases apart, `images` is
            no folder of scans, or (as :class:`~nextslice.errors.RefusedCasesError`) every
            case is refused.
        SettingsError: A case of that name is not there.
        ProjectError: Nothing is trained yet.
        CheckpointError: The model is damaged.
    """
    demand_free(out)
    data_set = replace(
        recognise(source.scans if images is None else images),
        accept_sheared=source.config.data.accept_sheared,
    )
    chosen = _chosen(data_set.cases, cases, data_set.folder)
    cycle, model = source.newest_model()
    preparation = source.pool.preparation
    done: list[str] = []
    cropped: list[str] = []
    refused: list[Verdict] = []
    with writing_folder(out) as fresh, limited_threads(source.config.threads):
        demand_told_apart(fresh, (files.case for files in chosen))
        asked = replace(data_set, cases=tuple(replace(f, label=None) for f in chosen))
        for files, checked in _checked(asked, source, images is None, on_progress):
            volume = checked.image
            if not checked.verdict.accepted or volume is None:
                refused.append(checked.verdict)
                continue
            predicted = predict_volume(model, volume, preparation, uncertainty=uncertainty)
            grid, name = Grid.of_scan(volume), f"{files.case}.nii.gz"
            write_nifti(fresh / "masks" / name, predicted.mask, grid)
            if predicted.uncertainty is not None:
                write_nifti(fresh / "uncertainty" / name, predicted.uncertainty, grid)
            done.append(files.case)
            if _is_cropped(preparation, volume.geometry):
                cropped.append(files.case)
        if not done:
            raise _nothing_left(data_set.folder, refused)
        history = {view.cycle: view.labelled for view in source.records.history()}
        result = Predictions(
            out, cycle, history[cycle], tuple(done), tuple(cropped), tuple(refused)
        )
        write_atomically(fresh / "predictions.json", _described(result, source), "description")
    return result


def _chosen(
    all_cases: Sequence[CaseFiles], names: Sequence[str] | None, folder: Path
) -> list[CaseFiles]:
    if names is None:
        return list(all_cases)
    by_name = {files.case: files for files in all_cases}
    for name in names:
        if name not in by_name:
            close = difflib.get_close_matches(name, by_name, n=1)
            raise SettingsError(
                f"Expected the names of cases in {folder}, got {name!r}.",
                remedy=f"Did you mean {close[0]}?"
                if close
                else f"The cases there: {a_few(list(by_name))}.",
            )
    return [by_name[name] for name in dict.fromkeys(names)]


def _checked(
    asked: DataSet, source: ProjectSource, own: bool, on_progress: OnProgress
) -> Iterator[tuple[CaseFiles, CheckedCase]]:
    """Each case's scan, looked at as closely as those that a project begins with."""
    read = checked_cases(asked, on_progress, "predict", twins=True)
    for files, checked in zip(asked.cases, read, strict=True):
        image, verdict = checked.image, checked.verdict
        if image is not None and not own and source.config.data.axis is None:
            expected = source.pool.preparation.axis
            axis = Preparation().slicing_axis(image.geometry)
            if axis != expected:
                other = Refusal(
                    f"its slices lie along axis {axis}, those of the project along {expected}",
                    "Bring its axes into the order of the project's scans.",
                )
                verdict = replace(verdict, refusals=(*verdict.refusals, other))
        yield files, replace(checked, verdict=verdict)


def _is_cropped(preparation: Preparation, geometry: Geometry) -> bool:
    if preparation.fit != "crop" or preparation.size is None:
        return False
    whole = preparation.case_size(geometry)
    return any(n > kept for n, kept in zip(whole, preparation.size, strict=True))


def _nothing_left(folder: Path, refused: Sequence[Verdict]) -> RefusedCasesError:
    lines = [f"  {v.case}: {refusal}" for v in refused for refusal in v.refusals]
    return RefusedCasesError(
        f"None of {counted(len(refused), 'case')} in {folder} can be predicted:\n"
        + "\n".join(lines),
        remedy="Put them right, and try again.",
    )


def _described(result: Predictions, source: ProjectSource) -> str:
    """No path and no reason stands in it: it may travel with the masks."""
    content = {
        "labels": {"background": 0} | {n: k for k, n in enumerate(source.classes, start=1)},
        "uncertainty": "entropy of the class probabilities as a share of the largest possible",
        "note": _NOTE,
        "model": {
            "cycle": result.cycle,
            "trained_on": result.trained_on,
            "weights_sha256": source.records.weights_of(result.cycle),
        },
        "preparation": source.pool.preparation.to_dict(),
        "cases": list(result.cases),
        "cropped": list(result.cropped),
        "refused": [verdict.case for verdict in result.refused],
    }
    return json.dumps(content, indent=1) + "\n"
