"""Scans that lie nowhere, in two places, or on no grid."""

from __future__ import annotations

from tests.hostile.making import INF, MATRIX, NAN, SPACE, Hostile, header, text_header

OFFSET, STEPS, ORIGIN = "Offset = 3 4 5", "ElementSpacing = 1 1 2", "space origin: (3,4,5)"

GEOMETRIES = (
    # By numbers in a NIfTI header.
    Hostile("an affine that is not a number", "not finite", header(srow_y=(0, NAN, 0, 0))),
    Hostile(
        "an affine that is infinitely far away", "not finite", header(srow_z=(0, 0, 2, INF))
    ),
    Hostile("an affine with an axis of no length", "singular", header(srow_x=(0, 0, 0, 0))),
    Hostile("an affine with two equal axes", "singular", header(srow_x=(0, -1, 0, 0))),
    Hostile("an affine that is sheared", "sheared", header(srow_x=(-1, 0.3, 0, 0))),
    Hostile(
        "a quaternion that is not a number",
        "not finite",
        header(sform_code=0, qform_code=1, quatern=(NAN, 0, 0)),
    ),
    Hostile(
        "a quaternion longer than 1",
        "quaternion",
        header(sform_code=0, qform_code=1, quatern=(1, 1, 1)),
    ),
    Hostile(
        "a spacing that is not a number",
        "not finite",
        header(pixdim=(1, 1, NAN, 2, 1, 1, 1, 1)),
    ),
    Hostile(
        "voxels of a kilometre",
        "spacing",
        header(
            srow_x=(1e6, 0, 0, 0),
            srow_y=(0, 1e6, 0, 0),
            srow_z=(0, 0, 1e6, 0),
            pixdim=(1, 1e6, 1e6, 1e6, 1, 1, 1, 1),
        ),
    ),
    Hostile(
        "an axis without a spacing",
        "spacing (pixdim) of 0",
        header(pixdim=(1, 1, 0, 2, 1, 1, 1, 1)),
    ),
    Hostile(
        "a quaternion without a spacing",
        "spacing (pixdim) of 0",
        header(sform_code=0, qform_code=1, pixdim=(1, 1, 0, 2, 1, 1, 1, 1)),
    ),
    Hostile(
        "a quaternion that begins nowhere",
        "not finite",
        header(sform_code=0, qform_code=1, qoffset=(0, NAN, 0)),
    ),
    Hostile(
        "a handedness that is not a number",
        "not finite",
        header(sform_code=0, qform_code=1, pixdim=(INF, 1, 1, 2, 1, 1, 1, 1)),
    ),
    Hostile(
        "an affine of another spacing than its voxels",
        "another voxel spacing",
        header(pixdim=(1, 1, 1, 9, 1, 1, 1, 1)),
    ),
    Hostile(
        "a negative spacing",
        "positive spacing",
        header(sform_code=0, qform_code=1, pixdim=(1, 1, -1, 2, 1, 1, 1, 1)),
    ),
    # By lines of a header in text.
    Hostile(
        "a sheared MetaImage",
        "sheared",
        text_header("b.mha", (MATRIX, "TransformMatrix = 1 0.4 0 0 1 0 0 0 1")),
    ),
    Hostile(
        "a singular MetaImage",
        "b.mha",
        text_header("b.mha", (MATRIX, "TransformMatrix = 1 0 0 1 0 0 0 0 1")),
    ),
    Hostile(
        "a MetaImage without any spacing",
        "spacing",
        text_header("b.mha", ("ElementSpacing = 1 1 2", "ElementSpacing = 0 0 0")),
    ),
    Hostile(
        "a sheared NRRD",
        "sheared",
        text_header("b.nhdr", (SPACE, SPACE.replace("(0,1,0)", "(0.5,1,0)"))),
    ),
    *(
        Hostile(
            f"a MetaImage with {line!r}",
            f"line {line.partition(' ')[0]} is not",
            text_header("b.mha", (old, line)),
        )
        for old, line in (
            *((OFFSET, f"Offset = {n}") for n in ("3 nan 5", "3 4", "3 4 5 6", "3 x 5", "")),
            *((OFFSET, f"Offset = {n}") for n in ("3 -inf 5", "3,4,5", "3 4 1e999", "0x3 4 5")),
            (OFFSET, "Position = 3 nan 5"),
            (OFFSET, "Origin = 3 4"),
            *((STEPS, f"ElementSpacing = {n}") for n in ("1 1", "1 nan 2", "1 1 2 3")),
            (STEPS, "ElementSize = 1 inf 2"),
            *((MATRIX, f"TransformMatrix = 1 0 0 0 1 0 0 0{n}") for n in ("", " x", " 1 1")),
            (MATRIX, "Orientation = 1 0 0 0 nan 0 0 0 1"),
        )
    ),
    *(
        Hostile(
            f"a MetaImage with {line!r} as well", told, text_header("b.mha", (old, old + line))
        )
        for old, line, told in (
            (STEPS, "\nElementSpacing = 2 2 2", "more than once"),
            (STEPS, "\nElementSpacing = 1 1 2", "more than once"),
            ("DimSize = 6 5 4", "\nDimSize = 6 4 5", "more than once"),
            (OFFSET, "\nPosition = 3 4 6", "Offset and Position differ"),
            (OFFSET, "\nOrigin = 3 4 6", "Offset and Origin differ"),
            (MATRIX, "\nRotation = 0 1 0 1 0 0 0 0 1", "TransformMatrix and Rotation differ"),
            (OFFSET, "\rElementSpacing = 2 2 2", "where its lines end"),
        )
    ),
    *(
        Hostile(f"a MetaImage with {line!r}", told, text_header("b.mha", (OFFSET, line)))
        for line, told in (
            ("offset = 3 4 5", "spelt in another way"),
            ("Off set = 3 4 5", "spelt in another way"),
            ("Note\nOffset = 3 4 5", "has no '='"),
            ("Offset = 3 4\n5", "has no '='"),
        )
    ),
    *(
        Hostile(
            f"an NRRD with {line!r}",
            f"line {line.partition(':')[0]} is not",
            text_header("b.nhdr", (old, line)),
        )
        for old, line in (
            *((ORIGIN, f"space origin: {n}") for n in ("(3,nan,5)", "(3,4)", "none", "")),
            *((ORIGIN, f"space origin: {n}") for n in ("(3,4,5) 7", "(0x3,4,5)", "(3,4,-inf)")),
            (SPACE, "space directions: (1,0,0) (0,1,0) none"),
            (SPACE, "space directions: (nan,nan,nan) (0,1,0) (0,0,2)"),
            (SPACE, "space directions: (1,0,0) (0,1) (0,0,2)"),
            ("space: left-posterior-superior\n", "spacings: 1 1 nan\n"),
        )
    ),
    Hostile(
        "an NRRD that begins in two places",
        "more than once",
        text_header("b.nhdr", (ORIGIN, f"{ORIGIN}\nspaceorigin: (7,7,7)")),
    ),
)
