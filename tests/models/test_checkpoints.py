"""A saved model comes back bit by bit, or not at all and with the file named."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextslice.errors import CheckpointError
from nextslice.models.checkpoints import load_model, read_manifest, save_model
from nextslice.models.inference import SegmentationModel
from nextslice.models.loss_prediction import LossPrediction
from nextslice.models.manifest import parse_manifest, sealed_manifest
from nextslice.models.training import Trainer
from nextslice.models.unet import UNet

NETWORK = UNet(3, channels=(4, 8, 8))


FIELDS = (
    "weights",
    "sha256",
    "classes",
    "history",
    "precision",
    "loss_prediction",
    "tensors",
    "extra",
)


@pytest.fixture(scope="module")
def whole(
    model: SegmentationModel, tmp_path_factory: pytest.TempPathFactory
) -> tuple[bytes, dict[str, Any]]:
    """A manifest's bytes, and what they say."""
    folder = tmp_path_factory.mktemp("whole")
    save_model(model, folder, extra={"cycle": 0})
    return (folder / "manifest.json").read_bytes(), read_manifest(folder)


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


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{", '{"format": 99}', '{"format": 1}', '{"format": 2}', "null", "\x00"),
        '{"format": true}',
        '{"format": [1]}',
        "[" * 200_000,
        '{"format": 2, "extra": ' + "[" * 200_000,
        " " * (17 * 2**20),
    ],
)
def test_a_damaged_manifest_is_named(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"manifest\.json"):
        read_manifest(folder)


WRONG: dict[str, list[Any]] = {
    "extra": [[], None, "x", 1],
    "history": [{}, ["x"], [None], [True], [10**400], [[0.5]]],
    "classes": [0, -1, 3.0, True, "3", None],
    "sha256": ["", "0" * 63, "G" * 64, 5, None],
    "tensors": [[], {"a": 1}, {"a": {"shape": [1.5], "dtype": "x"}}],
    "loss_prediction": [[], 1, {}, {"hidden": 1}],
    "weights": ["../weights.safetensors"],
    "precision": [1],
    "unknown": [1],
}


@pytest.mark.promise(
    "A model is used only if hash, names, shapes and types fit",
    fault="a manifest whose fields are of other types, too many or too few",
)
@pytest.mark.parametrize("name", WRONG)
def test_a_field_of_another_type_is_refused_in_either_format(
    whole: tuple[bytes, dict[str, Any]], name: str
) -> None:
    """Under a hash that fits, too: whoever edits a manifest can make one."""
    fields = {**whole[1]}
    del fields["format"], fields["manifest_sha256"]
    for wrong in WRONG[name]:
        changed = fields | {name: wrong}
        for text in (sealed_manifest(changed), json.dumps({"format": 1, **changed})):
            with pytest.raises(CheckpointError, match=r"manifest\.json cannot be used: "):
                parse_manifest(text.encode(), Path("manifest.json"))


@pytest.mark.promise(
    "A manifest that was damaged or edited is noticed",
    fault="each of its fields changed, taken away, or given another type",
)
@pytest.mark.parametrize("name", [*FIELDS, "manifest_sha256", "format"])
def test_a_changed_field_is_noticed(folder: Path, name: str) -> None:
    path = folder / "manifest.json"
    fields = json.loads(path.read_text())
    edits: list[dict[str, Any]] = [
        {key: value for key, value in fields.items() if key != name},
        fields | {name: None},
        fields | {name: {"deep": [fields[name]]}},
    ]
    plausible = {"history": [0.25], "classes": 4, "precision": "bfloat16", "extra": {}}
    if name in plausible:
        edits.append(fields | {name: plausible[name]})
    for edited in edits:
        if edited == fields:
            continue
        path.write_text(json.dumps(edited))
        with pytest.raises(CheckpointError, match=r"manifest\.json"):
            read_manifest(folder)
        with pytest.raises(CheckpointError, match=r"manifest\.json"):
            load_model(folder, NETWORK)


@settings(max_examples=100)
@given(place=st.integers(min_value=0), bit=st.integers(0, 7))
def test_a_flipped_bit_of_a_manifest_changes_nothing_or_is_noticed(
    whole: tuple[bytes, dict[str, Any]], place: int, bit: int
) -> None:
    content, manifest = bytearray(whole[0]), whole[1]
    content[place % len(content)] ^= 1 << bit
    with contextlib.suppress(CheckpointError):
        assert parse_manifest(bytes(content), Path("manifest.json")) == manifest


def test_a_manifest_of_format_1_is_read_as_it_was_written(
    model: SegmentationModel, folder: Path
) -> None:
    """By an earlier version, without a hash of its own."""
    path = folder / "manifest.json"
    fields = json.loads(path.read_text()) | {"format": 1}
    path.write_text(json.dumps(fields))
    with pytest.raises(CheckpointError, match="holds the unknown 'manifest_sha256'"):
        read_manifest(folder)
    del fields["manifest_sha256"]
    path.write_text(json.dumps(fields))
    assert load_model(folder, NETWORK).history == model.history


def test_what_json_turns_into_text_is_read_back(model: SegmentationModel, folder: Path) -> None:
    save_model(model, folder, extra={10: "ten", 9: ("nine",), "\udcff": -0.0})  # type: ignore[dict-item]
    assert read_manifest(folder)["extra"] == {"10": "ten", "9": ["nine"], "\udcff": -0.0}


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
