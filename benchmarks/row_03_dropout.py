"""MC dropout, K = 8, against baal and eight bare forward passes."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.utils.data import TensorDataset

from benchmarks import inputs
from benchmarks.measure import Stopwatch, interleaved, say, timed
from benchmarks.profiling import torch_profile
from benchmarks.rankings import compare_rankings
from benchmarks.results import Measured, Plan, Result, Target, compare, not_measured
from benchmarks.row_02_entropy import AS_TRAINED, bare_pass, in_bfloat16, plain_network
from nextslice.models.inference import SegmentationModel
from nextslice.seeds import derive_seed
from nextslice.uncertainty import MCDropout
from nextslice.uncertainty.dropout import ThinnedNetwork

try:
    import structlog
    from baal.active.heuristics import BALD
    from baal.bayesian.dropout import patch_module
    from baal.modelwrapper import ModelWrapper, TrainingArgs

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    NO_BAAL = ""
except ImportError as error:
    NO_BAAL = str(error)

ROW = 3
SAMPLES = 8
BATCH = 32  # baal's default


def measure(plan: Plan) -> Measured:
    results: list[Result] = []
    for channels, slices in inputs.whole_batches(2, 1, smoke=plan.smoke).items():
        results += _one_width(channels, slices, plan.seconds * 0.4)
    return Measured(results + _rankings(plan))


def _one_width(channels: tuple[int, ...], slices: int, seconds: float) -> list[Result]:
    say(f"  MC dropout, width {channels[0]}")
    images = inputs.resident(slices)
    model = inputs.untrained_model(channels)

    def score() -> np.ndarray:
        return MCDropout(SAMPLES).score(model, images, seed=0)

    works: dict[str, Stopwatch] = {
        "ours": timed(score),
        "bare": timed(bare_pass(model, images, SAMPLES)),
        "folded": timed(bare_pass(model, images, SAMPLES, network=model.predictor)),
    }
    halves = model.precision.name == "bfloat16"
    if not NO_BAAL:
        works["baal"] = timed(baal_scores(model, images))
        if halves:
            works["baal half"] = timed(baal_scores(model, images, half=True))
    timings = interleaved(works, seconds=seconds)
    work, per = f"MC dropout, K = {SAMPLES}, width {channels[0]}", (slices, "/slice")
    peer, target = "baal: `predict_on_dataset` + BALD", Target(4, "faster")
    results = [
        compare(
            ROW,
            work,
            timings,
            "bare",
            peer_name=f"{SAMPLES} bare forward passes, {model.precision.name}",
            target=Target(0.8, "time"),
            per=per,
            note=f"{slices} slices. {AS_TRAINED}",
            reason="Only the first level lies before the first dropout and is shared; every "
            "pass still multiplies its masks and takes softmax, logarithm and sums of its own.",
            profile=lambda: torch_profile(score),
        ),
        compare(
            ROW,
            work,
            timings,
            "folded",
            peer_name=f"{SAMPLES} bare forward passes of the folded network, "
            f"{model.precision.name}",
            per=per,
            note="For comparison: what sharing the first level gains by itself, less what the "
            "masks and the divergence cost.",
        ),
        not_measured(ROW, work, NO_BAAL, peer_name=peer, target=target)
        if NO_BAAL
        else compare(
            ROW,
            work,
            timings,
            "baal",
            peer_name=peer,
            target=target,
            per=per,
            note=f"baal with its own defaults (batch {BATCH}, replicated in memory, float32), "
            "without worker processes, whose start would count against it.",
            profile=lambda: torch_profile(score),
        ),
    ]
    if "baal half" in works:
        results.append(
            compare(
                ROW,
                work,
                timings,
                "baal half",
                peer_name=f"{peer}, under `torch.autocast` in bfloat16",
                per=per,
                note="For comparison: the same number format on both sides.",
            )
        )
    return results


class _Halved(nn.Module):
    """A network under autocast; its logits in float32, which numpy knows."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            logits: torch.Tensor = self.network(images)
        return logits.float()


def baal_scores(
    model: SegmentationModel, images: np.ndarray, *, half: bool = False
) -> Callable[[], np.ndarray]:
    """baal as its documentation uses it, on request in bfloat16."""
    plain = patch_module(plain_network(model))
    wrapper = ModelWrapper(
        _Halved(plain) if half else plain,
        TrainingArgs(batch_size=BATCH, use_cuda=False, workers=0),
    )
    dataset = TensorDataset(torch.from_numpy(images)[:, None])

    def run() -> np.ndarray:
        predictions = wrapper.predict_on_dataset(dataset, iterations=SAMPLES, verbose=False)
        scores: np.ndarray = BALD(reduction="mean").get_uncertainties(predictions)
        return scores

    return run


def _rankings(plan: Plan) -> list[Result]:
    """The same thinned networks by the plain path, whole passes and all maps kept."""
    steps, slices = (4, 16) if plan.smoke else (150, 300)
    say("  rankings")
    images = inputs.resident(slices)
    single = inputs.trained_model(steps, precision="float32")
    method = MCDropout(SAMPLES)
    fast = method.score(single, images, seed=0)
    return [
        *compare_rankings(
            ROW,
            f"MC dropout, K = {SAMPLES}, in float32",
            fast,
            _plain(single, images),
            peer_name="the plain way with the same masks",
        ),
        *compare_rankings(
            ROW,
            f"MC dropout, K = {SAMPLES}, in bfloat16",
            method.score(in_bfloat16(single), images, seed=0),
            fast,
            peer_name="the same in float32",
            judged=False,
        ),
    ]


def _plain(model: SegmentationModel, images: np.ndarray) -> np.ndarray:
    passes = []
    with torch.inference_mode():
        for k in range(SAMPLES):
            thinned = ThinnedNetwork(model.network, derive_seed(0, "mc-dropout", k))
            maps = []
            for part in np.array_split(images, max(1, len(images) // 8)):
                with thinned.active():  # begins with the first mask again
                    logits = model.network(torch.from_numpy(part)[:, None])
                maps.append(torch.softmax(logits, dim=1))
            passes.append(torch.cat(maps))
        p = torch.stack(passes)
        of_mean = torch.special.entr(p.mean(dim=0)).sum(dim=1)
        mean_of = torch.special.entr(p).sum(dim=2).mean(dim=0)
    scores: np.ndarray = (of_mean - mean_of).mean(dim=(1, 2)).numpy()
    return scores
