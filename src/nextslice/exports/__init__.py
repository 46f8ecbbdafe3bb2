"""What a live project gives: predictions of whole volumes, and labelled data sets.

A project is only looked at, so that people may annotate meanwhile.

- ``source.py``: :class:`ProjectSource`, a project to take things out of
- ``folders.py``: a folder that is there once it is whole
- ``volumes.py``: one scan -> its mask and its uncertainty on the native grid
- ``predictions.py``: :func:`predict_volumes`, many of them into a folder
- ``layouts.py``: what a data set looks like for nnU-Net v2 and as in the MSD
- ``data_sets.py``: :func:`export_data_set`, the answers as a data set
"""

from nextslice.exports.data_sets import ExportedDataSet, export_data_set
from nextslice.exports.layouts import Decathlon, NnUNet
from nextslice.exports.predictions import Predictions, predict_volumes
from nextslice.exports.source import ProjectSource

__all__ = [
    "Decathlon",
    "ExportedDataSet",
    "NnUNet",
    "Predictions",
    "ProjectSource",
    "export_data_set",
    "predict_volumes",
]
