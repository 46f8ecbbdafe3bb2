"""Test-time augmentation, K = 8, against one transform at a time with all maps kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from benchmarks import inputs
from benchmarks.measure import interleaved, peak_tensor_bytes, say, timed
from benchmarks.profiling import torch_profile
from benchmarks.rankings import compare_rankings
from benchmarks.results import Measured, Plan, Result, Target, compare, quantity
from benchmarks.row_02_entropy import AS_TRAINED, bare_pass, in_bfloat16, plain_network
from nextslice.models.augmentation import AugmentationSettings, apply, draw, invert
from nextslice.models.inference import SegmentationModel
from nextslice.seeds import derive_seed
from nextslice.uncertainty import TestTimeAugmentation

ROW = 4
SAMPLES = 8
BATCH = 8


def measure(plan: Plan) -> Measured:
    results: list[Result] = []
    for channels, slices in inputs.whole_batches(2, 1, smoke=plan.smoke).items():
        results += _one_width(channels, slices, plan.seconds * 0.4)
    return Measured([*results, _memory(), *_rankings(plan)])


def _one_width(channels: tuple[int, ...], slices: int, seconds: float) -> list[Result]:
    say(f"  test-time augmentation, width {channels[0]}")
    images = inputs.resident(slices)
    model = inputs.untrained_model(channels)

    def score() -> np.ndarray:
        return TestTimeAugmentation(SAMPLES).score(model, images, seed=0)

    timings = interleaved(
        {
            "ours": timed(score),
            "plain": timed(plain_tta(model, images)),
            "bare": timed(bare_pass(model, images, SAMPLES)),
        },
        seconds=seconds,
    )
    work, per = f"TTA, K = {SAMPLES}, width {channels[0]}", (slices, "/slice")
    return [
        compare(
            ROW,
            work,
            timings,
            "plain",
            peer_name=f"plain way: float32, NCHW, batch {BATCH}, all maps kept",
            target=Target(3, "faster"),
            per=per,
            note=f"{slices} slices.",
            reason="Rotating an input and its prediction takes as long in any precision, and "
            "beside a narrow network that is a large part.",
            profile=lambda: torch_profile(score),
        ),
        compare(
            ROW,
            work,
            timings,
            "bare",
            peer_name=f"{SAMPLES} bare forward passes, {model.precision.name}",
            per=per,
            note=f"For comparison: what the rotations and the divergence cost. {AS_TRAINED}",
        ),
    ]


def plain_tta(model: SegmentationModel, images: np.ndarray) -> Callable[[], np.ndarray]:
    """One transform after another over the slices, then the divergence of all maps."""
    network = plain_network(model)

    def run() -> np.ndarray:
        size = (images.shape[1], images.shape[2])
        generator = torch.Generator().manual_seed(derive_seed(0, "tta"))
        passes, fields = [], []
        with torch.no_grad():
            for _ in range(SAMPLES):
                transform = draw(AugmentationSettings(), 1, size, generator=generator)
                maps = []
                for start in range(0, len(images), BATCH):
                    batch = torch.from_numpy(images[start : start + BATCH])[:, None]
                    predicted = torch.softmax(network(apply(batch, transform)), dim=1)
                    turned, seen = invert(predicted, transform)
                    maps.append(turned)
                passes.append(torch.cat(maps))
                fields.append(seen[:1])
            return _divergence(torch.stack(passes), torch.stack(fields))

    return run


def _divergence(p: torch.Tensor, seen: torch.Tensor) -> np.ndarray:
    """Mean divergence over the pixels seen at least twice, from all maps at once."""
    times = seen.sum(dim=0)
    mean = (p * seen[:, :, None]).sum(dim=0) / times.clamp(min=1)
    of_mean = torch.special.entr(mean).sum(dim=1)
    mean_of = (torch.special.entr(p).sum(dim=2) * seen).sum(dim=0) / times.clamp(min=1)
    compared = times >= 2
    scores: np.ndarray = ((of_mean - mean_of) * compared).sum(dim=(1, 2)).numpy()
    return scores / int(compared.sum())


def _memory() -> Result:
    """Peak of living tensors for few and for many transforms."""
    say("  memory for K = 2 and K = 16")
    images = inputs.resident(26)
    model = inputs.untrained_model(inputs.NARROW)

    def scored_with(samples: int) -> Callable[[], object]:
        return lambda: TestTimeAugmentation(samples).score(model, images, seed=0)

    few, many = (peak_tensor_bytes(scored_with(samples)) for samples in (2, 16))
    return quantity(
        ROW,
        "TTA, peak of living tensors, K = 16, width 16, 26 slices",
        many / few,
        Target(1.1, "at most"),
        ours=f"{many / 2**20:.1f} MB",
        peer=f"{few / 2**20:.1f} MB",
        peer_name="the same with K = 2",
        unit="× the memory of K = 2",
        note="Eight times as many transforms; what grows is one noise image for each.",
    )


def _rankings(plan: Plan) -> list[Result]:
    steps, slices = (4, 16) if plan.smoke else (150, 300)
    say("  rankings")
    images = inputs.resident(slices)
    single = inputs.trained_model(steps, precision="float32")
    method = TestTimeAugmentation(SAMPLES)
    fast = method.score(single, images, seed=0)
    return [
        *compare_rankings(
            ROW,
            f"TTA, K = {SAMPLES}, in float32",
            fast,
            plain_tta(single, images)(),
            peer_name="the plain way with the same transforms",
        ),
        *compare_rankings(
            ROW,
            f"TTA, K = {SAMPLES}, in bfloat16",
            method.score(in_bfloat16(single), images, seed=0),
            fast,
            peer_name="the same in float32",
            judged=False,
        ),
    ]
