"""Trainings that are done once: a model trained on the same slices before is taken over."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nextslice.code_hashes import OF_TRAINING, hashes_of_nextslice
from nextslice.code_of_others import hashes_of_others
from nextslice.environment import describe_environment
from nextslice.errors import CheckpointError
from nextslice.models.checkpoints import load_model, read_manifest, save_model
from nextslice.models.inference import SegmentationModel
from nextslice.models.loss_prediction import LossPrediction
from nextslice.models.training import Trainer
from nextslice.progress import OnProgress
from nextslice.project.lock import locked
from nextslice.seeds import derive_seed
from nextslice.types import SliceImages, SliceMasks

__all__ = ["Trainings"]


class Trainings:
    """The trainings of one run.

    Args:
        trainer: Trains.
        seed: The run's.
        classes: Names of the foreground classes.
        loss_prediction: The head that is trained beside the network, if any.
        on_progress: Hears of the trainings.
        before_keeping: Called before a model is kept; what it raises stops that.
    """

    def __init__(
        self,
        trainer: Trainer,
        *,
        seed: int,
        classes: tuple[str, ...],
        loss_prediction: LossPrediction | None,
        on_progress: OnProgress,
        before_keeping: Callable[[], None] = lambda: None,
    ) -> None:
        self._trainer = trainer
        self._seed = seed
        self._classes = classes
        self._loss_prediction = loss_prediction
        self._on_progress = on_progress
        self._before_keeping = before_keeping

    def model(
        self,
        images: SliceImages,
        masks: SliceMasks,
        folder: Path,
        *,
        before: Path | None = None,
        shared: Path | None = None,
    ) -> tuple[SegmentationModel, dict[str, Any]]:
        """The model trained on these slices: one that is kept, or trained to the same weights.

        Args:
            images: The labelled slices.
            masks: Their class numbers.
            folder: Where the model is kept, or will be.
            before: Where the model of the cycle before is kept.
            shared: A folder in which several runs keep trainings for each other.

        Returns:
            The model and its manifest, with ``train_seconds`` under ``extra``.

        Raises:
            TrainingError: See :meth:`nextslice.models.training.Trainer.fit`.
            ProjectError: The shared folder lies where there are no locks.
        """
        key = self._key(images, masks)
        model = self._load_if_same(folder, key)
        if model is None and before is not None:
            model = self._take_over(before, folder, key)
        elif model is None and shared is not None:
            shared.mkdir(parents=True, exist_ok=True)
            common = shared / self._shared_name(key)
            with locked(common.with_name(f"{common.name}.lock")):  # others find it done
                model = self._take_over(common, folder, key)
                if model is None:
                    model = self._train(images, masks, key, common, folder)
        if model is None:
            model = self._train(images, masks, key, folder)
        return model, read_manifest(folder)

    def _take_over(self, source: Path, folder: Path, key: str) -> SegmentationModel | None:
        """The model kept in `source`, if it came from the same training; `folder` gets it."""
        model = self._load_if_same(source, key)
        if model is not None:
            self._before_keeping()
            save_model(model, folder, extra=read_manifest(source)["extra"])
        return model

    def _train(
        self, images: SliceImages, masks: SliceMasks, key: str, *folders: Path
    ) -> SegmentationModel:
        """Train a model, and keep it in each of these folders."""
        started = time.perf_counter()
        model = self._trainer.fit(
            images,
            masks,
            seed=derive_seed(self._seed, "training"),
            classes=self._classes,
            loss_prediction=self._loss_prediction,
            on_progress=self._on_progress,
        )
        extra = {"training": key, "train_seconds": time.perf_counter() - started}
        self._before_keeping()
        for folder in folders:
            save_model(model, folder, extra=extra)
        return model

    def _key(self, images: SliceImages, masks: SliceMasks) -> str:
        """Names all that a training depends on: equal keys give equal weights."""
        key = hashlib.sha256()
        environment = describe_environment(self._trainer, data="", seed=self._seed)
        key.update(repr(sorted(environment.items())).encode())
        key.update(repr((self._trainer, self._loss_prediction)).encode())
        key.update(np.ascontiguousarray(images).tobytes())
        key.update(np.ascontiguousarray(masks).tobytes())
        return key.hexdigest()

    def _shared_name(self, key: str) -> str:
        """Where runs of the same code keep this training for each other.

        A run's own models need no such name: it is not gone on with by other code, unless
        somebody says so, and who does wants the models that are there.
        """
        trainer = self._trainer
        code = hashes_of_nextslice(OF_TRAINING) | hashes_of_others(
            trainer, trainer.network, self._loss_prediction
        )
        return hashlib.sha256((key + repr(sorted(code.items()))).encode()).hexdigest()

    def _load_if_same(self, folder: Path, key: str) -> SegmentationModel | None:
        """The model kept in `folder` if it is whole and came from the same training."""
        trainer = self._trainer
        try:
            extra = read_manifest(folder)["extra"]
            seconds = extra.get("train_seconds")
            if extra.get("training") != key or type(seconds) not in (float, int):
                return None
            return load_model(
                folder,
                trainer.network,
                device=trainer.device,
                precision=trainer.precision.name,
            )
        except CheckpointError:  # absent or damaged: training again gives the same weights
            return None
