"""The report's folder: written whole, with nothing of an earlier report left behind.

All files are written into a fresh folder first, so that a report that fails leaves the old one
as it was. ``SHA256SUMS`` names the files of a report (``sha256sum -c SHA256SUMS`` checks them).
What an earlier report wrote and this one did not is removed, if it is still as it was written;
anybody else's file stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from nextslice.failpoints import reach
from nextslice.files import file_sha256, make_folder, sync_folder, write_atomically
from nextslice.plain_files import read_text
from nextslice.project.scratch import scratch

__all__ = ["SUMS", "writing_report"]

SUMS = "SHA256SUMS"

_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")


@contextmanager
def writing_report(out: Path) -> Iterator[Path]:
    """A fresh folder whose files take their places in `out` once the block has ended.

    Args:
        out: The report's folder, made if it is not there. If the block raises, it is as it was.

    Yields:
        The folder to write into, with folders in it as may be.

    Raises:
        OSError: `out` cannot be written, a folder stands where a file is to be, or a link that
            leads elsewhere where a folder is to be.
        ProjectError: The file system has no locks, by which a report that is being written is
            told from what a killed one left.
    """
    with scratch(out, ".writing-") as fresh:  # what killed reports left there goes, too
        fresh.mkdir()
        yield fresh
        _swap(fresh, out)


def _swap(fresh: Path, out: Path) -> None:
    names = sorted(p.relative_to(fresh).as_posix() for p in fresh.rglob("*") if p.is_file())
    for name in (*names, SUMS):
        _check_place(out, name)
    before = _known(out / SUMS)
    after = {(file_sha256(fresh / name), name) for name in names}
    # Both, so that whatever is cut off here is still known as ours the next time.
    _write_sums(out, before | after)
    reach("moving.begun")
    for count, name in enumerate(names):
        make_folder((out / name).parent)
        (fresh / name).replace(out / name)
        if count == 0:
            reach("moving.midst")
    for folder in {(out / name).parent for name in names}:
        sync_folder(folder)
    for digest, name in before:
        if name not in names:
            _remove(out, name, digest)
    reach("moving.done")
    _write_sums(out, after)


def _check_place(out: Path, name: str) -> None:
    """A folder in the place of a file, or a link to elsewhere in the place of a folder."""
    place = out / name
    if place.is_dir():
        raise IsADirectoryError(21, "Is a directory", str(place))
    if not place.parent.resolve().is_relative_to(out.resolve()):
        raise NotADirectoryError(20, "Not a folder of its own", str(place.parent))


def _remove(out: Path, name: str, digest: str) -> None:
    """Remove a file that is still as an earlier report wrote it, and its folder if empty."""
    path = out / name
    inside = path.parent.resolve().is_relative_to(out.resolve())
    if not inside or path.is_symlink() or not path.is_file() or file_sha256(path) != digest:
        return
    path.unlink()
    if path.parent != out and not any(path.parent.iterdir()):
        path.parent.rmdir()


def _write_sums(out: Path, sums: set[tuple[str, str]]) -> None:
    lines = sorted(sums, key=lambda pair: (pair[1], pair[0]))
    write_atomically(
        out / SUMS, "".join(f"{digest}  {name}\n" for digest, name in lines), "sums"
    )


def _known(path: Path) -> set[tuple[str, str]]:
    """What an earlier report says it wrote; only places within its folder."""
    try:
        text = read_text(path)
    except (OSError, UnicodeDecodeError):
        return set()
    found = {match.groups() for line in text.splitlines() if (match := _LINE.fullmatch(line))}
    return {(digest, name) for digest, name in found if _is_within(name)}


def _is_within(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and parts[0] != "/" and ".." not in parts
