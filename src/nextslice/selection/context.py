"""What a selection may look at besides the scores, and the checks of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from nextslice.errors import SelectionError
from nextslice.types import (
    Features,
    Flags,
    Gradients,
    LabelledFeatures,
    LabelledPlaces,
    Picked,
    PickedGradients,
    Places,
    Rows,
)

__all__ = [
    "Context",
    "checked_beside",
    "checked_per_slice",
    "checked_vectors",
    "labelled_cases",
    "labelled_places",
]

_PerSlice = Literal["cases", "positions", "foreground"]
_MEANING = {
    "cases": "the number of the case that each slice belongs to",
    "positions": "the index of each slice in its volume",
    "foreground": "whether each slice contains foreground",
}


@dataclass(frozen=True, slots=True)
class Context:
    """What a selection may look at besides the scores. Row i belongs to score i.

    Attributes:
        features: One feature vector per slice, for selections that measure distances.
        labelled_features: The same for the slices that are labelled already.
        cases: The number of the case that each slice belongs to.
        positions: The index of each slice in its volume.
        labelled_cases: The case of each slice that is labelled, or queried and not yet
            answered, in the same numbers as `cases`.
        labelled_positions: The index in its volume of each of them, in the same order.
        gradients: One gradient embedding per slice (see
            :meth:`~nextslice.models.inference.SegmentationModel.gradient_embeddings`).
        picked_gradients: The same for slices of this query that are picked already.
        foreground: Whether each slice contains foreground. Only an oracle knows.
    """

    features: Features | None = None
    labelled_features: LabelledFeatures | None = None
    cases: Places | None = None
    positions: Places | None = None
    labelled_cases: LabelledPlaces | None = None
    labelled_positions: LabelledPlaces | None = None
    gradients: Gradients | None = None
    picked_gradients: PickedGradients | None = None
    foreground: Flags | None = None

    def narrowed(self, rows: Rows, picked: Picked) -> Context:
        """What to look at where only some slices may be picked.

        Args:
            rows: The slices that may be picked.
            picked: Slices of this query that are picked already. They count as labelled.
        """
        return replace(
            self,
            features=_part(self.features, rows),
            labelled_features=_joined(self.labelled_features, self.features, picked),
            cases=_part(self.cases, rows),
            positions=_part(self.positions, rows),
            labelled_cases=_joined(self.labelled_cases, self.cases, picked),
            labelled_positions=_joined(self.labelled_positions, self.positions, picked),
            gradients=_part(self.gradients, rows),
            picked_gradients=_joined(self.picked_gradients, self.gradients, picked),
            foreground=_part(self.foreground, rows),
        )


def _part(column: np.ndarray | None, rows: Rows) -> Any:
    return None if column is None else np.asarray(column)[rows]


def _joined(labelled: np.ndarray | None, column: np.ndarray | None, picked: Picked) -> Any:
    if column is None or len(picked) == 0:
        return labelled
    more = np.asarray(column)[picked]
    return more if labelled is None else np.concatenate([np.asarray(labelled), more])


def checked_per_slice(
    context: Context | None, name: _PerSlice, slices: int, asked_by: str
) -> np.ndarray:
    """A column of the context, one value per slice.

    Args:
        context: What the selection was given.
        name: The column.
        slices: How many scores there are.
        asked_by: The selection that needs it, in words, for the complaint.

    Raises:
        SelectionError: The column is missing or does not fit the scores.
    """
    column = None if context is None else getattr(context, name)
    if column is None:
        raise SelectionError(
            f"Expected {name}, {_MEANING[name]}, got none.",
            cause=f"{asked_by} looks at more than the scores.",
            remedy=f"Pass context=Context({name}=...), one value per score.",
        )
    array = np.asarray(column)
    if array.shape != (slices,):
        raise SelectionError(
            f"Expected {name} of shape ({slices},), one value per score, got {array.shape}."
        )
    return array


def checked_vectors(
    context: Context | None,
    name: Literal["features", "gradients"],
    slices: int,
    cause: str,
) -> np.ndarray:
    """A vector per slice as float32, shape (slices, length).

    Args:
        context: What the selection was given.
        name: Which vectors.
        slices: How many scores there are.
        cause: Why they are needed, for the complaint.

    Raises:
        SelectionError: They are missing or do not fit the scores.
    """
    vectors = None if context is None else getattr(context, name)
    if vectors is None:
        raise SelectionError(
            f"Expected {name}, one vector per slice, got none.",
            cause=cause,
            remedy=f"Pass context=Context({name}=...).",
        )
    array = np.asarray(vectors, dtype=np.float32)
    if array.ndim != 2 or len(array) != slices:
        raise SelectionError(
            f"Expected {name} of shape ({slices}, length), one row per score, "
            f"got {array.shape}."
        )
    return array


def checked_beside(
    context: Context | None,
    name: Literal["labelled_features", "picked_gradients"],
    vectors: np.ndarray,
) -> np.ndarray:
    """Vectors of other slices as float32, as long as those that may be picked have.

    Args:
        context: What the selection was given.
        name: Which vectors; none where they are not told.
        vectors: Those of the slices that may be picked.

    Raises:
        SelectionError: They do not fit.
    """
    told = None if context is None else getattr(context, name)
    others = vectors[:0] if told is None else np.asarray(told, dtype=np.float32)
    if others.ndim != 2 or others.shape[1] != vectors.shape[1]:
        raise SelectionError(
            f"Expected {name} of shape ({name.split('_')[0]}, {vectors.shape[1]}), "
            f"got {others.shape}."
        )
    return others


def labelled_cases(context: Context | None) -> LabelledPlaces:
    """The case of each slice that is labelled or still queried; empty where none is told."""
    told = None if context is None else context.labelled_cases
    return np.empty(0, dtype=np.intp) if told is None else np.asarray(told)


def labelled_places(context: Context | None) -> tuple[LabelledPlaces, LabelledPlaces]:
    """Cases and positions of the slices that are labelled or still queried.

    Raises:
        SelectionError: There is not one position for each case.
    """
    cases = labelled_cases(context)
    told = None if context is None else context.labelled_positions
    positions = np.empty(0, dtype=np.intp) if told is None else np.asarray(told)
    if cases.shape != positions.shape:
        raise SelectionError(
            f"Expected as many labelled_positions as labelled_cases, got shape "
            f"{positions.shape} and {cases.shape}.",
            remedy="Pass both: the case of each labelled slice, and its index in its volume.",
        )
    return cases, positions
