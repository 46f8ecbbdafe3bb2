"""Scans and labels that are broken: cut, swollen, lying, out of place."""

from __future__ import annotations

import gzip

import numpy as np
from tests.hostile.making import (
    GEOMETRY,
    INF,
    NAN,
    Hostile,
    content,
    extended,
    flipped,
    header,
    image,
    labelled,
    mask,
    nifti,
    spoil_image,
    swollen_meta_image,
    text_header,
    voxels,
    with_one,
    zeros,
)

from nextslice.data.geometry import Geometry

SCANS = (
    # Streams that were cut, changed or made to swell.
    Hostile(
        "a bit flipped amid packed voxels", "damaged", spoil_image(lambda c: flipped(c, 300))
    ),
    Hostile(
        "a bit flipped in the checksum", "checksum", spoil_image(lambda c: flipped(c, -6, 1))
    ),
    Hostile(
        "a bit flipped in the packed length", "checksum", spoil_image(lambda c: flipped(c, -2))
    ),
    Hostile(
        "cut in the middle", "unpacked to the end", spoil_image(lambda c: c[: len(c) // 2])
    ),
    Hostile("cut by one byte", "unpacked to the end", spoil_image(lambda c: c[:-1])),
    Hostile("garbage behind the stream", "unpacked", spoil_image(lambda c: c + b"garbage")),
    Hostile(
        "a second stream behind the first", "holds more", spoil_image(lambda c: c + zeros(1))
    ),
    Hostile(
        "a bomb: a few voxels promised, 1 GB unpacked",
        "more than 832",
        spoil_image(lambda c: c + zeros(1024)),
    ),
    Hostile(
        "a bomb that promises what it unpacks to",
        "at most",
        lambda root: image(root).write_bytes(
            gzip.compress(nifti(dim=(3, 30000, 30000, 30, 1, 1, 1, 1))[:352]) + zeros(64)
        ),
    ),
    Hostile("a packed MetaImage that swells", "more than 480", swollen_meta_image),
    Hostile(
        "a header of terabytes on a small file",
        "at most",
        header(dim=(3, 32767, 32767, 32767, 1, 1, 1, 1)),
    ),
    Hostile("seven dimensions, all of them large", "at most", header(dim=(7, *[32767] * 7))),
    Hostile(
        "a NIfTI that is not packed, named .gz",
        "not compressed as its name says",
        lambda root: image(root).write_bytes(nifti()),
    ),
    Hostile(
        "a stream that holds nothing",
        "valid NIfTI header",
        lambda root: image(root).write_bytes(gzip.compress(b"")),
    ),
    Hostile(
        "a header and no voxel",
        "should hold 832",
        lambda root: image(root).write_bytes(gzip.compress(nifti()[:352])),
    ),
    # Headers that lie.
    Hostile("no dimension", "cannot be right", header(dim=(0, 6, 5, 4, 1, 1, 1, 1))),
    Hostile("eight dimensions", "cannot be right", header(dim=(8, 6, 5, 4, 1, 1, 1, 1))),
    Hostile("a negative dimension", "cannot be right", header(dim=(3, 6, 5, -4, 1, 1, 1, 1))),
    Hostile("a dimension of zero", "cannot be right", header(dim=(3, 6, 0, 4, 1, 1, 1, 1))),
    Hostile(
        "fewer dimensions than there are",
        "bytes by its header",
        header(dim=(2, 6, 5, 4, 1, 1, 1, 1)),
    ),
    Hostile(
        "more dimensions than there are",
        "bytes by its header",
        header(dim=(4, 6, 5, 4, 3, 1, 1, 1)),
    ),
    Hostile(
        "fewer voxels than there are",
        "bytes by its header",
        header(dim=(3, 6, 5, 3, 1, 1, 1, 1)),
    ),
    Hostile(
        "more voxels than there are",
        "bytes by its header",
        header(dim=(3, 6, 5, 5, 1, 1, 1, 1)),
    ),
    Hostile("the magic of a pair of files", "magic", header(magic=b"ni1")),
    Hostile("no magic, as in Analyze", "magic", header(magic=b"")),
    Hostile("a header of another length", "valid NIfTI header", header(sizeof_hdr=349)),
    Hostile("NIfTI-2", "NIfTI-2", header(sizeof_hdr=540)),
    Hostile(
        "voxels that begin later than they do", "bytes by its header", header(vox_offset=400)
    ),
    Hostile("voxels that begin nowhere", "cannot be right", header(vox_offset=NAN)),
    Hostile("voxels that begin beyond all disks", "cannot be right", header(vox_offset=1e30)),
    Hostile("voxels that begin in the header", "cannot be right", header(vox_offset=348)),
    Hostile("voxels that begin before the file", "cannot be right", header(vox_offset=-5)),
    Hostile("voxels that begin within a byte", "cannot be right", header(vox_offset=352.5)),
    Hostile(
        "a room for extensions of a gigabyte",
        "cannot be right",
        lambda root: image(root).write_bytes(
            gzip.compress(nifti(vox_offset=1 << 30)[:352]) + zeros(64)
        ),
    ),
    Hostile("an extension of two gigabytes", "an extension", extended(0x7FFFFFF0)),
    Hostile("an extension of no length", "an extension", extended(0)),
    Hostile("an extension of negative length", "an extension", extended(-16)),
    Hostile("an extension that ends in the voxels", "an extension", extended(48)),
    Hostile("a voxel's size that is not its type's", "cannot be right", header(bitpix=8)),
    Hostile("a type that does not exist", "cannot be right", header(datatype=77)),
    Hostile("single bits", "cannot be right", header(datatype=1, bitpix=1)),
    Hostile("an infinite factor", "cannot be right", header(scl_slope=INF)),
    Hostile(
        "bytes in the order of another machine",
        "cannot be right",
        lambda root: image(root).write_bytes(
            gzip.compress(b"\x5c\1\0\0" + nifti(order=">")[4:])
        ),
    ),
    Hostile(
        "complex numbers",
        "one real number",
        content(np.zeros((6, 5, 4), "f8"), datatype=32, bitpix=64),
    ),
    Hostile(
        "colours",
        "one real number",
        content(
            np.zeros((18, 5, 4), "u1"), datatype=128, bitpix=24, dim=(3, 6, 5, 4, 1, 1, 1, 1)
        ),
    ),
    Hostile(
        "several time points",
        "three dimensions",
        content(np.zeros((6, 5, 4, 2), "i2"), dim=(4, 6, 5, 4, 2, 1, 1, 1)),
    ),
    Hostile(
        "a single flat picture",
        "three dimensions",
        content(np.zeros((6, 5), "i2"), dim=(2, 6, 5, 1, 1, 1, 1, 1)),
    ),
    # Voxels that are no numbers to learn from.
    Hostile(
        "a voxel that is not a number",
        "1 voxel that is NaN",
        content(with_one(voxels(), NAN, "f4")),
    ),
    Hostile(
        "a voxel that is infinite",
        "1 voxel that is NaN",
        content(with_one(voxels(), -INF, "f4")),
    ),
    Hostile("no voxel that is a number", "120 voxels", content(np.full((6, 5, 4), NAN, "f4"))),
    Hostile(
        "a voxel beyond single precision",
        "larger than 3.4e+38",
        content(with_one(voxels(), 1e300, "f8")),
    ),
    # Headers in text that lie.
    Hostile(
        "a MetaImage of negative size",
        "b.mha",
        text_header("b.mha", ("DimSize = 6 5 4", "DimSize = 6 -5 4")),
    ),
    Hostile(
        "a MetaImage of two thousand million dimensions",
        "NDims",
        text_header("b.mha", ("NDims = 3", "NDims = 2147483647")),
    ),
    Hostile(
        "a MetaImage of terabytes",
        "at most",
        text_header("b.mha", ("DimSize = 6 5 4", "DimSize = 9999 9999 4999")),
    ),
    # Labels that are none.
    Hostile(
        "a label of 0.9999",
        "not whole numbers: 0.9999",
        labelled(with_one(mask(), 0.9999, "f4")),
    ),
    Hostile(
        "a label that is not a number",
        "not whole numbers",
        labelled(with_one(mask(), NAN, "f4")),
    ),
    Hostile(
        "a label of 300, which is 44 in 8 bits",
        "not declared: 300",
        labelled(with_one(mask(), 300, "u2")),
    ),
    Hostile(
        "a label of 257, which is 1 in 8 bits",
        "not declared: 257",
        labelled(with_one(mask(), 257, "f8")),
    ),
    Hostile(
        "a label that nobody declared", "not declared: 2", labelled(with_one(mask(), 2, "u1"))
    ),
    Hostile("a negative label", "not declared: -1", labelled(with_one(mask(), -1, "i2"))),
    Hostile(
        "a label that lies a millimetre beside its scan",
        "differ in origin",
        labelled(mask(), Geometry(GEOMETRY.shape, GEOMETRY.spacing, (3.0, 5.0, 5.0))),
    ),
    Hostile(
        "a label with other voxels than its scan",
        "differ in shape",
        labelled(mask()[:, :, :3], Geometry((6, 5, 3), GEOMETRY.spacing, GEOMETRY.origin)),
    ),
    Hostile(
        "a label turned over",
        "differ in direction",
        labelled(
            mask(),
            Geometry(
                GEOMETRY.shape, GEOMETRY.spacing, GEOMETRY.origin, (-1, 0, 0, 0, -1, 0, 0, 0, 1)
            ),
        ),
    ),
)
