"""Entropy, against the bare forward pass and the plain way; what bfloat16 does to a ranking."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from scipy.stats import spearmanr

from benchmarks import inputs
from benchmarks.measure import interleaved, say, timed
from benchmarks.profiling import torch_profile
from benchmarks.results import Measured, Plan, Result, Target, compare
from nextslice.models.devices import autocast
from nextslice.models.inference import SegmentationModel
from nextslice.uncertainty import Entropy

ROW = 2
BATCH = 8


def measure(plan: Plan) -> Measured:
    results = []
    for channels, slices in inputs.whole_batches(20, 3, smoke=plan.smoke).items():
        results += _one_width(channels, slices, plan.seconds * 0.4)
    return Measured(results, notes=_ranking(plan))


def _one_width(channels: tuple[int, ...], slices: int, seconds: float) -> list[Result]:
    say(f"  entropy, width {channels[0]}")
    images = inputs.resident(slices)
    model = inputs.untrained_model(channels)
    score = scoring(model, images)
    timings = interleaved(
        {
            "ours": timed(score),
            "bare": timed(bare_pass(model, images)),
            "plain": timed(plain_entropy(model, images)),
        },
        seconds=seconds,
    )
    pool = len(inputs.splits().train)
    work = f"entropy, width {channels[0]}"
    per, note = (
        (slices, "/slice"),
        f"{slices:,} of the pool's {pool:,} slices; cost is per slice.",
    )
    return [
        compare(
            ROW,
            work,
            timings,
            "bare",
            peer_name=f"bare forward pass, {model.precision.name}",
            target=Target(0.9, "faster"),
            per=per,
            note=note,
            reason="Softmax and the entropy's logarithm come on top of the network, and they "
            "do not shrink with its width.",
            profile=lambda: torch_profile(score),
        ),
        compare(
            ROW,
            work,
            timings,
            "plain",
            peer_name=f"plain way: float32, NCHW, batch {BATCH}, maps kept",
            target=Target(3, "faster"),
            per=per,
            reason="What bfloat16, the channels' order and folded normalisation gain depends "
            "on the width of the layers.",
            profile=lambda: torch_profile(score),
        ),
    ]


def scoring(model: SegmentationModel, images: np.ndarray) -> Callable[[], np.ndarray]:
    return lambda: Entropy().score(model, images, seed=0)


def bare_pass(
    model: SegmentationModel, images: np.ndarray, times: int = 1
) -> Callable[[], None]:
    """The trained network in our precision and memory order, on batches that are there."""
    batches = inputs.bare_batches(model, images)

    def run() -> None:
        with torch.inference_mode(), autocast(model.device, model.precision):
            for batch in batches:
                for _ in range(times):
                    model.network(batch)

    return run


def plain_network(model: SegmentationModel) -> torch.nn.Module:
    """The same weights as torch lays them out by itself."""
    return copy.deepcopy(model.network).to(memory_format=torch.contiguous_format).eval()


def plain_entropy(model: SegmentationModel, images: np.ndarray) -> Callable[[], np.ndarray]:
    """What one writes down first."""
    network = plain_network(model)

    def run() -> np.ndarray:
        maps = []
        with torch.no_grad():
            for start in range(0, len(images), BATCH):
                batch = torch.from_numpy(images[start : start + BATCH])[:, None]
                p = torch.softmax(network(batch), dim=1)
                maps.append(-(p * torch.log(p + 1e-12)).sum(dim=1))
        scores: np.ndarray = torch.cat(maps).mean(dim=(1, 2)).numpy()
        return scores

    return run


def agreement(scores: np.ndarray, reference: np.ndarray, top: int = 10) -> str:
    """How far two rankings of the same slices agree."""
    both = set(np.argsort(scores)[-top:]) & set(np.argsort(reference)[-top:])
    return (
        f"rank correlation {spearmanr(scores, reference).statistic:.6f}, "
        f"{len(both)} of the top {top} in common, "
        f"largest difference {np.abs(scores - reference).max():.1e}"
    )


def _ranking(plan: Plan) -> list[str]:
    """The same scores by another path: in float32, and in bfloat16."""
    steps, slices = (4, 32) if plan.smoke else (300, len(inputs.splits().train))
    say(f"  rankings of a model trained for {steps} steps")
    images = inputs.resident(slices)
    single = inputs.trained_model(steps, precision="float32")
    half = SegmentationModel(
        single.network, classes=single.classes, device="cpu", precision="bfloat16"
    )
    reference = scoring(single, images)()
    trained = f"a model trained for {steps} steps on 40 slices"
    return [
        f"Entropy in float32 against the plain way, {slices:,} slices, {trained}: "
        f"{agreement(reference, plain_entropy(single, images)())}.",
        f"Entropy in bfloat16 against float32, {slices:,} slices, {trained}: "
        f'{agreement(scoring(half, images)(), reference)}. `precision="float32"` turns '
        "bfloat16 off.",
    ]
