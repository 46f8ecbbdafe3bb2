"""Entropy, against the bare forward pass and the plain way; what bfloat16 does to a ranking."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from benchmarks import inputs
from benchmarks.measure import interleaved, say, timed
from benchmarks.profiling import torch_profile
from benchmarks.rankings import compare_rankings
from benchmarks.results import Measured, Plan, Result, Target, compare
from nextslice.models.devices import autocast
from nextslice.models.inference import SegmentationModel
from nextslice.uncertainty import Entropy

ROW = 2
BATCH = 8
AS_TRAINED = "The bare pass runs the network as trained, its batch normalisation not folded."


def measure(plan: Plan) -> Measured:
    results: list[Result] = []
    for channels, slices in inputs.whole_batches(20, 3, smoke=plan.smoke).items():
        results += _one_width(channels, slices, plan.seconds * 0.4)
    return Measured(results + _rankings(plan))


def _one_width(channels: tuple[int, ...], slices: int, seconds: float) -> list[Result]:
    say(f"  entropy, width {channels[0]}")
    images = inputs.resident(slices)
    model = inputs.untrained_model(channels)
    score = scoring(model, images)
    timings = interleaved(
        {
            "ours": timed(score),
            "bare": timed(bare_pass(model, images)),
            "folded": timed(bare_pass(model, images, network=model.predictor)),
            "plain": timed(plain_entropy(model, images)),
        },
        seconds=seconds,
    )
    pool = len(inputs.splits().train)
    work = f"entropy, width {channels[0]}"
    per = (slices, "/slice")
    papers = (
        "The paper's pool of 7,163 comes of another draw of the same numbers of cases; in both "
        "50 test and 10 validation cases are set aside. "
        if inputs.data_name() == "hippocampus"
        else ""
    )
    note = f"{slices:,} of the pool's {pool:,} slices; cost is per slice. {papers}{AS_TRAINED}"
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
            "folded",
            peer_name=f"bare forward pass of the folded network, {model.precision.name}",
            per=per,
            note="For comparison: what softmax, logarithm and cutting into batches cost.",
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
    model: SegmentationModel,
    images: np.ndarray,
    times: int = 1,
    *,
    network: nn.Module | None = None,
) -> Callable[[], None]:
    """A network in our precision and memory order, on batches that are there.

    Args:
        model: Gives the precision.
        images: The slices.
        times: Passes over each batch.
        network: The network as trained, if none is given.
    """
    passing = model.network if network is None else network
    batches = inputs.bare_batches(model, images)

    def run() -> None:
        with torch.inference_mode(), autocast(model.device, model.precision):
            for batch in batches:
                for _ in range(times):
                    passing(batch)

    return run


def plain_network(model: SegmentationModel) -> nn.Module:
    """The same weights as torch lays them out by itself."""
    network = copy.deepcopy(model.network).eval()
    # mypy: nn.Module.to has no overload that names memory_format alone.
    return network.to(memory_format=torch.contiguous_format)  # type: ignore[no-any-return]


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


def in_bfloat16(model: SegmentationModel) -> SegmentationModel:
    """The same weights, multiplied in bfloat16."""
    return SegmentationModel(
        model.network, classes=model.classes, device="cpu", precision="bfloat16"
    )


def _rankings(plan: Plan) -> list[Result]:
    """The same scores by another path: in float32, and in bfloat16."""
    steps, slices = (4, 32) if plan.smoke else (300, len(inputs.splits().train))
    say(f"  rankings of a model trained for {steps} steps")
    images = inputs.resident(slices)
    single = inputs.trained_model(steps, precision="float32")
    fast = scoring(single, images)()
    return [
        *compare_rankings(
            ROW,
            "entropy in float32",
            fast,
            plain_entropy(single, images)(),
            peer_name="the plain way",
            note=f"A model trained for {steps} steps on 40 slices.",
        ),
        *compare_rankings(
            ROW,
            "entropy in bfloat16",
            scoring(in_bfloat16(single), images)(),
            fast,
            peer_name="the same in float32",
            judged=False,
            note='`precision="float32"` turns bfloat16 off.',
        ),
    ]
