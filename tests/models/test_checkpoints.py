"""A saved model comes back bit by bit, or not at all and with the file named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nextslice.errors import CheckpointError
from nextslice.models.checkpoints import load_model, read_manifest, save_model
from nextslice.models.inference import SegmentationModel
from nextslice.models.loss_prediction import LossPrediction
from nextslice.models.training import Trainer
from nextslice.models.unet import UNet

NETWORK = UNet(3, channels=(4, 8, 8))


@pytest.fixture
def folder(model: SegmentationModel, tmp_path: Path) -> Path:
    save_model(model, tmp_path / "cycle-00", extra={"cycle": 0})
    return tmp_path / "cycle-00"


def test_a_model_comes_back_as_it_was(
    model: SegmentationModel, folder: Path, make_slices: Callable[..., Any]
) -> None:
    images, _ = make_slices()
    for network in (NETWORK, lambda: UNet(3, channels=(4, 8, 8))):
        loaded = load_model(folder, network, device="cpu", precision="float32")
        assert np.array_equal(loaded.predict(images), model.predict(images))
        assert np.array_equal(loaded.features(images), model.features(images))
        assert (loaded.classes, loaded.history) == (model.classes, model.history)


def test_loss_prediction_comes_back_too(
    tmp_path: Path, make_trainer: Callable[..., Trainer], make_slices: Callable[..., Any]
) -> None:
    images, masks = make_slices()
    settings = LossPrediction(hidden=4)
    model = make_trainer(steps=3).fit(images, masks, seed=0, loss_prediction=settings)
    save_model(model, tmp_path)
    loaded = load_model(tmp_path, NETWORK, device="cpu", precision="float32")
    _, batch = next(model.batches(images))
    assert loaded.predicted_loss(batch).equal(model.predicted_loss(batch))


def test_the_manifest_describes_the_weights(folder: Path) -> None:
    manifest = read_manifest(folder)
    assert manifest["extra"] == {"cycle": 0}
    assert manifest["classes"] == 3
    assert manifest["tensors"]["network.head.weight"] == {
        "shape": [3, 4, 1, 1],
        "dtype": "float32",
    }
    assert sorted(path.name for path in folder.iterdir()) == [
        "manifest.json",
        "weights.safetensors",
    ]


def test_the_same_model_saved_twice_is_the_same_bytes(
    model: SegmentationModel, folder: Path, tmp_path: Path
) -> None:
    save_model(model, tmp_path / "again", extra={"cycle": 0})
    for name in ("weights.safetensors", "manifest.json"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


@pytest.mark.parametrize("position", [0, 200, -1])
def test_one_flipped_byte_is_noticed(folder: Path, position: int) -> None:
    path = folder / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    with pytest.raises(
        CheckpointError, match=r"weights\.safetensors cannot be used: its SHA-256"
    ):
        load_model(folder, NETWORK)


def test_missing_files_are_named(folder: Path, tmp_path: Path) -> None:
    (folder / "weights.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"weights\.safetensors cannot be used"):
        load_model(folder, NETWORK)
    with pytest.raises(CheckpointError, match="no finished checkpoint"):
        load_model(tmp_path / "nowhere", NETWORK)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 99}', '{"format": 1}'])
def test_a_damaged_manifest_is_named(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"manifest\.json"):
        read_manifest(folder)


@pytest.mark.parametrize(
    ("network", "difference"),
    [
        (
            UNet(3, channels=(4, 8, 16)),
            r"network\.encoder\.2\.0\.weight is float32 \[8, 8, 3, 3\] in it and",
        ),
        (UNet(2, channels=(4, 8, 8)), r"network\.head\.bias is float32 \[3\] in it and"),
        (UNet(3, channels=(4, 8, 8, 8)), r"float32 \[4, 8, 3, 3\] in it and"),
    ],
)
def test_another_network_is_refused(folder: Path, network: UNet, difference: str) -> None:
    with pytest.raises(CheckpointError, match=f"does not fit the network UNet: .*{difference}"):
        load_model(folder, network)


def test_an_interrupted_save_leaves_no_checkpoint(
    model: SegmentationModel, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The crash comes between the weights and the manifest."""

    def crash(path: Path, content: bytes | str, what: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nextslice.models.checkpoints.write_atomically", crash)
    with pytest.raises(KeyboardInterrupt):
        save_model(model, folder)
    with pytest.raises(CheckpointError, match="no finished checkpoint"):
        load_model(folder, NETWORK)


def test_what_json_cannot_hold_is_refused_and_the_old_checkpoint_stays(
    model: SegmentationModel, folder: Path
) -> None:
    with pytest.raises(CheckpointError, match="cannot be written as JSON"):
        save_model(model, folder, extra={"dice": float("nan")})
    assert read_manifest(folder)["extra"] == {"cycle": 0}
