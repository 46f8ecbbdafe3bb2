"""A trained model and slices in, one score per slice out; higher is more uncertain.

- ``base.py``: what every uncertainty promises; the check of its scores
- ``divergence.py``: the Jensen-Shannon divergence of K predictions, in one pass
- ``entropy.py``: entropy of one prediction
- ``dropout.py``: divergence over K thinned networks (MC dropout)
- ``tta.py``: divergence over K transformed inputs (test-time augmentation)
- ``maps.py``: how unsure a model is of each pixel, for people to look at
- ``learning_loss.py``: the loss that a second head predicts

All of section 4.3.2 of the paper.
"""

from nextslice.uncertainty.base import Uncertainty
from nextslice.uncertainty.divergence import JensenShannon
from nextslice.uncertainty.dropout import MCDropout
from nextslice.uncertainty.entropy import Entropy
from nextslice.uncertainty.learning_loss import LearningLoss
from nextslice.uncertainty.tta import TestTimeAugmentation

__all__ = [
    "Entropy",
    "JensenShannon",
    "LearningLoss",
    "MCDropout",
    "TestTimeAugmentation",
    "Uncertainty",
]
