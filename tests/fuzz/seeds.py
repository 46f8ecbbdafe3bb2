"""Sound files that fuzzing begins with: it finds more by changing them than from nothing."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.fuzz.targets import FORMATS
from tests.hostile.making import GEOMETRY, mask, nifti, voxels

from nextslice.data.cases import Refusal
from nextslice.data.formats.payload import find_payload
from nextslice.data.formats.readers import Volume, read_volume, write_volume
from nextslice.data.gate.asking import to_answer
from nextslice.data.gate.checks import CheckedCase, Verdict
from nextslice.data.gate.frames import write_frame

__all__ = ["seeds"]


def seeds(target: str, folder: Path) -> list[bytes]:
    """Sound input for a target of :data:`tests.fuzz.targets.TARGETS`."""
    return _OTHERS[target](folder) if target in _OTHERS else _scans(target, folder)


def _scans(target: str, folder: Path) -> list[bytes]:
    found = []
    for number, suffix in enumerate(FORMATS[target]):
        path = folder / f"scan{suffix}"
        write_volume(path, voxels(), GEOMETRY)
        found.append(bytes([number]) + path.read_bytes())
        assert find_payload(path).file.is_file()
    if target == "nifti":
        found.append(b"\1" + gzip.compress(nifti(mask())))
    return found


def _headers(folder: Path) -> list[bytes]:
    extension = (48).to_bytes(4, "little") + bytes(44)
    extended = nifti(vox_offset=400)
    extended = extended[:348] + bytes([1, 0, 0, 0]) + extension + extended[352:]
    return [
        nifti(),
        nifti(mask(), order=">"),
        nifti(qform_code=1, sform_code=0),
        extended,
    ]


def _descriptions(folder: Path) -> list[bytes]:
    pairs = [{"image": "imagesTr/a_0000.nii.gz", "label": "labelsTr/a.nii.gz"}]
    described = [
        {"training": pairs, "labels": {"0": "background", "1": "x"}, "test": ["b.nii"]},
        {"channel_names": {"0": "T2"}, "labels": {"x": 1}, "file_ending": ".nii.gz"},
    ]
    return [json.dumps(content).encode() for content in described]


def _settings(folder: Path) -> list[bytes]:
    return [
        b"seed: 1\ndata: {folder: a, size: [50, 50]}\n",
        b"a: &x [1, 2.5, null, yes]\nb: *x\nc: !!int '7'\nd: 2020-02-28\n<<: {e: f}\n",
    ]


def _frames(folder: Path) -> list[bytes]:
    path = folder / "scan.nii.gz"
    write_volume(path, voxels(), GEOMETRY)
    sound = CheckedCase(Verdict("a", geometry=GEOMETRY, values=(0, 1)), read_volume(path))
    label = CheckedCase(Verdict("b"), None, Volume(mask(), GEOMETRY))
    refused = CheckedCase(Verdict("c", (Refusal("it is empty", "Copy it again."),)))
    found = []
    for checked in (sound, label, refused):
        stream = io.BytesIO()
        write_frame(stream, *to_answer(checked, voxels=True))
        found.append(stream.getvalue())
    return found


def _archives(folder: Path) -> list[bytes]:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in (("dataset.json", b"{}"), ("imagesTr/\xe9.nii", b"voxels")):
            member = tarfile.TarInfo(f"set/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    plain = stream.getvalue()[:4096]  # what follows is zeros
    return [plain, gzip.compress(plain)]


_OTHERS: Mapping[str, Callable[[Path], list[bytes]]] = {
    "unpacked": _headers,
    "header": _headers,
    "description": _descriptions,
    "yaml": _settings,
    "frames": _frames,
    "archive": _archives,
}
