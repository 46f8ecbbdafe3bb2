"""MC dropout, K = 8, against baal and eight bare forward passes."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.utils.data import TensorDataset

from benchmarks import inputs
from benchmarks.measure import Stopwatch, interleaved, say, timed
from benchmarks.profiling import torch_profile
from benchmarks.results import Measured, Plan, Result, Target, compare, not_measured
from benchmarks.row_02_entropy import agreement, bare_pass
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
    results = []
    for channels, slices in inputs.whole_batches(2, 1, smoke=plan.smoke).items():
        results += _one_width(channels, slices, plan.seconds * 0.4)
    return Measured(results, notes=[_same_scores(plan)])


def _one_width(channels: tuple[int, ...], slices: int, seconds: float) -> list[Result]:
    say(f"  MC dropout, width {channels[0]}")
    images = inputs.resident(slices)
    model = inputs.untrained_model(channels)

    def score() -> np.ndarray:
        return MCDropout(SAMPLES).score(model, images, seed=0)

    works: dict[str, Stopwatch] = {
        "ours": timed(score),
        "bare": timed(bare_pass(model, images, SAMPLES)),
    }
    if not NO_BAAL:
        works["baal"] = timed(baal_scores(model.network, images))
    timings = interleaved(works, seconds=seconds)
    work, per = f"MC dropout, K = {SAMPLES}, width {channels[0]}", (slices, "/slice")
    peer, target = "baal: `predict_on_dataset` + BALD", Target(4, "faster")
    return [
        compare(
            ROW,
            work,
            timings,
            "bare",
            peer_name=f"{SAMPLES} bare forward passes, {model.precision.name}",
            target=Target(0.8, "time"),
            per=per,
            note=f"{slices} slices.",
            reason="Only the first level lies before the first dropout and is shared; every "
            "pass still multiplies its masks and takes softmax, logarithm and sums of its own.",
            profile=lambda: torch_profile(score),
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


def baal_scores(network: nn.Module, images: np.ndarray) -> Callable[[], np.ndarray]:
    """baal as its documentation uses it."""
    plain = copy.deepcopy(network).to(memory_format=torch.contiguous_format)
    wrapper = ModelWrapper(
        patch_module(plain), TrainingArgs(batch_size=BATCH, use_cuda=False, workers=0)
    )
    dataset = TensorDataset(torch.from_numpy(images)[:, None])

    def run() -> np.ndarray:
        predictions = wrapper.predict_on_dataset(dataset, iterations=SAMPLES, verbose=False)
        scores: np.ndarray = BALD(reduction="mean").get_uncertainties(predictions)
        return scores

    return run


def _same_scores(plan: Plan) -> str:
    """The same thinned networks by the plain path: whole passes, all maps kept."""
    steps, slices = (4, 16) if plan.smoke else (150, 300)
    images = inputs.resident(slices)
    model = inputs.trained_model(steps, precision="float32")
    return (
        f"MC dropout in float32 against the plain way with the same masks, {slices} slices: "
        f"{agreement(MCDropout(SAMPLES).score(model, images, seed=0), _plain(model, images))}."
    )


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
