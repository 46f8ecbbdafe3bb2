"""One training step, against the bare step and MONAI's usual pipeline."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from math import radians

import numpy as np
import torch
from monai.data import CacheDataset, DataLoader
from monai.transforms import Compose, EnsureTyped, RandGaussianNoised, RandRotated
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import RandomSampler

from benchmarks import inputs
from benchmarks.measure import Stopwatch, interleaved, say
from benchmarks.profiling import torch_profile
from benchmarks.results import Measured, Plan, Result, Target, compare
from nextslice.models.devices import autocast, resolve_precision
from nextslice.models.training import Trainer
from nextslice.models.unet import UNet
from nextslice.progress import Progress

ROW = 6
BATCH = 4
LABELLED = 40
WARM = 2  # steps of each training that are not counted
RATE = 1e-4


def measure(plan: Plan) -> Measured:
    results: list[Result] = []
    # width, side, steps, share of the time
    cases = (
        (inputs.NARROW, 50, 50, 0.2),
        (inputs.NARROW, 128, 10, 0.2),
        (inputs.WIDE, 50, 10, 0.2),
        (inputs.WIDE, 128, 3, 0.3),
    )
    for channels, side, steps, share in cases:
        results += _one_case(channels, side, 2 if plan.smoke else steps, plan.seconds * share)
    return Measured(results)


def _one_case(channels: tuple[int, ...], side: int, steps: int, seconds: float) -> list[Result]:
    say(f"  training step, width {channels[0]}, {side}x{side}")
    images, masks = labelled_slices(side)
    trainer = Trainer(
        UNet(int(masks.max()) + 1, channels),
        device="cpu",
        steps=WARM + steps,
        batch_size=BATCH,
        learning_rate=RATE,
        warmup_factor=1.0,
    )
    works: dict[str, Stopwatch] = {
        "ours": our_steps(trainer, images, masks),
        "bare": bare_steps(channels, images, masks, steps),
        "monai": monai_steps(channels, images, masks, steps),
    }
    precision = resolve_precision("auto", torch.device("cpu")).name
    if precision == "bfloat16":
        works["monai half"] = monai_steps(channels, images, masks, steps, half=True)
    # Each stopwatch leaves its first steps out.
    timings = interleaved(works, seconds=seconds, warm_up=False)
    work = f"training step, batch {BATCH}, {side}x{side}, width {channels[0]}"
    profile = our_profile(trainer, images, masks)
    results = [
        compare(
            ROW,
            work,
            timings,
            "bare",
            peer_name=f"bare step, {precision}, batch resident, no augmentation",
            target=Target(0.85, "faster"),
            per=(steps, ""),
            note=f"Mean of {steps} steps a round.",
            reason="Drawing and applying the augmentation is a fixed number of small "
            "operations, beside which a step of a narrow network on small slices is short.",
            profile=profile,
        ),
        compare(
            ROW,
            work,
            timings,
            "monai",
            peer_name="MONAI: `CacheDataset`, random transforms, `DataLoader`, float32",
            target=Target(2, "faster"),
            per=(steps, ""),
            note="Without worker processes, on the same one thread.",
            reason="The gain is that of bfloat16 in the network; MONAI's transforms cost the "
            "same for every width.",
            profile=profile,
        ),
    ]
    if "monai half" in works:
        results.append(
            compare(
                ROW,
                work,
                timings,
                "monai half",
                peer_name="MONAI's pipeline under `torch.autocast` in bfloat16",
                per=(steps, ""),
                note="For comparison: the same number format on both sides.",
            )
        )
    return results


def labelled_slices(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Slices of the pool with their masks, with a margin of background up to the size."""
    train = inputs.splits().train
    rows = np.random.default_rng(0).choice(len(train), size=LABELLED, replace=False)
    images, masks = train.images[rows], train.masks[rows]
    masks[0, 0, 0] = len(train.classes)  # every class is there
    before = (side - images.shape[1]) // 2
    margin = ((0, 0), *((before, side - size - before) for size in images.shape[1:]))
    return np.pad(images, margin), np.pad(masks, margin)


def our_steps(trainer: Trainer, images: np.ndarray, masks: np.ndarray) -> Stopwatch:
    """A whole training; the clock runs from its first report on, once all is set up."""

    def watch() -> float:
        # A training reports ten times a second at most, so the first report of all may be the
        # only one before the last; it is made before the first step.
        reports: list[tuple[int, float]] = []

        def note(progress: Progress) -> None:
            reports.append((progress.done, time.perf_counter()))

        trainer.fit(images, masks, seed=0, on_progress=note)
        last, ended = reports[-1]
        first, began = next((r for r in reports if 0 < r[0] < last), reports[0])
        steps = trainer.settings.steps - WARM
        return (ended - began) / (last - first) * steps

    return watch


def our_profile(trainer: Trainer, images: np.ndarray, masks: np.ndarray) -> Callable[[], str]:
    return lambda: torch_profile(lambda: trainer.fit(images, masks, seed=0))


def bare_steps(
    channels: tuple[int, ...], images: np.ndarray, masks: np.ndarray, steps: int
) -> Stopwatch:
    """Forward, loss, backward, update: our precision, memory order and optimiser."""
    device = torch.device("cpu")
    precision = resolve_precision("auto", device)
    network, optimiser = _network(channels, masks, fused=True)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    batch = torch.from_numpy(images[:BATCH])[:, None]
    batch = batch.contiguous(memory_format=torch.channels_last)
    target = torch.from_numpy(masks[:BATCH]).long()

    def step() -> None:
        with autocast(device, precision):
            logits = network(batch)
        torch.autograd.backward(cross_entropy(logits.float(), target))
        optimiser.step()
        optimiser.zero_grad()

    return _after_warm_up(step, steps)


def monai_steps(
    channels: tuple[int, ...],
    images: np.ndarray,
    masks: np.ndarray,
    steps: int,
    *,
    half: bool = False,
) -> Stopwatch:
    """MONAI's dictionaries, cache, random transforms and loader; on request in bfloat16."""
    keys = ("image", "label")
    items = [
        {"image": image[None], "label": mask[None]}
        for image, mask in zip(images, masks, strict=True)
    ]
    transforms = Compose(
        [
            EnsureTyped(keys=keys),
            RandRotated(keys=keys, range_x=radians(10), prob=1.0, mode=("bilinear", "nearest")),
            RandGaussianNoised(keys=["image"], prob=1.0, mean=0.0, std=0.1, sample_std=False),
        ]
    )
    dataset = CacheDataset(items, transforms, progress=False)
    network, optimiser = _network(channels, masks, fused=False)

    def watch() -> float:
        count = BATCH * (WARM + steps)
        sampler = RandomSampler(dataset, replacement=True, num_samples=count)
        loader = DataLoader(dataset, batch_size=BATCH, sampler=sampler, num_workers=0)
        batches: Iterator[dict[str, torch.Tensor]] = iter(loader)

        def step() -> None:
            batch = next(batches)
            optimiser.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                logits = network(batch["image"])
            loss = cross_entropy(logits.float(), batch["label"][:, 0].long())
            torch.autograd.backward(loss)
            optimiser.step()

        return _after_warm_up(step, steps)()

    return watch


def _network(
    channels: tuple[int, ...], masks: np.ndarray, *, fused: bool
) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    network = UNet(int(masks.max()) + 1, channels).train()
    adam = torch.optim.Adam(
        network.parameters(), lr=RATE, weight_decay=1e-4, fused=fused or None
    )
    return network, adam


def _after_warm_up(step: Callable[[], None], steps: int) -> Stopwatch:
    def watch() -> float:
        for _ in range(WARM):
            step()
        began = time.perf_counter()
        for _ in range(steps):
            step()
        return time.perf_counter() - began

    return watch
