"""Which slice should the expert annotate next?

Active learning for medical image segmentation with stochastic batches. The public names are
those of ``__all__``; those that need torch are loaded when they are first used, so that
``nextslice.StochasticBatches`` works with numpy alone.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nextslice.errors import MissingExtraError, NextsliceError
from nextslice.selection import (
    Badge,
    Context,
    CoreSet,
    ForegroundRandom,
    MinimumDistance,
    PowerNoise,
    Random,
    Selection,
    SoftmaxNoise,
    SoftRankNoise,
    StochasticBatches,
    Stratified,
    Strided,
    TopK,
    VolumeCap,
    strength,
)

if TYPE_CHECKING:
    from nextslice.annotators import Desk, Oracle
    from nextslice.data.pool import SliceId, SlicePool
    from nextslice.evaluation.evaluate import Evaluation, evaluate
    from nextslice.learner import ActiveLearner
    from nextslice.live import LiveProject
    from nextslice.models.inference import SegmentationModel
    from nextslice.models.training import Trainer, TrainingSettings
    from nextslice.models.unet import UNet
    from nextslice.project import Query
    from nextslice.uncertainty import (
        Entropy,
        LearningLoss,
        MCDropout,
        TestTimeAugmentation,
        Uncertainty,
    )

__all__ = [
    "ActiveLearner",
    "Badge",
    "Context",
    "CoreSet",
    "Desk",
    "Entropy",
    "Evaluation",
    "ForegroundRandom",
    "LearningLoss",
    "LiveProject",
    "MCDropout",
    "MinimumDistance",
    "NextsliceError",
    "Oracle",
    "PowerNoise",
    "Query",
    "Random",
    "SegmentationModel",
    "Selection",
    "SliceId",
    "SlicePool",
    "SoftRankNoise",
    "SoftmaxNoise",
    "StochasticBatches",
    "Stratified",
    "Strided",
    "TestTimeAugmentation",
    "TopK",
    "Trainer",
    "TrainingSettings",
    "UNet",
    "Uncertainty",
    "VolumeCap",
    "evaluate",
    "strength",
]

_LOADED_ON_USE = {
    "ActiveLearner": "nextslice.learner",
    "Desk": "nextslice.annotators",
    "Entropy": "nextslice.uncertainty",
    "Evaluation": "nextslice.evaluation.evaluate",
    "LearningLoss": "nextslice.uncertainty",
    "LiveProject": "nextslice.live",
    "MCDropout": "nextslice.uncertainty",
    "Oracle": "nextslice.annotators",
    "Query": "nextslice.project",
    "SegmentationModel": "nextslice.models.inference",
    "SliceId": "nextslice.data.pool",
    "SlicePool": "nextslice.data.pool",
    "TestTimeAugmentation": "nextslice.uncertainty",
    "Trainer": "nextslice.models.training",
    "TrainingSettings": "nextslice.models.training",
    "UNet": "nextslice.models.unet",
    "Uncertainty": "nextslice.uncertainty",
    "evaluate": "nextslice.evaluation.evaluate",
}


def __getattr__(name: str) -> Any:
    if name not in _LOADED_ON_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(_LOADED_ON_USE[name]), name)
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"nextslice.{name} needs the package {error.name}, which is not installed.",
            remedy="pip install 'nextslice[full]'",
        ) from error


def __dir__() -> list[str]:
    return __all__
