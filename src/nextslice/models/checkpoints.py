"""Models on disk: weights as safetensors, and a manifest that says what they are.

::

    FOLDER/weights.safetensors   tensors named network.* and loss_prediction.*
    FOLDER/manifest.json         SHA-256 of the weights; name, shape and type of each tensor;
                                 classes, training history, and what the caller adds;
                                 SHA-256 of all that (manifest.py)

The manifest is written last, so a folder without one holds no finished checkpoint. Nothing is
unpickled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from nextslice.errors import CheckpointError
from nextslice.files import write_atomically
from nextslice.models.inference import SegmentationModel
from nextslice.models.initialisation import Network, fresh_network
from nextslice.models.loss_prediction import LossPredictionModule
from nextslice.models.manifest import (
    MANIFEST,
    WEIGHTS,
    damaged,
    parse_manifest,
    sealed_manifest,
)
from nextslice.plain_files import open_plain, read_plain

__all__ = ["load_model", "opened_checkpoint", "read_manifest", "save_model"]


def save_model(
    model: SegmentationModel, folder: Path, *, extra: Mapping[str, Any] | None = None
) -> None:
    """Write a model to a folder; a crash on the way leaves no checkpoint, never a wrong one.

    Args:
        model: What to save.
        folder: Made if it is not there; a checkpoint in it is replaced.
        extra: What else the manifest should hold, under "extra"; JSON values.

    Raises:
        CheckpointError: `extra` cannot be written as JSON.
        StorageError: The disk does not take it.
    """
    tensors = _tensors(model.network, model.loss_prediction)
    content = safetensors.torch.save(tensors)
    module = model.loss_prediction
    fields = {
        "weights": WEIGHTS,
        "sha256": hashlib.sha256(content).hexdigest(),
        "classes": model.classes,
        "history": list(model.history),
        "precision": model.precision.name,
        "loss_prediction": None
        if module is None
        else {"feature_channels": list(module.feature_channels), "hidden": module.hidden},
        "tensors": _description(tensors),
        "extra": dict(extra or {}),
    }
    try:
        text = sealed_manifest(fields)
    except (TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"The manifest of {folder} cannot be written as JSON: {error}",
            remedy="Give `extra` text, finite numbers, booleans, lists and dictionaries only.",
        ) from error
    (folder / MANIFEST).unlink(missing_ok=True)
    write_atomically(folder / WEIGHTS, content, "weights")
    write_atomically(folder / MANIFEST, text, "manifest")


def read_manifest(folder: Path) -> dict[str, Any]:
    """What a checkpoint's manifest says; the weights are not touched.

    Raises:
        CheckpointError: There is no manifest, or it is damaged.
    """
    path = folder / MANIFEST
    try:
        content = read_plain(path)
    except FileNotFoundError as error:
        raise CheckpointError(
            f"There is no finished checkpoint in {folder}: {MANIFEST} is missing.",
            cause="a wrong folder, or saving was interrupted.",
            remedy="Train the model again, or name the folder that holds the manifest.",
        ) from error
    except OSError as error:
        raise damaged(path, str(error)) from error
    return parse_manifest(content, path)


@contextmanager
def opened_checkpoint(folder: Path, sha256: str) -> Iterator[tuple[bytes, IO[bytes]]]:
    """A checkpoint's manifest, and its weights open at their beginning: of one training both.

    They stay what they are though another training replaces the files meanwhile.

    Args:
        folder: Where `save_model` wrote.
        sha256: Of the weights that should be there.

    Raises:
        CheckpointError: They are not, or another training is replacing them just now.
    """
    path = folder / WEIGHTS
    try:
        stream = open_plain(path)
    except OSError as error:
        raise damaged(path, str(error)) from error
    with stream:
        try:
            content = read_plain(folder / MANIFEST)
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise damaged(folder, str(error)) from error
        if not parse_manifest(content, folder / MANIFEST)["sha256"] == found == sha256:
            raise damaged(folder, "it is not the model that is looked for")
        stream.seek(0)
        yield content, stream


def load_model(
    folder: Path,
    network: Network,
    *,
    device: str | torch.device = "auto",
    precision: str = "auto",
) -> SegmentationModel:
    """Read a model back; hash, names, shapes and types are checked before anything is used.

    Args:
        folder: Where `save_model` wrote.
        network: The same network as was trained, as a template or a function that builds it.
        device: Where the model should work.
        precision: How it should work.

    Raises:
        CheckpointError: The checkpoint is missing, damaged or does not fit the network.
    """
    manifest = read_manifest(folder)
    path = folder / WEIGHTS
    try:
        content = read_plain(path)
    except OSError as error:
        raise damaged(path, str(error)) from error
    if hashlib.sha256(content).hexdigest() != manifest["sha256"]:
        raise damaged(path, "its SHA-256 is not the one in the manifest")
    try:
        tensors: dict[str, Tensor] = safetensors.torch.load(content)
    except safetensors.SafetensorError as error:
        raise damaged(path, "it is no safetensors file") from error

    fresh = fresh_network(network, seed=0)
    described = manifest["loss_prediction"]
    module = None
    if described is not None:
        module = _described_module(described, len(content), folder / MANIFEST)
    wanted = _description(_tensors(fresh, module))
    for source, found in (
        (MANIFEST, manifest["tensors"]),
        (WEIGHTS, _description(tensors)),
    ):
        if found != wanted:
            raise CheckpointError(
                f"{folder / source} does not fit the network {type(fresh).__name__}: "
                f"{_first_difference(found, wanted)}.",
                cause="the model was trained with another network or other widths.",
                remedy="Build the network with the settings of the run that saved it.",
            )
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise damaged(path, f"{name} holds what is no finite number")
    fresh.load_state_dict(_part(tensors, "network."))
    if module is not None:
        module.load_state_dict(_part(tensors, "loss_prediction."))
    return SegmentationModel(
        fresh,
        classes=manifest["classes"],
        device=device,
        precision=precision,
        loss_prediction=module,
        history=manifest["history"],
    )


def _described_module(described: Any, size: int, path: Path) -> LossPredictionModule:
    """The module that a manifest describes, if the weights are enough to fill it."""
    try:
        channels, hidden = tuple(described["feature_channels"]), described["hidden"]
        whole = all(type(n) is int and n > 0 for n in (*channels, hidden))
        # Before memory is taken: a manifest may be made to do harm.
        fits = whole and 4 * hidden * sum(channels) <= size
    except (KeyError, TypeError) as error:
        raise damaged(path, "its loss_prediction is not described") from error
    if not fits:
        raise damaged(path, "its loss_prediction does not fit the weights")
    return LossPredictionModule(channels, hidden)


def _tensors(network: nn.Module, module: LossPredictionModule | None) -> dict[str, Tensor]:
    named = {f"network.{name}": value for name, value in network.state_dict().items()}
    if module is not None:
        named |= {f"loss_prediction.{k}": value for k, value in module.state_dict().items()}
    # safetensors refuses tensors that are not contiguous or that share their memory.
    return {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in sorted(named.items())
    }


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def _description(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Any]]:
    return {
        name: {"shape": list(value.shape), "dtype": str(value.dtype).removeprefix("torch.")}
        for name, value in tensors.items()
    }


def _first_difference(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    for name in sorted({*found, *wanted}):
        if found.get(name) != wanted.get(name):
            came = _in_words(found.get(name))
            return f"{name} is {came} in it and {_in_words(wanted.get(name))} in the network"
    return "nothing differs"


def _in_words(tensor: Mapping[str, Any] | None) -> str:
    return "missing" if tensor is None else f"{tensor['dtype']} {tensor['shape']}"
