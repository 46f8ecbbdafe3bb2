"""A folder of scans -> the list of its cases, whatever way it is laid out.

Known layouts: MSD (Medical Segmentation Decathlon, `dataset.json` with a list `training`),
nnU-Net v2 (`dataset.json` with `channel_names` and `file_ending`), PROMISE12
(`Case00.mhd` and `Case00_segmentation.mhd`, in one folder or in part folders), a plain pair
of folders (`images` and `labels`, or `imagesTr` and `labelsTr`, matched by name) and scans that
simply lie in the folder (with `labels` below it, if there are any).

What is wrong with one case (a file listed but missing, an id listed twice) is kept with the
case and refused by :mod:`nextslice.data.gate.checks`; only what makes the whole folder unusable
raises.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from nextslice.data.cases import CaseFiles, DataSet, Refusal
from nextslice.data.descriptions import read_description
from nextslice.data.formats.readers import SUFFIXES, scan_suffix
from nextslice.data.labels import declared_values
from nextslice.data.listing import sound_list
from nextslice.data.places import shown, stays_inside
from nextslice.errors import DataError
from nextslice.path_names import demand_utf8
from nextslice.wording import a_few

__all__ = ["recognise"]

_PAIRS = (("imagesTr", "labelsTr"), ("images", "labels"))
_PROMISE = re.compile(r"(case\d+)(_segmentation)?\.(mhd|mha)", re.IGNORECASE)


def recognise(folder: Path) -> DataSet:
    """Find out how a folder is laid out and list its cases.

    Raises:
        DataError: There is no such folder, it is a file, no known layout fits (the message
            says what was found instead), a `dataset.json` cannot be used, or its path cannot
            be written in UTF-8.
    """
    folder = Path(folder).expanduser().absolute()
    demand_utf8(folder)
    if not folder.is_dir():
        raise _no_folder(folder)
    description = folder / "dataset.json"
    data_set = None
    content: dict[str, Any] = {}
    if os.path.lexists(description):  # a link to nowhere, too, is told of
        content = read_description(description)
        if isinstance(content.get("training"), list):
            data_set = _decathlon(folder, content)
        elif "channel_names" in content or "file_ending" in content:
            data_set = _nnunet(folder, content)
    else:
        data_set = _promise(folder) or _paired(folder) or _plain(folder)
    if data_set is None:
        raise _unknown(folder)
    if not data_set.cases:
        raise DataError(
            f"{folder} has the {data_set.layout} layout, but lists no case.",
            remedy="Put the scans where the layout expects them.",
        )
    cases = sound_list(data_set.cases, _set_aside(data_set, content))
    return replace(data_set, cases=cases)


def _decathlon(folder: Path, content: dict[str, Any]) -> DataSet:
    cases = []
    for place, entry in enumerate(content["training"]):
        fields = entry if isinstance(entry, dict) else {"image": entry}
        image, label = fields.get("image"), fields.get("label")
        if not isinstance(image, str) or not isinstance(label, str | None):
            raise DataError(
                f'{folder / "dataset.json"}: "training" should list pairs of image and label, '
                f"but entry {place + 1} is {entry!r:.200}.",
                remedy='Write each as {"image": "imagesTr/a.nii.gz", "label": '
                '"labelsTr/a.nii.gz"}, without "label" where there is none.',
            )
        outside = [name for name in (image, label) if name and not stays_inside(name)]
        problems = tuple(
            Refusal(
                f"dataset.json names a file outside the data set's folder: {shown(name)}",
                "Move the file into the folder and name it by a path relative to it.",
            )
            for name in outside
        )
        files = CaseFiles(
            _stem(Path(image)),
            folder / image,
            folder / label if label else None,
            problems,
            folder / "labelsTr" / Path(image).name,
        )
        cases.append(files)
    return DataSet(
        folder,
        "MSD",
        tuple(cases),
        declared_values(content.get("labels"), folder / "dataset.json"),
    )


def _nnunet(folder: Path, content: dict[str, Any]) -> DataSet:
    ending = content.get("file_ending", ".nii.gz")
    if ending not in SUFFIXES:
        raise DataError(
            f'{folder / "dataset.json"}: "file_ending" should be one of {", ".join(SUFFIXES)}, '
            f"but is {ending!r:.200}.",
            remedy="Convert the scans to .nii.gz.",
        )
    channels = content.get("channel_names", {"0": "image"})
    if not isinstance(channels, dict) or len(channels) != 1:
        raise DataError(
            f"{folder} should have one channel per case, but dataset.json names "
            f"{channels!r:.200}.",
            cause="nextslice segments scans of one channel only.",
            remedy="Make a data set of one channel, and a dataset.json that names it.",
        )
    images = [p for p in _scans(folder / "imagesTr") if p.name.endswith(ending)]
    cases = []
    for image in images:
        name, found, channel = _stem(image).rpartition("_")
        if not found or not re.fullmatch(r"\d{4}", channel):
            problem = Refusal(
                f"{image.name} should end in a channel number, as in case_0000{ending}",
                "Rename the file.",
            )
            cases.append(CaseFiles(_stem(image), image, None, (problem,)))
            continue
        if channel != "0000":
            problem = Refusal(
                f"{image.name} is channel {channel}, but dataset.json names one channel",
                "Take the file away, or give it a case of its own.",
            )
            cases.append(CaseFiles(name, image, None, (problem,)))
            continue
        label = folder / "labelsTr" / f"{name}{ending}"
        there = label if label.is_file() else None
        cases.append(CaseFiles(name, image, there, label_belongs=label))
    known = {files.case for files in cases}
    cases += _orphans(folder / "labelsTr", known, folder / "imagesTr", f"_0000{ending}")
    return DataSet(
        folder,
        "nnU-Net v2",
        tuple(cases),
        declared_values(content.get("labels"), folder / "dataset.json"),
    )


def _promise(folder: Path) -> DataSet | None:
    found: dict[tuple[Path, str], dict[bool, Path]] = {}
    scans = (*_scans(folder), *(p for part in _folders(folder) for p in _scans(part)))
    for path in scans:
        if match := _PROMISE.fullmatch(path.name):
            found.setdefault((path.parent, match[1]), {})[match[2] is not None] = path
    if not found:
        return None
    if not any(True in files for files in found.values()):
        # Scans of other layouts may be called Case00 too; nothing of theirs is to be left out.
        paired = any(path.parent == folder / images for path in scans for images, _ in _PAIRS)
        if paired or sum(map(len, found.values())) < len(scans):
            return None
    cases = []
    for (parent, case), files in found.items():
        if False in files:
            image = files[False]
            expected = parent / f"{case}_segmentation{image.suffix}"
            cases.append(CaseFiles(case, image, files.get(True), label_belongs=expected))
        else:
            cases.append(_without_image(case, files[True], parent / f"{case}.mhd"))
    return DataSet(folder, "PROMISE12", tuple(cases), {0: "background", 1: "prostate"})


def _paired(folder: Path) -> DataSet | None:
    for images, labels in _PAIRS:
        scans = _scans(folder / images)
        if not scans:
            continue
        cases = _matched(scans, folder / labels)
        known = {files.case for files in cases}
        cases += _orphans(folder / labels, known, folder / images, ".nii.gz")
        return DataSet(folder, "paired folders", tuple(cases))
    return None


def _plain(folder: Path) -> DataSet | None:
    scans, labels = _scans(folder), folder / "labels"
    if not scans:
        return None
    cases = _matched(scans, labels)
    cases += _orphans(labels, {files.case for files in cases}, folder, ".nii.gz")
    return DataSet(folder, "plain folder", tuple(cases))


def _matched(scans: list[Path], labels: Path) -> list[CaseFiles]:
    """A case for each scan, with the label of the same name if there is one."""
    by_stem = {_stem(path): path for path in _scans(labels)}
    return [
        CaseFiles(
            _stem(path),
            path,
            by_stem.get(_stem(path)),
            label_belongs=labels / f"{_stem(path)}.nii.gz",
        )
        for path in scans
    ]


def _orphans(labels: Path, known: set[str], images: Path, ending: str) -> list[CaseFiles]:
    return [
        _without_image(_stem(path), path, images / f"{_stem(path)}{ending}")
        for path in _scans(labels)
        if _stem(path) not in known
    ]


def _without_image(case: str, label: Path, expected: Path) -> CaseFiles:
    problem = Refusal(
        f"the label {label.name} has no image",
        f"Put the scan at {expected}, or move the label.",
    )
    return CaseFiles(case, expected, label, (problem,))


def _set_aside(data_set: DataSet, content: dict[str, Any]) -> list[str]:
    """Ids of the scans that a data set keeps for a test."""
    listed = content.get("test")
    entries = listed if isinstance(listed, list) else [] if listed is None else [None]
    ids = []
    for entry in entries:
        image = entry.get("image") if isinstance(entry, dict) else entry
        if not isinstance(image, str) or not image:
            # Passed over, its patient could be trained on.
            raise DataError(
                f'{data_set.folder / "dataset.json"}: "test" should list the scans that are '
                f"kept for a test, but {'holds' if entry else 'is'} {entry or listed!r:.200}.",
                remedy='Write "test": ["imagesTs/a.nii.gz"], each scan by its path or as '
                '{"image": "imagesTs/a.nii.gz"}; or leave "test" out.',
            )
        ids.append(_stem(Path(image)))
    ids += [_stem(path) for path in _scans(data_set.folder / "imagesTs")]
    if data_set.layout != "nnU-Net v2":
        return ids
    return [re.sub(r"_0000$", "", case) for case in ids]


def _stem(path: Path) -> str:
    suffix = scan_suffix(path) or path.suffix
    return path.name[: len(path.name) - len(suffix)] if suffix else path.name


def _scans(folder: Path) -> list[Path]:
    # Names with a leading dot are other systems' notes about a file, not scans.
    if not folder.is_dir():
        return []
    there = sorted(p for p in folder.iterdir() if p.name[0] != ".")
    scans = [p for p in there if scan_suffix(p)]
    known = {_stem(p) for p in scans}
    # Pairs of .hdr and .img are not read; who has them is told so, unless they were converted.
    pairs = [p for p in there if p.suffix.lower() == ".hdr" and _stem(p) not in known]
    return sorted(scans + pairs)


def _folders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and p.name[0] != ".")


def _no_folder(path: Path) -> DataError:
    if path.is_file():
        return DataError(
            f"{path} should be a folder of scans, but is a file.",
            remedy=f"Point at the folder that holds the data set: {path.parent}, or one above.",
        )
    return DataError(
        f"{path} should be a folder of scans, but there is no such folder.",
        remedy="Look for a slip in the path, or fetch or make a data set first.",
    )


def _unknown(folder: Path) -> DataError:
    names = sorted(p.name + ("/" if p.is_dir() else "") for p in folder.iterdir())
    return DataError(
        f"{folder} fits none of the known layouts: MSD (dataset.json with a list "
        f'"training"), nnU-Net v2 (dataset.json with "channel_names", imagesTr/case_0000.nii.gz'
        f"), PROMISE12 (Case00.mhd, Case00_segmentation.mhd), paired folders (images/ and "
        f"labels/, or imagesTr/ and labelsTr/), scans in the folder itself. "
        f"Found: {a_few(names, 8) or 'nothing'}.",
        remedy="Point at the folder that holds dataset.json or the images, or rearrange it.",
    )
