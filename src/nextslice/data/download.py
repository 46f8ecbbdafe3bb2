"""Public data sets for people who are online: fetched, checked, unpacked, in that order.

The tasks of the Medical Segmentation Decathlon, with the addresses and checksums that MONAI
carries. Whatever stops a download, the same call goes on where it was: bytes are collected in
a ``.part`` file, nothing is unpacked before its checksum is right, and the data set's folder
takes its name only once it is whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import importlib
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nextslice.data.archives import remove_unpacking, unpack_data_set
from nextslice.errors import DataError, MissingExtraError, SettingsError, StorageError
from nextslice.failpoints import reach
from nextslice.files import storage_error
from nextslice.progress import OnProgress, Progress, ignore_progress

__all__ = ["Fetched", "fetch_public"]

_CHUNK = 1 << 18
_TIMEOUT_S = 30.0
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Fetched:
    """What a fetch ended with.

    Attributes:
        folder: The data set.
        already_there: It was there before; nothing was downloaded or changed.
    """

    folder: Path
    already_there: bool


def fetch_public(
    name: str,
    folder: Path,
    on_progress: OnProgress = ignore_progress,
    url: str | None = None,
    md5: str | None = None,
) -> Fetched:
    """Download a public data set, check it and unpack it.

    Args:
        name: A task of the Medical Segmentation Decathlon, such as `"hippocampus"` or
            `"Task04_Hippocampus"`; any name if `url` and `md5` are both given.
        folder: Where the data set's own folder is put, as `folder / "Task04_Hippocampus"`.
        on_progress: Told about bytes in the stages `"download"` and `"verify"`, and about
            files in the stage `"unpack"`. A total of 0 means that it is not known.
        url: Another address of the same tar archive: https, or http on this machine.
        md5: The archive's checksum in hexadecimal, where it is not MONAI's.

    Raises:
        SettingsError: The name, the address or the checksum cannot be used.
        MissingExtraError: MONAI is needed to look the name up and is not installed.
        DataError: Nobody answers, the answer is not the archive, or it cannot be unpacked.
        StorageError: The disk does not take it; the same call goes on where it stopped.
    """
    task, url, md5 = _look_up(name, url, md5)
    target = folder / task
    archive = folder / f".{task}.tar"  # whole, left by a fetch that was stopped while unpacking
    if (target / "dataset.json").is_file():
        _remove_leftovers(archive, target)
        return Fetched(target, already_there=True)
    if target.exists():
        raise DataError(
            f"{target} is there, but without the dataset.json of a whole data set.",
            remedy="Move it away or give another folder, then fetch again.",
        )
    part = folder / f"{task}.tar.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not archive.exists():
            _download(url, part, on_progress)
            _verify(part, md5, on_progress)
            part.replace(archive)
            reach("part.renamed")
        else:
            _verify(archive, md5, on_progress)
        unpack_data_set(archive, target, on_progress)
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise storage_error(target, error) from error
    _remove_leftovers(archive, target)
    return Fetched(target, already_there=False)


def _remove_leftovers(archive: Path, target: Path) -> None:
    """What only a fetch needs that has not come to its end; none of it is worth an error."""
    with contextlib.suppress(OSError):
        archive.unlink()
    remove_unpacking(target)


def _look_up(name: str, url: str | None, md5: str | None) -> tuple[str, str, str]:
    if url is not None and md5 is not None:
        task = name
        if not re.fullmatch(r"\w[\w.-]*", name):
            raise SettingsError(
                f"The name becomes a folder: letters, digits, '_', '-' and '.' were expected, "
                f"{name!r} came."
            )
    else:
        addresses, checksums = _decathlon()
        short = {task.partition("_")[2].lower(): task for task in addresses}
        known = short | {task.lower(): task for task in addresses}
        if name.lower() not in known:
            raise SettingsError(
                f"No public data set is called {name!r}; known are {', '.join(short)}.",
                remedy="Choose one of these, or give an address and its MD5 checksum.",
            )
        task = known[name.lower()]
        url = url or addresses[task]
        md5 = md5 or checksums[task]
    _check_address(url)
    if not re.fullmatch(r"[0-9a-fA-F]{32}", md5):
        raise SettingsError(f"An MD5 checksum has 32 hexadecimal digits; {md5!r} came.")
    return task, url, md5.lower()


def _decathlon() -> tuple[Mapping[str, str], Mapping[str, str]]:
    try:
        # Loaded when asked for: it takes seconds, and most calls of nextslice need none of it.
        apps: Any = importlib.import_module("monai.apps")
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"The addresses of public data sets come from MONAI; {error.name} is missing.",
            remedy='Install it with: pip install "nextslice[full]"',
        ) from error
    return apps.DecathlonDataset.resource, apps.DecathlonDataset.md5


def _check_address(url: str) -> None:
    try:
        parts = urllib.parse.urlsplit(url)
        # What is asked for later, where nobody would expect it to be in the way.
        _ = url.encode("ascii"), (parts.hostname or "").encode("idna"), parts.port
    except ValueError as error:
        raise SettingsError(
            f"An address was expected; {url!r:.200} is none.",
            remedy="Copy it from a browser's address bar: other letters than those of English "
            "stand as %-codes there.",
        ) from error
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise SettingsError(
            f"An https address was expected; {url!r} came.",
            remedy="Data over plain http or from other places can be changed on the way.",
        )


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to an address that could have been given in the first place."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        _check_address(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _open(url: str, offset: int) -> http.client.HTTPResponse:
    handlers: list[urllib.request.BaseHandler] = [_SafeRedirects()]
    if urllib.parse.urlsplit(url).hostname in _LOOPBACK:
        handlers.append(urllib.request.ProxyHandler({}))
    headers = {"User-Agent": "nextslice", "Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - scheme was checked
    response: http.client.HTTPResponse = urllib.request.build_opener(*handlers).open(
        request, timeout=_TIMEOUT_S
    )
    return response


def _download(url: str, part: Path, on_progress: OnProgress) -> None:
    """Fill `part`; a cut connection is taken up again as long as every try brings bytes."""
    have = _size(part)
    while True:
        try:
            _continue(url, part, on_progress)
        except urllib.error.HTTPError as error:
            raise DataError(
                f"The server answered {error.code} ({error.reason}) for {url}.",
                cause="the address has moved"
                if error.code < 500
                else "the server is in trouble",
                remedy="Try again later, or give another address of the same archive.",
            ) from error
        except (StorageError, SettingsError):
            raise
        except (OSError, http.client.HTTPException, ValueError) as error:
            before, have = have, _size(part)
            if have <= before:
                host = urllib.parse.urlsplit(url).hostname
                reason = getattr(error, "reason", None) or error or type(error).__name__
                raise DataError(
                    f"The download from {host} stopped after {have:,} bytes: {reason}.",
                    cause="this machine is offline, or a proxy or firewall is in the way",
                    remedy="Run the same again when online; it goes on where it stopped. "
                    "`nextslice phantom` makes a data set that needs no network.",
                ) from error
        else:
            return


def _continue(url: str, part: Path, on_progress: OnProgress) -> None:
    offset = _size(part)
    try:
        response = _open(url, offset)
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not offset:
            raise
        error.close()
        if error.headers.get("Content-Range", "").strip() == f"bytes */{offset}":
            return  # every byte was here already
        part.unlink()
        response, offset = _open(url, 0), 0
    with response:
        begun = re.match(r"bytes ([0-9]{1,18})-", response.headers.get("Content-Range", ""))
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            offset = 0  # a server that knows no ranges sends all of it again
        elif not begun or int(begun[1]) != offset:
            part.unlink()
            raise http.client.HTTPException("the server sent another part than asked for")
        length = response.headers.get("Content-Length", "")
        total = offset + int(length) if re.fullmatch("[0-9]{1,18}", length) else 0
        done = offset
        try:
            out = part.open("ab" if offset else "wb")
        except OSError as error:
            raise storage_error(part, error) from error
        with out:
            while chunk := response.read(_CHUNK):
                try:
                    out.write(chunk)
                    out.flush()
                    reach("part.written")
                except OSError as error:
                    raise storage_error(part, error) from error
                done += len(chunk)
                on_progress(Progress("download", done, total, "bytes"))
    if done < total:
        raise http.client.HTTPException("the connection was cut")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _verify(part: Path, md5: str, on_progress: OnProgress) -> None:
    digest, done, total = hashlib.md5(usedforsecurity=False), 0, _size(part)
    with part.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            done += len(chunk)
            on_progress(Progress("verify", done, total, "bytes"))
    if digest.hexdigest() != md5:
        part.unlink()
        raise DataError(
            f"The archive's MD5 checksum should be {md5}; it is {digest.hexdigest()}.",
            cause="it was damaged on the way, or the data set has changed at its source",
            remedy="Nothing was unpacked and the download was removed; fetch again.",
        )
