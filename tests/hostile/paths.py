"""Names and paths that lead elsewhere, and lists and descriptions that mislead."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tests.hostile.making import (
    FILE,
    Hostile,
    beyond_a_linked_folder,
    describe,
    detached_gzip,
    image,
    in_train_and_test,
    instead,
    label,
    linked,
    linked_payload,
    listed_as,
    listed_twice,
    moved_to,
    nrrd_in_another_encoding,
    payload_a_pipe,
    payload_away,
    renamed,
    text_header,
    twin,
)

PATHS = (
    # Paths that lead elsewhere.
    Hostile("an image that is a link out of the folder", "by a link", linked(image)),
    Hostile("a label that is a link out of the folder", "by a link", linked(label)),
    Hostile("an image in a linked folder", "by a link", beyond_a_linked_folder("image")),
    Hostile("a label in a linked folder", "by a link", beyond_a_linked_folder("label")),
    Hostile("a data file that is a link out of the folder", "by a link", linked_payload),
    Hostile("dataset.json names ..", "outside the data set", listed_as("../b.nii.gz")),
    Hostile(
        "dataset.json names an absolute path", "outside the data set", listed_as("/etc/b.nii")
    ),
    Hostile(
        "dataset.json names a path of Windows",
        "outside the data set",
        listed_as("..\\..\\b.nii.gz"),
    ),
    Hostile(
        "MetaImage names ..",
        "its own folder",
        text_header("b.mhd", (FILE, "ElementDataFile = ../b.raw")),
    ),
    Hostile(
        "MetaImage names an absolute path",
        "its own folder",
        text_header("b.mhd", (FILE, "ElementDataFile = /etc/passwd")),
    ),
    Hostile(
        "MetaImage names a file whose name is longer than any",
        "cannot be there",
        text_header("b.mhd", (FILE, f"ElementDataFile = {'b' * 300}.raw")),
    ),
    Hostile(
        "dataset.json names a file whose name is longer than any",
        "longer than 200 bytes",
        listed_as(f"imagesTr/{'b' * 300}.nii.gz"),
    ),
    Hostile(
        "MetaImage names its file after a colon",
        "its own folder",
        text_header("b.mhd", (FILE, "ElementDataFile : ../b.raw")),
    ),
    Hostile(
        "MetaImage names a list of files",
        "its own folder",
        text_header("b.mhd", (FILE, "ElementDataFile = LIST")),
    ),
    Hostile(
        "MetaImage names a pattern of files",
        "its own folder",
        text_header("b.mhd", (FILE, "ElementDataFile = b%03d.raw 1 4 1")),
    ),
    Hostile(
        "MetaImage names two files",
        "more than once",
        text_header("b.mhd", (FILE, f"elementdatafile = b.raw\n{FILE}")),
    ),
    Hostile(
        "MetaImage hides a file in a comment",
        "more than once",
        text_header("b.mhd", (FILE, f"Comment = x\rElementDataFile = /etc/passwd\n{FILE}")),
    ),
    Hostile("NRRD names ..", "its own folder", text_header("b.nhdr", ("b.raw", "../b.raw"))),
    Hostile(
        "NRRD names an absolute path",
        "its own folder",
        text_header("b.nhdr", ("b.raw", "/etc/passwd")),
    ),
    Hostile(
        "NRRD names a list of files",
        "its own folder",
        text_header("b.nhdr", ("b.raw", "LIST\nb.raw")),
    ),
    Hostile(
        "NRRD names two files",
        "more than once",
        text_header("b.nhdr", ("data file: b.raw", "data file: b.raw\ndatafile: /etc/passwd")),
    ),
    Hostile(
        "NRRD hides a file behind half an end of a line",
        "says",
        text_header("b.nhdr", ("data file: b.raw", "content: x\rdata file: b.raw")),
    ),
    # Data files that are not what their header promises.
    Hostile(
        "a data file that is away",
        "not beside it",
        payload_away,
    ),
    Hostile(
        "a data file that is too short",
        "should hold 480",
        text_header("b.mhd", payload=bytes(479)),
    ),
    Hostile(
        "a data file that is too long",
        "should hold 480",
        text_header("b.mhd", payload=bytes(481)),
    ),
    Hostile(
        "a data file that is a pipe",
        "not beside it",
        payload_a_pipe,
    ),
    Hostile(
        "voxels counted from the end",
        "HeaderSize",
        text_header("b.mhd", (FILE, f"HeaderSize = -1\n{FILE}"), payload=bytes(600)),
    ),
    Hostile(
        "NRRD skips lines",
        "line skip",
        text_header("b.nhdr", ("encoding", "line skip: 2\nencoding")),
    ),
    Hostile(
        "NRRD counts from the end",
        "byte skip",
        text_header("b.nhdr", ("encoding", "byte skip: -1\nencoding")),
    ),
    Hostile("a detached data file packed and cut", "unpacked to the end", detached_gzip),
    Hostile("voxels packed by bzip2", "raw or gzip", nrrd_in_another_encoding),
    Hostile(
        "voxels written as text",
        "raw or gzip",
        text_header("b.mha", ("BinaryData = True", "BinaryData = False")),
    ),
    Hostile(
        "a header that never ends",
        "ElementDataFile",
        text_header("b.mhd", ("ObjectType", "Comment = " + "x" * 70_000 + "\nObjectType")),
    ),
    # Things that are no files.
    Hostile("a pipe", "plain file", instead(os.mkfifo)),
    Hostile("a device", "by a link", instead(lambda path: path.symlink_to("/dev/zero"))),
    Hostile("a folder", "plain file", instead(Path.mkdir)),
    Hostile("an empty file", "is empty", instead(Path.touch)),
    Hostile(
        "a link to nowhere", "missing", instead(lambda path: path.symlink_to("nowhere.nii.gz"))
    ),
    Hostile("a link to itself", "by a link", instead(lambda path: path.symlink_to(path.name))),
    Hostile("prose", "cannot be unpacked", instead(lambda path: path.write_text("once " * 99))),
    Hostile(
        "a name that no disk can hold",
        "name too long",
        listed_as("b" * 300 + "/b.nii.gz"),
    ),
    # Lists that mislead.
    Hostile("the scan of another case", "same voxels", twin),
    Hostile("a case listed twice", "listed 2 times", listed_twice),
    Hostile("a patient in training and in test", "test set", in_train_and_test),
    Hostile("a line feed in a name", "cannot be shown", renamed("b\n.nii.gz")),
    Hostile("a terminal's command in a name", "cannot be shown", renamed("b\x1b[2J.nii.gz")),
    Hostile("a name read from right to left", "cannot be shown", renamed("b\u202egz.nii.gz")),
    Hostile("a name that is not text", "cannot be shown", renamed("b\udcff.nii.gz")),
    Hostile(
        "a name as long as a disk allows",
        "longer than 200 bytes",
        renamed("\u00fc" * 123 + ".nii.gz"),
    ),
    Hostile("a folder whose name is not text", "in UTF-8", moved_to("m\udcfcller")),
)


def described_anew(encoding: str) -> Callable[[Path], object]:
    """The same description in another encoding."""

    def make(root: Path) -> None:
        path = root / "dataset.json"
        path.write_bytes(path.read_text().encode(encoding))

    return make


def in_its_place(make: Callable[[Path], object]) -> Callable[[Path], object]:
    """Something else where the description was, which now lies beside the data set."""

    def put(root: Path) -> None:
        (root / "dataset.json").rename(root.parent / "away.json")
        make(root / "dataset.json")

    return put


def kept_for_a_test(test: object) -> Callable[[Path], object]:
    pairs = [f"images/{case}.nii.gz" for case in "abc"]
    return lambda root: describe(root, training=pairs, test=test)


DESCRIPTIONS = (
    Hostile(
        "huge", "bytes at most", lambda root: os.truncate(root / "dataset.json", (1 << 26) + 1)
    ),
    Hostile(
        "nested without end",
        "not valid JSON",
        lambda root: (root / "dataset.json").write_text("[" * 200_000),
    ),
    Hostile(
        "a key that stands twice",
        "'training' twice",
        lambda root: (root / "dataset.json").write_text('{"training": [], "training": []}'),
    ),
    Hostile(
        "a label that is declared twice",
        "'1' twice",
        lambda root: (root / "dataset.json").write_text(
            '{"training": ["images/a.nii.gz"], "labels": {"1": "a", "1": "b"}}'
        ),
    ),
    Hostile(
        "not UTF-8",
        "should be in UTF-8, but is in another",
        lambda root: (root / "dataset.json").write_bytes(b'{"training": ["\xff"]}'),
    ),
    Hostile(
        "a list", "should hold an object", lambda root: (root / "dataset.json").write_text("[]")
    ),
    Hostile(
        "a number that no name belongs to",
        "pairs of image and label",
        lambda root: describe(root, training=[7]),
    ),
    Hostile(
        "a path in the place of a mapping",
        '"labels" should name',
        lambda root: describe(root, training=["images/a.nii.gz"], labels="../../x"),
    ),
    Hostile(
        "a number beyond all numbers",
        "one whole number",
        lambda root: describe(root, training=["images/a.nii.gz"], labels={"x": 1e999}),
    ),
    Hostile("UTF-16 with a mark", "but is in UTF-16", described_anew("utf-16")),
    Hostile("UTF-16 without a mark", "but is in UTF-16", described_anew("utf-16-be")),
    Hostile("UTF-32", "but is in UTF-32", described_anew("utf-32")),
    Hostile("a pipe", "a plain file", in_its_place(os.mkfifo)),
    Hostile("a folder", "a plain file", in_its_place(Path.mkdir)),
    Hostile("a device", "by a link", in_its_place(lambda path: path.symlink_to("/dev/zero"))),
    Hostile(
        "a link out of the folder",
        "by a link",
        in_its_place(lambda path: path.symlink_to("../away.json")),
    ),
    Hostile(
        "a link to nowhere",
        "link to nowhere",
        in_its_place(lambda path: path.symlink_to("away.json")),
    ),
    Hostile(
        "a link to itself",
        "in a circle",
        in_its_place(lambda path: path.symlink_to(path.name)),
    ),
    *(
        Hostile(f"a test set that is {test!r}", '"test" should list', kept_for_a_test(test))
        for test in (
            {"image": "imagesTs/b.nii.gz"},
            "imagesTs/b.nii.gz",
            [["imagesTs/b.nii.gz"]],
            [{"file": "imagesTs/b.nii.gz"}],
            *([None], [""], 7, {}, False),
        )
    ),
)
