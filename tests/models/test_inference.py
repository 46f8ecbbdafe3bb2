"""A model answers the same whatever the batch, from arrays, maps and lazy views."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nextslice.errors import SettingsError
from nextslice.models.inference import SegmentationModel
from nextslice.types import SliceImages

MakeSlices = Callable[..., Any]


def probabilities(model: SegmentationModel, images: Any, size: int | None) -> torch.Tensor:
    return torch.cat(
        [model.probabilities(batch) for _, batch in model.batches(images, size=size)]
    )


@pytest.mark.parametrize("size", [1, 4, 6, None])
def test_probabilities_do_not_depend_on_the_batch(
    model: SegmentationModel, make_slices: MakeSlices, size: int | None
) -> None:
    images, _ = make_slices()
    expected = probabilities(model, images, 2)
    came = probabilities(model, images, size)
    assert came.dtype == torch.float32
    torch.testing.assert_close(came, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(came.sum(dim=1), torch.ones(6, 24, 20))


def test_batches_cover_the_slices_once_and_in_order(
    model: SegmentationModel, make_slices: MakeSlices
) -> None:
    images, _ = make_slices()
    rows = [rows for rows, _ in model.batches(images, size=4)]
    assert rows == [slice(0, 4), slice(4, 6)]
    together = torch.cat([batch for _, batch in model.batches(images, size=4)])
    assert torch.equal(together[:, 0], torch.from_numpy(images))


def test_memory_maps_and_lazy_views_serve_as_well(
    model: SegmentationModel, make_slices: MakeSlices, tmp_path: Path
) -> None:
    images, _ = make_slices()
    np.save(tmp_path / "images.npy", images)

    class View:
        asked: list[slice]

        def __init__(self) -> None:
            self.asked = []

        def __len__(self) -> int:
            return len(images)

        def __getitem__(self, rows: slice, /) -> SliceImages:
            self.asked.append(rows)
            part: SliceImages = images[rows]
            return part

    expected = model.predict(images)
    assert expected.dtype == np.uint8
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    assert np.array_equal(model.predict(mapped), expected)
    assert np.array_equal(model.predict(View()), expected)


def test_predict_is_the_most_likely_class(
    model: SegmentationModel, make_slices: MakeSlices
) -> None:
    images, _ = make_slices()
    most_likely = probabilities(model, images, None).argmax(dim=1).numpy()
    assert np.array_equal(model.predict(images), most_likely)


def test_features_are_the_averaged_bottleneck(
    model: SegmentationModel, make_slices: MakeSlices
) -> None:
    images, _ = make_slices()
    features = model.features(images)
    assert features.shape == (6, 8)
    assert features.dtype == np.float32
    with torch.no_grad():
        deepest = model.network.encode(torch.from_numpy(images)[:, None])[-1]
    np.testing.assert_allclose(features, deepest.mean(dim=(2, 3)).numpy(), atol=1e-5)


def test_no_slices_give_no_answers(model: SegmentationModel) -> None:
    none = np.zeros((0, 24, 20), dtype=np.float32)
    assert model.predict(none).shape == (0, 24, 20)
    assert len(model.features(none)) == 0


def test_dropout_is_off_and_gradients_are_not_kept(
    model: SegmentationModel, make_slices: MakeSlices
) -> None:
    images, _ = make_slices()
    first, again = (probabilities(model, images, None) for _ in range(2))
    assert torch.equal(first, again)
    assert not first.requires_grad


def test_what_cannot_be_done_says_so(model: SegmentationModel, make_slices: MakeSlices) -> None:
    images, _ = make_slices()
    with pytest.raises(SettingsError, match="no loss-prediction module"):
        model.predicted_loss(torch.zeros(1, 1, 24, 20))
    with pytest.raises(SettingsError, match="size >= 1"):
        next(model.batches(images, size=0))


def test_gradient_embeddings_are_what_autograd_gives(
    model: SegmentationModel, make_slices: MakeSlices
) -> None:
    """The gradient of each slice's mean cross-entropy with its own prediction as the label."""
    images, _ = make_slices()
    embeddings = model.gradient_embeddings(images)
    assert embeddings.shape == (6, 3 * 4)
    assert embeddings.dtype == np.float32
    network = copy.deepcopy(model.network)
    for image, embedding in zip(torch.from_numpy(images), embeddings, strict=True):
        logits = network(image[None, None])
        loss = torch.nn.functional.cross_entropy(logits, logits.argmax(dim=1))
        (gradient,) = torch.autograd.grad(loss, network.head.weight)
        np.testing.assert_allclose(embedding, gradient.flatten().numpy(), atol=1e-6, rtol=1e-4)
        assert np.abs(embedding).max() > 1e-3


def test_gradient_embeddings_leave_no_trace_and_do_not_depend_on_the_batch(
    model: SegmentationModel, make_slices: MakeSlices
) -> None:
    images, _ = make_slices()
    together = model.gradient_embeddings(images)
    alone = np.concatenate([model.gradient_embeddings(images[k : k + 1]) for k in range(6)])
    np.testing.assert_allclose(alone, together, atol=1e-6)
    assert not any(module._forward_pre_hooks for module in model.predictor.modules())
    assert len(model.gradient_embeddings(images[:0])) == 0


class _Headless(torch.nn.Module):
    def __init__(self, head: torch.nn.Module | None = None) -> None:
        super().__init__()
        self.layer = torch.nn.Conv2d(1, 3, kernel_size=1)
        if head is not None:
            self.head = head

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.layer(images)
        return logits


@pytest.mark.parametrize("head", [None, torch.nn.Conv2d(1, 3, 3), torch.nn.Linear(2, 3)])
def test_a_network_that_does_not_show_its_head_is_told_how(
    make_slices: MakeSlices, head: torch.nn.Module | None
) -> None:
    headless = SegmentationModel(_Headless(head), classes=3, device="cpu")
    with pytest.raises(SettingsError, match="attribute `head`"):
        headless.gradient_embeddings(make_slices()[0])
