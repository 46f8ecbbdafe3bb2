"""Reading files of folders that may come from somebody else: those alone that are plain files.

A link could lead anywhere, a pipe is waited for, and a device never ends.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import Final

__all__ = ["open_plain", "read_plain", "read_text"]

_MOST_BYTES: Final = 1 << 25  # of a text; a row of a table has about a hundred

_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)  # not on Windows
_NO_WAITING: Final = getattr(os, "O_NONBLOCK", 0)  # for somebody at a pipe's other end


def open_plain(path: Path, *, through_links: bool = False) -> BufferedReader:
    """Open a file to read, if it is one: no link, and no pipe or device that never ends.

    For what lies in a folder that may come from somebody else.

    Args:
        path: The file.
        through_links: Whether it may be a link to a plain file, as what people name often is.

    Raises:
        OSError: It cannot be opened, or is no plain file.
    """
    no_link = 0 if through_links else _NO_LINK
    flags = os.O_RDONLY | no_link | _NO_WAITING | getattr(os, "O_BINARY", 0)
    try:
        if not (_NO_LINK or through_links) and path.is_symlink():
            raise OSError(errno.ELOOP, "")
        handle = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP and not through_links:
            raise OSError(errno.ELOOP, "it is a link, not the file itself", str(path)) from None
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is no plain file", str(path))
    return os.fdopen(handle, "rb")


def read_plain(path: Path, *, most: int | None = None, through_links: bool = False) -> bytes:
    """The bytes of a file that is opened as :func:`open_plain` does.

    Args:
        path: The file.
        most: More bytes than these are refused; None takes all that there are.
        through_links: See there.

    Raises:
        OSError: See there; or the file is larger than that.
    """
    with open_plain(path, through_links=through_links) as stream:
        content = stream.read(-1 if most is None else most + 1)
    if most is not None and len(content) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", str(path))
    return content


def read_text(path: Path) -> str:
    """The text of a file beside runs, plain and no larger than they are.

    Raises:
        OSError: It cannot be read, is no plain file, or has more than 32 MiB.
        UnicodeDecodeError: It is not text.
    """
    return read_plain(path, most=_MOST_BYTES).decode()
