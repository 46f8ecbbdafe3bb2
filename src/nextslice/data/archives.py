"""Unpacking an archive that came from elsewhere, whole or not at all."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import IO, Final

from nextslice.data.places import stays_inside
from nextslice.errors import DataError, StorageError
from nextslice.files import storage_error, sync, sync_folder
from nextslice.placing import put_in_place
from nextslice.progress import OnProgress, Progress, ignore_progress

__all__ = ["remove_unpacking", "unpack_data_set"]

_MOST_MEMBERS: Final = 100_000
_LONGEST_NAME: Final = 255  # bytes, on every file system of today
_ALWAYS: Final = 1 << 30  # so much may come out of however small an archive
_SWOLLEN: Final = 50  # times the archive's size; packed scans do not shrink, and labels little
_AT_ONCE: Final = 1 << 24  # no name, and no note on a file, is as long as that
_PACKED: Final[Mapping[bytes, ModuleType]] = {
    b"\x1f\x8b": gzip,
    b"BZh": bz2,
    b"\xfd7zXZ": lzma,
}
"""First bytes of a packed archive -> what unpacks it."""


def unpack_data_set(
    archive: Path, target: Path, on_progress: OnProgress = ignore_progress
) -> None:
    """Unpack a tar archive of one MSD data set so that `target` is whole or not there at all.

    Only plain files and folders inside the archive's own folder are accepted. Files that macOS
    leaves beside others (``._name``) are skipped. What comes out is bounded: 100,000 files, and
    50 times the archive's own bytes (1 GiB where that is more).

    Args:
        archive: The tar archive, compressed or not; removed if it cannot be used.
        target: The data set's folder to be; must not exist.
        on_progress: Told after each file in the stage `"unpack"`, in bytes of the archive.

    Raises:
        DataError: The archive is damaged, leads out of its folder, holds more than it may or
            no data set.
        StorageError: The disk does not take it; the archive stays.
    """
    remove_unpacking(target)
    scratch = _scratch(target)
    try:
        scratch.mkdir()
        _extract(archive, scratch, on_progress)
        tops = list(scratch.iterdir())
        whole = tops[0] if len(tops) == 1 and tops[0].is_dir() else scratch
        if not (whole / "dataset.json").is_file():
            raise DataError(
                f"{archive.name} should hold one folder with a dataset.json; it does not.",
                cause="it is not a data set of the Medical Segmentation Decathlon",
            )
        _bring_to_disk(whole)
        put_in_place(whole, target, "unpacking")
    except (tarfile.TarError, EOFError, DataError) as error:
        archive.unlink()
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{archive.name} has the right checksum but cannot be unpacked: {error}.",
            remedy="Nothing was kept; check the address and the checksum that were given.",
        ) from error
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise storage_error(target, error) from error
    finally:
        remove_unpacking(target)


def remove_unpacking(target: Path) -> None:
    """Remove what was left of unpacking a data set, as by a process that was killed."""
    shutil.rmtree(_scratch(target), ignore_errors=True)


def _scratch(target: Path) -> Path:
    return target.with_name(f".{target.name}.unpacking")


def _extract(archive: Path, folder: Path, on_progress: OnProgress) -> None:
    total = archive.stat().st_size
    room = max(_ALWAYS, _SWOLLEN * total)
    with _opened(archive, room) as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
        for count, member in enumerate(tar, start=1):
            room -= max(member.size, 0)
            if count > _MOST_MEMBERS or room < 0:
                raise _swollen(archive)
            path = PurePosixPath(member.name)
            if path.name.startswith("._") or path.name == ".DS_Store":
                continue
            too_long = any(len(os.fsencode(part)) > _LONGEST_NAME for part in path.parts)
            plain = member.isfile() or member.isdir()
            if too_long or not plain or not stays_inside(member.name):
                raise DataError(
                    f"{archive.name} holds {member.name!r:.200}, which is a link, a device, a "
                    "path that leads out of its folder or a name that no file can have; a data "
                    "set has plain files only.",
                    remedy="Nothing was kept. Do not trust where this archive came from.",
                )
            tar.extract(member, folder, filter="data")
            on_progress(Progress("unpack", min(tar.offset, total), total, path.name))
        while stream.read(_AT_ONCE):  # to the end, where the checksum of a packed archive is
            pass


def _bring_to_disk(folder: Path) -> None:
    """Else a power cut could leave a data set of empty files, taken for one that is there."""
    for place, _, names in os.walk(folder):
        for name in names:
            with Path(place, name).open("r+b") as stream:
                sync(stream.fileno())
        sync_folder(Path(place))


@contextlib.contextmanager
def _opened(archive: Path, room: int) -> Iterator[_Bounded]:
    """A tar archive, unpacked as it is read."""
    with archive.open("rb") as stream:
        begin = stream.read(6)
        stream.seek(0)
        packed = (kind for magic, kind in _PACKED.items() if begin.startswith(magic))
        module = next(packed, None)
        inner = stream if module is None else module.open(stream)
        with contextlib.closing(_Bounded(inner, archive, room)) as bounded:
            yield bounded


class _Bounded(io.BufferedIOBase):
    """A stream of which no more is read than there may be, and little at a time.

    tarfile takes into memory whatever length the header of a member gives to its name.
    """

    def __init__(self, stream: IO[bytes], archive: Path, room: int) -> None:
        self._stream = stream
        self._archive = archive
        self._room = room + _MOST_MEMBERS * tarfile.BLOCKSIZE * 3  # headers, and ends of blocks

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= _AT_ONCE:
            raise _swollen(self._archive)
        with _damage_told():
            content = self._stream.read(size)
        if self._stream.tell() > self._room:
            raise _swollen(self._archive)
        return content

    def seek(self, place: int, whence: int = io.SEEK_SET, /) -> int:
        if whence != io.SEEK_SET or place > self._room:
            raise _swollen(self._archive)
        with _damage_told():
            return self._stream.seek(place)

    def tell(self) -> int:
        return self._stream.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


@contextlib.contextmanager
def _damage_told() -> Iterator[None]:
    """What the three kinds of packing say of a damaged stream, in tarfile's words."""
    try:
        yield
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise tarfile.ReadError(f"it is damaged ({error})") from error


def _swollen(archive: Path) -> DataError:
    return DataError(
        f"{archive.name} should unpack to {_MOST_MEMBERS:,} files and {_SWOLLEN} times its own "
        f"size (or {_ALWAYS >> 30} GiB) at most, but holds more.",
        cause="it is damaged, or made to fill the disk.",
        remedy="Nothing was kept. If you trust its source, download and unpack it by hand.",
    )
