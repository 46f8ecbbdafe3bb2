"""What hostile files are made with: a sound data set, and ways to spoil its case b."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import shutil
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nextslice.data.formats.readers import write_volume
from nextslice.data.geometry import Geometry

GEOMETRY = Geometry((6, 5, 4), (1.0, 1.0, 2.0), (3.0, 4.0, 5.0))
DECLARED = {"0": "background", "1": "head", "44": "tail"}
Array = np.ndarray[Any, np.dtype[Any]]

NAN, INF = float("nan"), float("inf")
MATRIX = "TransformMatrix = 1 0 0 0 1 0 0 0 1"
FILE, SPACE = "ElementDataFile = b.raw", "space directions: (1,0,0) (0,1,0) (0,0,2)"

FIELDS = {
    "sizeof_hdr": (0, "i"),
    "dim": (40, "8h"),
    "datatype": (70, "h"),
    "bitpix": (72, "h"),
    "pixdim": (76, "8f"),
    "vox_offset": (108, "f"),
    "scl_slope": (112, "f"),
    "scl_inter": (116, "f"),
    "descrip": (148, "80s"),
    "aux_file": (228, "24s"),
    "qform_code": (252, "h"),
    "sform_code": (254, "h"),
    "quatern": (256, "3f"),
    "qoffset": (268, "3f"),
    "srow_x": (280, "4f"),
    "srow_y": (296, "4f"),
    "srow_z": (312, "4f"),
    "intent_name": (328, "16s"),
    "magic": (344, "4s"),
}
"""Places and types of the fields of a NIfTI-1 header that are lied about here."""


def voxels(seed: int = 1) -> Array:
    return np.random.default_rng(seed).normal(size=GEOMETRY.shape).astype(np.float32)


def mask() -> Array:
    return (np.random.default_rng(9).random(GEOMETRY.shape) > 0.5).astype(np.uint8)


def sound(root: Path) -> Path:
    """Three cases in paired folders, described as MSD does; returns the folder."""
    pairs = []
    for seed, case in enumerate("abc"):
        write_volume(root / "images" / f"{case}.nii.gz", voxels(seed), GEOMETRY)
        write_volume(root / "labels" / f"{case}.nii.gz", mask(), GEOMETRY)
        pairs.append({"image": f"images/{case}.nii.gz", "label": f"labels/{case}.nii.gz"})
    describe(root, training=pairs)
    return root


def describe(root: Path, **content: Any) -> None:
    text = json.dumps({"labels": DECLARED} | content)
    (root / "dataset.json").write_text(text)


def name_image(root: Path, name: str) -> Path:
    """Let `dataset.json` name another file as the image of b; returns where it belongs."""
    content = json.loads((root / "dataset.json").read_text())
    content["training"][1]["image"] = f"images/{name}"
    describe(root, **content)
    (root / "images" / "b.nii.gz").unlink()
    return root / "images" / name


def nifti(array: Array | None = None, order: Literal["<", ">"] = "<", **fields: Any) -> bytes:
    """A NIfTI-1 file that is sound but for the fields given."""
    array = voxels() if array is None else array
    kinds = {"f4": (16, 32), "f8": (64, 64), "u1": (2, 8), "i2": (4, 16), "u2": (512, 16)}
    kind, bits = kinds[array.dtype.str[1:]]
    header = bytearray(352)
    values = {
        "sizeof_hdr": 348,
        "dim": (3, *array.shape, 1, 1, 1, 1),
        "datatype": kind,
        "bitpix": bits,
        "pixdim": (1, 1, 1, 2, 1, 1, 1, 1),
        "vox_offset": 352,
        "scl_slope": 1,
        "sform_code": 1,
        "srow_x": (-1, 0, 0, -3),
        "srow_y": (0, -1, 0, -4),
        "srow_z": (0, 0, 2, 5),
        "magic": b"n+1",
    }
    for name, value in (values | fields).items():
        place, form = FIELDS[name]
        parts = value if isinstance(value, tuple) else (value,)
        struct.pack_into(order + form, header, place, *parts)
    return bytes(header) + array.astype(array.dtype.newbyteorder(order)).tobytes("F")


def image(root: Path) -> Path:
    return root / "images" / "b.nii.gz"


def label(root: Path) -> Path:
    return root / "labels" / "b.nii.gz"


def zeros(megabytes: int) -> bytes:
    """Gzip members that unpack to a thousand times their size."""
    return gzip.compress(bytes(1 << 20), mtime=0) * megabytes


@dataclass(frozen=True)
class Hostile:
    """One way to be broken.

    Attributes:
        what: What it is.
        told: Words of the refusal.
        make: Spoils a sound data set.
    """

    what: str
    told: str
    make: Callable[[Path], object]

    def __str__(self) -> str:
        return self.what


def flipped(content: bytes, place: int, bit: int = 16) -> bytes:
    damaged = bytearray(content)
    damaged[place] ^= bit
    return bytes(damaged)


def spoil_image(change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda root: image(root).write_bytes(change(image(root).read_bytes()))


def header(**fields: Any) -> Callable[[Path], object]:
    return lambda root: image(root).write_bytes(gzip.compress(nifti(**fields)))


def extended(size: int) -> Callable[[Path], object]:
    """A scan with 32 bytes of extensions, the first of which claims to have `size`."""
    extension = struct.pack("<2i", size, 6) + b"DOE^JANE" * 3
    whole = nifti(vox_offset=384)
    whole = whole[:348] + bytes([1, 0, 0, 0]) + extension + whole[352:]
    return lambda root: image(root).write_bytes(gzip.compress(whole))


def content(array: Array, **fields: Any) -> Callable[[Path], object]:
    return lambda root: image(root).write_bytes(gzip.compress(nifti(array, **fields)))


def labelled(array: Array, geometry: Geometry = GEOMETRY) -> Callable[[Path], object]:
    return lambda root: write_volume(label(root), array, geometry)


def with_one(array: Array, value: float, kind: str) -> Array:
    changed = array.astype(kind)
    changed[1, 2, 3] = value
    return changed


def text_header(
    name: str, *changes: tuple[str, str], payload: bytes | None = None
) -> Callable[[Path], object]:
    """A MetaImage or NRRD scan with something else in its header, or in its data file."""

    def make(root: Path) -> None:
        path = name_image(root, name)
        write_volume(path, voxels(), GEOMETRY)
        text = path.read_bytes()
        for old, new in changes:
            assert old.encode() in text, text[:600]
            text = text.replace(old.encode(), new.encode())
        path.write_bytes(text)
        if payload is not None:
            path.with_suffix(".raw").write_bytes(payload)

    return make


def linked(place: Callable[[Path], Path]) -> Callable[[Path], object]:
    """A sound file, but outside of the data set's folder and linked to."""

    def make(root: Path) -> None:
        outside = root.parent / f"{root.name}-outside.nii.gz"
        shutil.move(place(root), outside)
        place(root).symlink_to(outside)

    return make


def beyond_a_linked_folder(part: str) -> Callable[[Path], object]:
    """A sound image or label by a path that is none of links but for a folder in its midst."""

    def make(root: Path) -> None:
        described = json.loads((root / "dataset.json").read_text())
        outside = root.parent / f"{root.name}-outside"
        outside.mkdir()
        shutil.move(root / f"{part}s" / "b.nii.gz", outside)
        (root / "more").symlink_to(outside)
        described["training"][1][part] = "more/b.nii.gz"
        describe(root, **described)

    return make


def payload_away(root: Path) -> None:
    text_header("b.mhd")(root)
    (root / "images" / "b.raw").unlink()


def payload_a_pipe(root: Path) -> None:
    payload_away(root)
    os.mkfifo(root / "images" / "b.raw")


def linked_payload(root: Path) -> None:
    path = name_image(root, "b.mhd")
    write_volume(path, voxels(), GEOMETRY)
    outside = root.parent / f"{root.name}-outside.raw"
    shutil.move(path.with_suffix(".raw"), outside)
    path.with_suffix(".raw").symlink_to(outside)


def detached_gzip(root: Path) -> None:
    path = name_image(root, "b.nhdr")
    write_volume(path, voxels(), GEOMETRY)
    raw = path.with_suffix(".raw")
    text = path.read_text().replace("encoding: raw", "encoding: gzip")
    path.write_text(text.replace("b.raw", "b.raw.gz"))
    raw.with_name("b.raw.gz").write_bytes(gzip.compress(raw.read_bytes())[:-9])


def swollen_meta_image(root: Path) -> None:
    path = name_image(root, "b.mha")
    write_volume(path, voxels(), GEOMETRY)
    text = path.read_bytes().partition(b"ElementDataFile")[0]
    text = text.replace(b"CompressedData = False", b"CompressedData = True")
    path.write_bytes(text + b"ElementDataFile = LOCAL\n" + zlib.compress(bytes(1 << 28), 1))


def nrrd_in_another_encoding(root: Path) -> None:
    path = name_image(root, "b.nrrd")
    write_volume(path, voxels(), GEOMETRY)
    text = path.read_bytes().partition(b"\n\n")[0].replace(b": gzip", b": bzip2")
    path.write_bytes(text + b"\n\n" + bz2.compress(voxels().tobytes("F")))


def instead(make: Callable[[Path], object]) -> Callable[[Path], object]:
    def put(root: Path) -> None:
        image(root).unlink()
        make(image(root))

    return put


def twin(root: Path) -> None:
    shutil.copy(root / "images" / "a.nii.gz", image(root))


def renamed(name: str) -> Callable[[Path], object]:
    def make(root: Path) -> None:
        shutil.copy(image(root), root / "images" / name)
        name_image(root, name)

    return make


def moved_to(folder: str) -> Callable[[Path], object]:
    def make(root: Path) -> None:
        (root / folder).mkdir()
        image(root).rename(root / folder / "b.nii.gz")
        listed_as(f"{folder}/b.nii.gz")(root)

    return make


def in_train_and_test(root: Path) -> None:
    described = json.loads((root / "dataset.json").read_text())
    name = "patient07_frame01.nii.gz"
    shutil.move(image(root), root / "images" / name)
    described["training"][1]["image"] = f"images/{name}"
    describe(root, **described, test=["./imagesTs/patient07_frame12.nii.gz"])


def listed_as(name: str) -> Callable[[Path], object]:
    def make(root: Path) -> None:
        described = json.loads((root / "dataset.json").read_text())
        described["training"][1]["image"] = name
        describe(root, **described)

    return make


def listed_twice(root: Path) -> None:
    described = json.loads((root / "dataset.json").read_text())
    described["training"] += described["training"][1:2]
    describe(root, **described)
