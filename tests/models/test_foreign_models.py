"""Nothing is ever unpickled: a model, a mask or a cache made to do harm leaves no trace."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle  # noqa: TID251 - what is made here must be dangerous to prove that it is not read
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from nextslice.errors import CheckpointError, ProjectError
from nextslice.models.checkpoints import load_model, save_model
from nextslice.models.inference import SegmentationModel
from nextslice.models.manifest import sealed_manifest
from nextslice.models.unet import UNet
from nextslice.project.masks import MaskStore
from nextslice.project.proposals import read_proposals

NETWORK = UNet(3, channels=(4, 8, 8))


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.trace),)


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """What the bomb leaves behind."""
    place = tmp_path / "trace"
    pickle.loads(pickle.dumps(Bomb(place)))  # noqa: S301 - so that the proof proves something
    place.rmdir()
    return place


@pytest.fixture
def folder(model: SegmentationModel, tmp_path: Path) -> Path:
    save_model(model, tmp_path / "checkpoint")
    return tmp_path / "checkpoint"


def put(folder: Path, content: bytes, **changes: Any) -> None:
    """Put weights into a checkpoint whose manifest knows them, under hashes that fit."""
    (folder / "weights.safetensors").write_bytes(content)
    path = folder / "manifest.json"
    fields = json.loads(path.read_text())
    del fields["format"], fields["manifest_sha256"]
    fields |= {"sha256": hashlib.sha256(content).hexdigest()}
    path.write_text(sealed_manifest(fields | changes))


def torch_file(bomb: Bomb) -> bytes:
    buffer = io.BytesIO()
    torch.save({"weight": bomb}, buffer)  # noqa: TID251
    return buffer.getvalue()


@pytest.mark.promise(
    "Nothing that a file says is run",
    fault="a pickle in the place of a model, a mask or proposals",
)
@pytest.mark.parametrize("form", [pickle.dumps, torch_file])
def test_a_pickled_model_is_refused_and_leaves_no_trace(
    folder: Path, trace: Path, form: Callable[[Bomb], bytes]
) -> None:
    content = form(Bomb(trace))
    for name in ("weights.pt", "weights.pth", "model.pkl"):
        (folder / name).write_bytes(content)
    assert load_model(folder, NETWORK, device="cpu").classes == 3  # they are not looked at
    put(folder, content)
    with pytest.raises(CheckpointError, match="no safetensors file"):
        load_model(folder, NETWORK, device="cpu")
    assert not trace.exists()


@pytest.mark.promise(
    "Nothing that a file says is run",
    fault="a pickle in the place of a model, a mask or proposals",
)
def test_a_pickled_mask_is_refused_and_leaves_no_trace(tmp_path: Path, trace: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([Bomb(trace)], object), allow_pickle=True)
    name = hashlib.sha256(buffer.getvalue()).hexdigest()
    place = tmp_path / name[:2] / f"{name}.npy"
    place.parent.mkdir()
    for content in (buffer.getvalue(), pickle.dumps(Bomb(trace))):
        place.write_bytes(content)
        with pytest.raises((ProjectError, ValueError)):
            MaskStore(tmp_path).get(name)
    assert not trace.exists()


@pytest.mark.promise(
    "Nothing that a file says is run",
    fault="a pickle in the place of a model, a mask or proposals",
)
def test_pickled_proposals_are_passed_over_and_leave_no_trace(
    tmp_path: Path, trace: Path
) -> None:
    path = tmp_path / "proposals.npz"
    bombs = np.array([Bomb(trace)], object)
    np.savez(path, row=bombs, mask=0, uncertainty=0, weights_sha256="")
    written = path.read_bytes()
    damaged = written[:200] + bytes(20) + written[220:]
    for content in (written, damaged, pickle.dumps(bombs), b"", b"PK\3\4", b"\x93NUMPY"):
        path.write_bytes(content)
        assert read_proposals(path) is None
    assert not trace.exists()


def test_weights_whose_shapes_are_others_are_refused(folder: Path) -> None:
    tensors = safetensors.torch.load_file(folder / "weights.safetensors")
    name = "network.head.weight"
    tensors[name] = torch.zeros(3, 5, 1, 1)
    put(folder, safetensors.torch.save(tensors))
    with pytest.raises(
        CheckpointError, match=r"network\.head\.weight is float32 \[3, 5, 1, 1\]"
    ):
        load_model(folder, NETWORK)
    tensors[name] = torch.zeros(3, 4, 1, 1, dtype=torch.float64)
    put(folder, safetensors.torch.save(tensors))
    with pytest.raises(CheckpointError, match="float64"):
        load_model(folder, NETWORK)


@pytest.mark.promise(
    "A model is used only if hash, names, shapes and types fit",
    fault="a manifest that asks for all memory",
)
@pytest.mark.parametrize(
    "described",
    [
        {"feature_channels": [4, 8, 8], "hidden": 1 << 40},
        {"feature_channels": [1 << 40], "hidden": 4},
        {"feature_channels": [4, -8], "hidden": 4},
        {"feature_channels": [4, 8.5], "hidden": 4},
        {"feature_channels": 7, "hidden": 4},
        {"hidden": 4},
        "all of memory",
    ],
)
def test_a_manifest_that_asks_for_all_memory_gets_none(folder: Path, described: Any) -> None:
    content = (folder / "weights.safetensors").read_bytes()
    put(folder, content, loss_prediction=described)
    with pytest.raises(CheckpointError, match="loss_prediction"):
        load_model(folder, NETWORK)


@pytest.mark.promise(
    "A model is used only if hash, names, shapes and types fit",
    fault="weights that are cut, under a hash that fits",
)
@pytest.mark.parametrize("length", [0, 7, 8, 100, -1])
def test_weights_that_are_cut_are_refused_though_their_hash_is_right(
    folder: Path, length: int
) -> None:
    put(folder, (folder / "weights.safetensors").read_bytes()[:length])
    with pytest.raises(CheckpointError, match="no safetensors file"):
        load_model(folder, NETWORK)
    put(folder, b"\xff" * 64)
    with pytest.raises(CheckpointError, match="no safetensors file"):
        load_model(folder, NETWORK)
