"""Where the voxels of a scan lie, by the first lines of its file.

A header in text (MetaImage, NRRD) names its data file, so it may name any file of the
computer. What decides where voxels are read from is therefore understood here, before a
library opens anything, and refused where two readers could understand it in two ways.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nextslice.data.formats.placement import check_meta_image, check_nrrd, folded
from nextslice.data.places import stays_inside
from nextslice.errors import DataError

__all__ = ["Payload", "files_of", "find_payload", "is_nifti"]

_LARGEST_HEADER = 1 << 16
_ONE_FILE = "Convert the scan to a single file (.nii.gz, .mha or .nrrd)."


@dataclass(frozen=True)
class Payload:
    """Where a scan's voxels lie.

    Attributes:
        file: The file that holds them: the scan itself, or a .raw or .zraw beside its header.
        offset: Bytes before the voxels (0 for NIfTI, whose header is counted with them).
        compressed: Whether they are a gzip or zlib stream.
    """

    file: Path
    offset: int = 0
    compressed: bool = False


def is_nifti(path: Path) -> bool:
    """Whether a file is NIfTI by its name."""
    return path.name.lower().endswith((".nii", ".nii.gz"))


def files_of(path: Path) -> tuple[Path, ...]:
    """All files that a scan consists of: itself, and its data file where that is another."""
    try:
        other = find_payload(path).file
    except (DataError, OSError):
        return (path,)
    return (path,) if other == path else (path, other)


def find_payload(path: Path) -> Payload:
    """Where the voxels of a scan lie.

    Raises:
        DataError: The header names a data file outside its own folder, or more than one; it
            says where the voxels are, in the file or in the patient, in two ways, or in one
            that cannot be checked.
        OSError: The file cannot be read.
    """
    name = path.name.lower()
    if is_nifti(path):
        return Payload(path, compressed=name.endswith(".gz"))
    if not path.is_file():  # a pipe would be waited for without end
        raise DataError(f"{path} is not a plain file.", remedy="Put the scan itself there.")
    with path.open("rb") as stream:
        text = stream.read(_LARGEST_HEADER)
    fields = _meta_image if name.endswith((".mhd", ".mha")) else _nrrd
    return fields(path, text)


def _meta_image(path: Path, text: bytes) -> Payload:
    """By https://itk.org/Wiki/ITK/MetaIO/Documentation; a value follows "=" or ":"."""
    header = re.search(rb"^[ \t]*ElementDataFile[ \t]*[=:]([^\r\n]*)\r?\n?", text, re.M)
    if header is None:
        raise DataError(
            f"{path} should name its data in a line ElementDataFile = ..., but has none.",
            cause="the file is of another kind than its name says, or its header is too long.",
            remedy=_ONE_FILE,
        )
    head = text[: header.end()]
    _demand_one(path, head, b"elementdatafile", "ElementDataFile")
    _demand_one(path, head, b"ndims", "NDims")
    fields = _meta_fields(path, head)
    known = {folded(name): value for name, value in fields.items()}
    _demand_few_dimensions(path, known.get(b"ndims", b""))
    check_meta_image(path, fields)
    if known.get(b"binarydata", b"true").lower() != b"true":
        raise _as_text(path)
    compressed = known.get(b"compresseddata", b"").lower() == b"true"
    skipped = _skipped(path, known.get(b"headersize", b"0"), "HeaderSize", compressed)
    target = header[1].strip().decode("utf-8", "replace")
    if target.upper() == "LOCAL":
        return Payload(path, header.end() + skipped, compressed)
    return Payload(_beside(path, target), skipped, compressed)


def _meta_fields(path: Path, head: bytes) -> dict[bytes, bytes]:
    """Names, as they are spelt, and values, a line each; of notes alone there may be more."""
    fields: dict[bytes, bytes] = {}
    seen: set[bytes] = set()
    for line in head.replace(b"\r\n", b"\n").split(b"\n"):
        if not line.strip():
            continue
        if b"\r" in line:  # an end of a line to some readers only
            raise _in_two_ways(path, "where its lines end")
        parts = re.fullmatch(rb"([^=:]*)[=:](.*)", line, re.S)
        if parts is None:  # to ITK, all of it begins the next line's name
            raise DataError(
                f"{path} should have a name and a value in each line of its header, but one "
                "has no '='.",
                cause="the header was put together by hand, or made to mislead.",
                remedy=_ONE_FILE,
            )
        name, value = parts[1].strip(), parts[2].strip()
        if folded(name) in seen - {b"comment"}:
            raise _in_two_ways(path, name.decode("ascii", "replace"))
        seen.add(folded(name))
        fields[name] = value
    return fields


def _nrrd(path: Path, text: bytes) -> Payload:
    """By https://teem.sourceforge.net/nrrd/format.html."""
    fields: dict[bytes, bytes] = {}
    offset = 0
    for line in _lines(text):
        offset += len(line)
        if not line.strip():
            break
        key, separator, value = line.partition(b":")
        if line.startswith(b"#") or not separator or value.startswith(b"="):
            continue  # a comment, or a note that no reader acts upon
        name = key.strip().lower().replace(b" ", b"")
        if name in fields:
            raise _in_two_ways(path, key.strip().decode("ascii", "replace"))
        fields[name] = value.strip()
    head = text[:offset]
    _demand_one(path, head.replace(b" ", b""), b"datafile", "data file")
    if b"\r" in head.replace(b"\r\n", b"\n"):  # an end of a line to some readers only
        raise _in_two_ways(path, "where its lines end")
    check_nrrd(path, fields)
    encoding = fields.get(b"encoding", b"raw").lower()
    compressed = encoding in {b"gz", b"gzip"}
    if not compressed and encoding != b"raw":
        raise _as_text(path)
    _skipped(path, fields.get(b"lineskip", b"0"), "line skip", none=True)
    skipped = _skipped(path, fields.get(b"byteskip", b"0"), "byte skip", compressed)
    if b"datafile" not in fields:
        return Payload(path, offset + skipped, compressed)
    target = fields[b"datafile"].decode("utf-8", "replace")
    return Payload(_beside(path, target), skipped, compressed)


def _lines(text: bytes) -> Iterator[bytes]:
    """Lines as they end in this format: with a line feed, and nowhere else."""
    begin = 0
    while begin < len(text):
        end = text.find(b"\n", begin) + 1 or len(text)
        yield text[begin:end]
        begin = end


def _demand_one(path: Path, text: bytes, words: bytes, name: str) -> None:
    if text.lower().count(words) > 1:
        raise _in_two_ways(path, name)


def _demand_few_dimensions(path: Path, count: bytes) -> None:
    """ITK counts up to whatever stands there, for as long as that takes."""
    if not re.fullmatch(rb"\d", count):
        shown = count.decode("ascii", "replace")
        raise DataError(
            f"{path} should have three dimensions, but its header says NDims = {shown!r:.40}.",
            cause="the header is damaged, or made to mislead.",
            remedy="Copy or download the file again from its source.",
        )


def _skipped(path: Path, value: bytes, name: str, none: bool) -> int:
    """Bytes between the header and the voxels; -1 (count from the end) cannot be checked."""
    shown = value.decode("ascii", "replace")
    if not re.fullmatch(r"0" if none else r"\d{1,9}", shown):
        raise DataError(
            f"{path} should hold its voxels and nothing else, but its header says {name} = "
            f"{shown!r:.40}.",
            cause="the data file has a header of its own in front of the voxels.",
            remedy=_ONE_FILE,
        )
    return int(shown)


def _beside(path: Path, target: str) -> Path:
    several = not target or "%" in target or target.upper().startswith("LIST")
    if several or not stays_inside(target):
        raise DataError(
            f"{path} should name one data file in its own folder, but names {target!r:.200}.",
            remedy=_ONE_FILE,
        )
    beside = path.parent / target
    try:
        beside.is_file()
    except OSError as error:  # a name that no file can have, as it is too long
        raise DataError(
            f"{path} names a data file that cannot be there: {target!r:.80}.",
            cause=f"{error.strerror}.",
            remedy=_ONE_FILE,
        ) from error
    return beside


def _in_two_ways(path: Path, name: str) -> DataError:
    return DataError(
        f"{path} should say {name} once, but says it more than once.",
        cause="the header was put together by hand, or made to mislead.",
        remedy=_ONE_FILE,
    )


def _as_text(path: Path) -> DataError:
    return DataError(
        f"{path} should hold its voxels as raw or gzip data, but holds them in another way.",
        cause="voxels written as text or packed by bzip2; whether any are missing cannot be "
        "told.",
        remedy="Convert the scan to .nii.gz.",
    )
