"""Archives that lead elsewhere, are damaged or swell."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.hostile.making import Hostile, flipped, zeros


def _member(name: str, **fields: Any) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def _tar(*members: tarfile.TarInfo) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        with tarfile.open(path, "w") as tar:
            tar.addfile(_member("set/dataset.json", size=2), io.BytesIO(b"{}"))
            for member in members:
                tar.addfile(member, io.BytesIO(bytes(member.size)))

    return make


def _cut(path: Path) -> None:
    _tar(_member("set/images/a.nii.gz", size=1 << 16))(path)
    path.write_bytes(path.read_bytes()[: 1 << 12])


def _gzipped(path: Path) -> bytes:
    _tar(_member("set/images/a.nii.gz", size=1 << 16))(path)
    return gzip.compress(path.read_bytes(), mtime=0)


def _cut_gzip(path: Path) -> None:
    path.write_bytes(_gzipped(path)[:-20])


def _flipped_gzip(path: Path) -> None:
    path.write_bytes(flipped(_gzipped(path), 120))


def _begun(*headers: tarfile.TarInfo) -> bytes:
    """The headers of a tar archive, without what they announce."""
    return b"".join(header.tobuf(tarfile.GNU_FORMAT) for header in headers)


def _swelling(path: Path) -> None:
    content = gzip.compress(_begun(_member("set/images/a.nii", size=2 << 30)), mtime=0)
    path.write_bytes(content + zeros(2 << 10))


def _claiming(path: Path) -> None:
    path.write_bytes(_begun(_member("set/a", size=1 << 60)))


def _long_name(path: Path) -> None:
    """A header whose name is said to follow, and to be as long as 1 GB less a little."""
    long = _member("long", type=tarfile.GNUTYPE_LONGNAME, size=1_000_000_000)
    path.write_bytes(gzip.compress(_begun(long), mtime=0) + zeros(960))


def _nul_in_a_name(path: Path) -> None:
    """By the other way to write a number, a folder's name can hold what ends a name in C."""
    _tar(_member("set/escaped", pax_headers={"path": "set/a\0b"}))(path)


ARCHIVES = (
    Hostile("a file above the folder", "leads out", _tar(_member("set/../../escaped", size=3))),
    Hostile("an absolute path", "leads out", _tar(_member("/tmp/escaped", size=3))),  # noqa: S108
    Hostile(
        "a link", "link", _tar(_member("set/escaped", type=tarfile.SYMTYPE, linkname="/etc"))
    ),
    Hostile(
        "a hard link",
        "link",
        _tar(_member("set/escaped", type=tarfile.LNKTYPE, linkname="../../etc/passwd")),
    ),
    Hostile("a device", "device", _tar(_member("set/escaped", type=tarfile.CHRTYPE))),
    Hostile("a pipe", "device", _tar(_member("set/escaped", type=tarfile.FIFOTYPE))),
    Hostile("a name with a zero byte", "no file can have", _nul_in_a_name),
    Hostile("a name longer than any", "no file can have", _tar(_member("set/" + "a" * 300))),
    Hostile("an archive that is cut", "cannot be unpacked", _cut),
    Hostile("a packed archive that is cut", "cannot be unpacked", _cut_gzip),
    Hostile("a packed archive with a flipped bit", "cannot be unpacked", _flipped_gzip),
    Hostile("a bomb: gigabytes out of little", "unpack to", _swelling),
    Hostile("a file that claims more than all disks", "unpack to", _claiming),
    Hostile("a name of gigabytes", "unpack to", _long_name),
    Hostile(
        "a zip named tar",
        "cannot be unpacked",
        lambda path: path.write_bytes(b"PK\3\4" + bytes(600)),
    ),
)
