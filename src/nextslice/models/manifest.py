"""What lies beside a model's weights and says what they are, read strictly.

A manifest of format 2 holds the SHA-256 of all its other fields, so that one that was damaged
or edited is noticed. One of format 1, as earlier versions wrote it, has no such hash. It is
read all the same: the models of finished runs are worth more than that, and what decides over
the weights, their own SHA-256, stands in the run's database as well. No single bit that flips
makes a 1 of a 2.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from nextslice.errors import CheckpointError

__all__ = ["MANIFEST", "WEIGHTS", "damaged", "parse_manifest", "sealed_manifest"]

WEIGHTS: Final = "weights.safetensors"
MANIFEST: Final = "manifest.json"

_FORMAT: Final = 2
_UNSEALED: Final = 1
_SEAL: Final = "manifest_sha256"
_LARGEST: Final = sys.float_info.max
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MOST: Final = 16 * 2**20  # bytes; some hundred for each tensor, some ten for each epoch


def sealed_manifest(fields: Mapping[str, Any]) -> str:
    """The text of a manifest.

    Args:
        fields: All but its format and its own hash.

    Raises:
        TypeError, ValueError: They cannot be written as JSON.
    """
    plain = json.dumps({"format": _FORMAT, **fields}, allow_nan=False)
    manifest = json.loads(plain)  # as it is read back: JSON knows no keys but text
    return json.dumps(manifest | {_SEAL: _seal(manifest)}, indent=1, allow_nan=False) + "\n"


def parse_manifest(content: bytes, path: Path) -> dict[str, Any]:
    """The fields of a manifest, each of its type.

    Args:
        content: Its bytes.
        path: Its file, for the complaint.

    Raises:
        CheckpointError: It is damaged, or of another format.
    """
    if len(content) > _MOST:
        raise damaged(path, f"it has {len(content):,} bytes")
    try:
        manifest = json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise damaged(path, str(error)) from error
    if not isinstance(manifest, dict):
        raise damaged(path, f"it holds a {type(manifest).__name__}, not fields")
    known = manifest.get("format")
    if type(known) is not int or known not in (_UNSEALED, _FORMAT):
        raise CheckpointError(
            f"{path} must be a checkpoint manifest of format {_FORMAT}; got {known!r:.80}.",
            cause="another version of nextslice, or another program, wrote it.",
        )
    fields = _FIELDS | ({_SEAL: _is_sha256} if known == _FORMAT else {})
    if wrong := sorted(fields.keys() ^ manifest.keys()):
        does = "lacks" if wrong[0] in fields else "holds the unknown"
        raise damaged(path, f"it {does} {wrong[0]!r:.80}")
    for name, fits in fields.items():
        if not fits(manifest[name]):
            raise damaged(path, f"its {name} is not what it should be")
    if known == _FORMAT and manifest[_SEAL] != _seal(manifest):
        raise damaged(path, "its fields are not those that were written")
    return manifest


def damaged(path: Path, why: str) -> CheckpointError:
    """What to say of a file of a checkpoint that cannot be used."""
    return CheckpointError(
        f"{path} cannot be used: {why}.",
        cause="an incomplete copy, a full disk or a change by hand.",
        remedy="Copy the folder again from its source, or train the model again.",
    )


def _seal(manifest: Mapping[str, Any]) -> str:
    """SHA-256 of all fields but the hash itself, in an order of their own."""
    fields = {name: value for name, value in manifest.items() if name != _SEAL}
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _is_sha256(value: object) -> bool:
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def _is_count(value: object) -> bool:
    return type(value) is int and 0 < value < 2**40


def _is_history(value: object) -> bool:
    return isinstance(value, list) and all(
        type(loss) in (float, int) and -_LARGEST <= loss <= _LARGEST for loss in value
    )


def _are_tensors(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(tensor, dict)
        and tensor.keys() == {"shape", "dtype"}
        and isinstance(tensor["dtype"], str)
        and isinstance(tensor["shape"], list)
        and all(type(n) is int and n >= 0 for n in tensor["shape"])
        for tensor in value.values()
    )


def _is_module(value: object) -> bool:
    return value is None or (
        isinstance(value, dict)
        and value.keys() == {"feature_channels", "hidden"}
        and isinstance(value["feature_channels"], list)
        and all(map(_is_count, (*value["feature_channels"], value["hidden"])))
    )


_FIELDS: Final[dict[str, Callable[[Any], bool]]] = {
    "format": lambda value: value in (_UNSEALED, _FORMAT),
    "weights": lambda value: value == WEIGHTS,
    "sha256": _is_sha256,
    "classes": _is_count,
    "history": _is_history,
    "precision": lambda value: isinstance(value, str),
    "loss_prediction": _is_module,
    "tensors": _are_tensors,
    "extra": lambda value: isinstance(value, dict),
}
