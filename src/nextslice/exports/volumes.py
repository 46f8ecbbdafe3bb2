"""One scan -> what a model makes of it, on the scan's own grid."""

from __future__ import annotations

from dataclasses import dataclass

from nextslice.data.formats.readers import Volume
from nextslice.data.preparation import Preparation
from nextslice.models.inference import SegmentationModel
from nextslice.types import VolumeMask, Voxels
from nextslice.uncertainty.maps import uncertainty_maps

__all__ = ["PredictedVolume", "predict_volume"]


@dataclass(frozen=True, eq=False)
class PredictedVolume:
    """What a model makes of a scan.

    Attributes:
        mask: Class numbers (x, y, z), uint8.
        uncertainty: float32 (x, y, z), 0 where the model is sure to 1 where it holds all
            classes for equally likely (:func:`~nextslice.uncertainty.maps.uncertainty_maps`);
            None where it was not asked for.
    """

    mask: VolumeMask
    uncertainty: Voxels | None = None


def predict_volume(
    model: SegmentationModel,
    volume: Volume,
    preparation: Preparation,
    *,
    uncertainty: bool = True,
) -> PredictedVolume:
    """Segment a scan slice by slice, prepared as the model's pool was.

    Args:
        model: The trained model.
        volume: The scan.
        preparation: The pool's, size and axis included. Outside the window that a size cuts
            out of a larger scan nothing is predicted: mask and uncertainty are 0 there.
        uncertainty: Whether to compute the uncertainty as well.
    """
    slices, geometry = preparation.prepare_image(volume), volume.geometry
    return PredictedVolume(
        preparation.restore(model.predict(slices), geometry),
        preparation.restore_values(uncertainty_maps(model, slices), geometry)
        if uncertainty
        else None,
    )
