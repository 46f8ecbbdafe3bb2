"""Unpacking an archive that came from elsewhere, whole or not at all."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path, PurePosixPath

from nextslice.errors import DataError
from nextslice.progress import OnProgress, Progress, ignore_progress

__all__ = ["unpack_data_set"]


def unpack_data_set(
    archive: Path, target: Path, on_progress: OnProgress = ignore_progress
) -> None:
    """Unpack a tar archive of one MSD data set so that `target` is whole or not there at all.

    Only plain files and folders inside the archive's own folder are accepted. Files that macOS
    leaves beside others (``._name``) are skipped.

    Args:
        archive: The tar archive, compressed or not; removed if it cannot be used.
        target: The data set's folder to be; must not exist.
        on_progress: Told after each file in the stage `"unpack"`, in bytes of the archive.

    Raises:
        DataError: The archive is damaged, leads out of its folder or holds no data set.
    """
    scratch = target.with_name(f".{target.name}.unpacking")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        _extract(archive, scratch, on_progress)
        tops = list(scratch.iterdir())
        whole = tops[0] if len(tops) == 1 and tops[0].is_dir() else scratch
        if not (whole / "dataset.json").is_file():
            raise DataError(
                f"{archive.name} should hold one folder with a dataset.json; it does not.",
                cause="it is not a data set of the Medical Segmentation Decathlon",
            )
        whole.replace(target)
    except (tarfile.TarError, EOFError, DataError) as error:
        archive.unlink()
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{archive.name} has the right checksum but cannot be unpacked: {error}.",
            remedy="Nothing was kept; check the address and the checksum that were given.",
        ) from error
    except OSError as error:
        raise DataError(
            f"{target} cannot be written: {error.strerror or error}.",
            cause="the disk is full, or the folder belongs to somebody else",
            remedy="Make room and run the same again; nothing has to be downloaded twice.",
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _extract(archive: Path, folder: Path, on_progress: OnProgress) -> None:
    total = archive.stat().st_size
    with tarfile.open(archive) as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            if path.name.startswith("._") or path.name == ".DS_Store":
                continue
            if (
                path.is_absolute()
                or ".." in path.parts
                or not (member.isfile() or member.isdir())
            ):
                raise DataError(
                    f"{archive.name} holds {member.name!r}, which is a link, a device or a "
                    "path that leads out of its folder; a data set has plain files only.",
                    remedy="Nothing was kept. Do not trust where this archive came from.",
                )
            tar.extract(member, folder, filter="data")
            on_progress(Progress("unpack", min(tar.offset, total), total, path.name))
