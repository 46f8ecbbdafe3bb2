"""A name planted wherever a scan may name its patient, and the search for it."""

from __future__ import annotations

import gzip
import io
import json
import logging
import os
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest
import SimpleITK as sitk  # noqa: N813
from PIL import Image
from tests import elsewhere
from tests.hostile.making import FIELDS

from nextslice.data.formats.readers import read_volume, write_volume
from nextslice.data.gate import guarded
from nextslice.data.phantom import Phantom, write_phantom

__all__ = ["CASE", "FOLDER", "NAME", "connections", "found_in", "labelled", "logged", "planted"]

NAME = "Canary^Carla"
"""In headers: it must come out nowhere."""

FOLDER = "Ornis, Olga 19700101"
"""In the paths of scans and projects: no browser, address, export or log may tell it."""

CASE = "Kestrel-Kim"
"""The name of a case: it stands wherever a case is named, and in no report without scans."""


@contextmanager
def connections() -> Iterator[list[str]]:
    """Every machine but this one that is turned to meanwhile; known once the block has ended.

    By this process, its threads, and every process of Python that begins in the block: one that
    reads scans, works for a benchmark or serves the page.
    """
    found: list[str] = []
    guarded._close_kept()  # a process that began before hears nothing
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        shutil.copyfile(str(elsewhere.__file__), Path(place, "sitecustomize.py"))
        told = Path(place, "told")
        told.touch()
        patch.setenv("PYTHONPATH", place, prepend=os.pathsep)
        patch.setenv(elsewhere.VARIABLE, str(told))
        try:
            yield found
        finally:
            guarded._close_kept()
            found += told.read_text().splitlines()


def planted(place: Path) -> Path:
    """Four small scans, one in each format, that all name their patient."""
    write_phantom(place / "phantom", Phantom(patients=4, size=(40, 48), slices=(8, 9)))
    folder = place / FOLDER / f"scans of {FOLDER}"
    folder.mkdir(parents=True)
    sources = sorted((place / "phantom" / "imagesTr").glob("*.nii.gz"))
    for source, name in zip(sources, ("a.nii.gz", "b.mha", "c.nrrd", "d.mha"), strict=True):
        volume = read_volume(source)
        write_volume(folder / name, volume.voxels, volume.geometry)
    _in_nifti(folder / "a.nii.gz")
    _in_meta_image(folder / "b.mha")
    _in_nrrd(folder / "c.nrrd")
    _in_name_of_voxels(folder / "d.mha")
    return folder


def labelled(place: Path) -> Path:
    """Four small scans with labels; the labels and the list of cases name a patient, too."""
    folder = place / FOLDER / "labelled"
    write_phantom(folder, Phantom(patients=4, size=(40, 48), slices=(8, 9)))
    (folder / "phantom.json").unlink()
    for path in folder.rglob("*.nii.gz"):
        path.rename(path.with_name(path.name.replace("phantom_000", f"{CASE}_000")))
    for path in folder.rglob("*.nii.gz"):
        _in_nifti(path)
    listed = folder / "dataset.json"
    content = json.loads(listed.read_text().replace("phantom_000", f"{CASE}_000"))
    told = ("name", "description", "reference", "licence", "release")
    listed.write_text(json.dumps(content | dict.fromkeys(told, NAME)))
    return folder


def _in_nifti(path: Path) -> None:
    content = bytearray(gzip.decompress(path.read_bytes()))
    for field in ("descrip", "aux_file", "intent_name"):
        start, form = FIELDS[field]
        struct.pack_into(form, content, start, NAME.encode())
    content[4:14] = NAME.encode()[:10]  # data_type, of the older format
    content[14:32] = NAME.encode()[:18].ljust(18, b"\0")  # db_name
    note = struct.pack("<2i", 48, 6) + f"(0010,0010) PN {NAME}".encode().ljust(40, b"\0")
    content[348:352] = b"\1\0\0\0"  # an extension follows, as converters of DICOM leave it
    content[352:352] = note
    struct.pack_into("<f", content, FIELDS["vox_offset"][0], 352 + len(note))
    packed = io.BytesIO()
    with gzip.GzipFile(f"{NAME}.nii", "wb", fileobj=packed, mtime=0) as stream:
        stream.write(content)
    path.write_bytes(packed.getvalue())


def _in_meta_image(path: Path) -> None:
    fields = f"Comment = {NAME}\n0010|0010 = {NAME}\nPatientName = {NAME}\n"
    content = path.read_bytes().replace(b"ElementType", fields.encode() + b"ElementType", 1)
    path.write_bytes(content)


def _in_name_of_voxels(path: Path) -> None:
    """The same as two files, a header and voxels, of which the second is called so."""
    image = sitk.ReadImage(str(path))
    path.unlink()
    header = path.with_suffix(".mhd")
    sitk.WriteImage(image, str(header))
    header.with_suffix(".raw").rename(path.with_name(f"{NAME}.raw"))
    text = header.read_text().replace("d.raw", f"{NAME}.raw")
    header.write_text(text)


def _in_nrrd(path: Path) -> None:
    head, gap, voxels = path.read_bytes().partition(b"\n\n")
    notes = f"\n# {NAME}\ncontent: {NAME}\nPatientName:={NAME}\n0010|0010:={NAME}"
    path.write_bytes(head + notes.encode() + gap + voxels)


def found_in(content: bytes | str, *names: str) -> list[str]:
    """Which of these names stand in a text, in bytes, or in what those unpack to."""
    content = content.encode() if isinstance(content, str) else content
    wanted = [part for name in names for part in (name, *name.split(", "), name.split("^")[-1])]
    held = [form for each in _unpacked(content) for form in _spelt(each)]
    return [name for name in wanted if any(name.encode() in form for form in held)]


def _spelt(content: bytes) -> tuple[bytes, bytes, bytes]:
    """As it is, and as addresses (``%20``) and forms (``+``) have it."""
    spaced = content.replace(b"+", b" ")
    return content, unquote_to_bytes(content), unquote_to_bytes(spaced)


def logged(records: Iterable[logging.LogRecord]) -> str:
    """What a log that somebody keeps holds: all of ours, of others what is no debugging."""
    form = logging.Formatter("%(name)s %(message)s")
    return "\n".join(
        form.format(record)
        for record in records
        if record.name.startswith("nextslice") or record.levelno > logging.DEBUG
    )


def _unpacked(content: bytes) -> Iterator[bytes]:
    yield content
    if content[:2] == b"\x1f\x8b":
        yield from _unpacked(gzip.decompress(content))
    if content[:4] == b"PK\3\4":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield archive.comment
            yield from map(str.encode, archive.namelist())
            for name in archive.namelist():
                yield from _unpacked(archive.read(name))
    if content[:8] == b"\x89PNG\r\n\x1a\n":
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            yield repr(image.info).encode()
    if content[:4] == b"NRRD":
        _, _, packed = content.partition(b"\n\n")
        try:
            yield gzip.decompress(packed)
        except (OSError, EOFError, zlib.error):
            yield packed
