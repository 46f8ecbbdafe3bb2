"""Arrays and dataclasses as bytes and JSON, and what a browser may be told of an error."""

from __future__ import annotations

import gzip
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from nextslice.discretion import FROM_THE_ROOT
from nextslice.errors import NextsliceError

__all__ = ["META_HEADER", "array_response", "error_body", "plain", "without_files"]

META_HEADER = "X-Nextslice"
"""What an array is: JSON with its shape and more."""

_WORTH_PACKING = 4096  # bytes

# A path from the root, or the name of a file: of a scan it is often the patient's. Folders may
# hold blanks ("Miller, Anna"), so nothing tells where one ends: the whole line stays here.
_FILES = re.compile(
    FROM_THE_ROOT
    + r"|\.(?:nii|gz|mh[ad]|nrrd|nhdr|i?raw|dcm|np[yz]|ya?ml|json|csv|db|safetensors|pt)\b",
    re.IGNORECASE,
)
_A_FILE = "A file of this project cannot be used; the terminal of nextslice serve says which."


def array_response(
    request: Request, array: np.ndarray[Any, np.dtype[Any]], meta: Mapping[str, Any]
) -> Response:
    """An array as its bytes in rows: float32 little-endian, or uint8.

    Args:
        request: Says whether the browser unpacks gzip.
        array: Of shape (height, width).
        meta: Told in the header :data:`META_HEADER` beside the shape; values JSON can hold.
    """
    kind = np.uint8 if array.dtype == np.uint8 else np.dtype("<f4")
    content = np.ascontiguousarray(array, kind).tobytes()
    told = json.dumps(plain({"shape": list(array.shape), **meta}))
    headers = {META_HEADER: told}
    if "gzip" in request.headers.get("accept-encoding", "") and len(content) > _WORTH_PACKING:
        content = gzip.compress(content, compresslevel=1, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(content, media_type="application/octet-stream", headers=headers)


def plain(value: Any) -> Any:
    """Dataclasses, tuples and numbers as JSON has them; what is not finite becomes null."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(name): plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def error_body(error: NextsliceError) -> dict[str, Any]:
    """What the page may know of an error: its words, unless they name files of this machine."""
    return {
        "problem": without_files(error.problem),
        "cause": "" if _FILES.search(error.cause) else error.cause,
        "remedy": "" if _FILES.search(error.remedy) else error.remedy,
    }


def without_files(text: str) -> str:
    """A message for the browser: where its lines name files, the terminal is named instead.

    Names of files and folders may tell more than a browser should know.
    """
    lines = text.splitlines()
    kept = [line for line in lines if not _FILES.search(line)]
    if lines and kept[:1] != lines[:1]:
        kept.insert(0, _A_FILE)
    return "\n".join(kept)
