"""What a selection asks to look at, found out from the pool and the newest model."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from nextslice.data.pool import SlicePool
from nextslice.data.slices import LazySlices
from nextslice.errors import SelectionError, SettingsError
from nextslice.models.inference import SegmentationModel
from nextslice.progress import OnProgress, Progress, ignore_progress
from nextslice.selection import Context, Selection
from nextslice.types import Flags, LabelledRows, Rows, TakenRows

__all__ = ["check_initial", "check_labels", "context_for"]

_MASKS_AT_ONCE = 512


def check_initial(initial: Selection) -> None:
    """See that the first query can be selected without a model.

    Raises:
        SettingsError: The selection looks at what only a model knows.
    """
    of_a_model = sorted(initial.requires - {"foreground"})
    if of_a_model:
        raise SettingsError(
            f"Expected an initial selection that needs no model, got {initial!r}, which looks "
            f"at {' and '.join(of_a_model)}.",
            cause="when the first query is selected, nothing is trained yet.",
            remedy="Pass initial=Random(), Stratified() or Strided().",
        )


def check_labels(selections: Iterable[Selection], pool: SlicePool) -> None:
    """See that no selection asks for foreground where nobody knows it.

    Raises:
        SelectionError: One does, and cases of the pool have no label.
    """
    for selection in selections:
        if "foreground" in selection.requires and not pool.has_labels:
            raise SelectionError(
                f"Expected a label of every case for {selection!r}; some cases have none.",
                cause="it is label-informed: it looks at labels before anybody is asked.",
                remedy="Use it in simulations only; with an expert, pass Stratified() or "
                "another selection that does not peek.",
            )


def context_for(
    selection: Selection,
    pool: SlicePool,
    *,
    candidates: Rows,
    labelled: LabelledRows,
    taken: TakenRows,
    model: Callable[[], SegmentationModel],
    on_progress: OnProgress = ignore_progress,
) -> Context:
    """The context of the slices that may be picked; only what is required is computed.

    Args:
        selection: Who asks.
        pool: All slices.
        candidates: The slices that may be picked.
        labelled: Those that are labelled.
        taken: Those that are labelled or still queried.
        model: Gives the newest model; called where features or gradients are required.
        on_progress: Told how far it is.

    Raises:
        SettingsError: The network does not show what is required.
    """
    features = labelled_features = gradients = foreground = None
    if "features" in selection.requires:
        everything = model().features(pool.images)
        features, labelled_features = everything[candidates], everything[labelled]
    if "gradients" in selection.requires:
        gradients = model().gradient_embeddings(pool.images.select(candidates))
    if "foreground" in selection.requires:
        foreground = _with_foreground(pool.masks.select(candidates))
    if selection.requires - {"scores"}:
        on_progress(Progress("score", len(pool), len(pool)))
    return Context(
        features=features,
        labelled_features=labelled_features,
        cases=pool.case_of[candidates],
        positions=pool.index_of[candidates],
        labelled_cases=pool.case_of[taken],
        labelled_positions=pool.index_of[taken],
        gradients=gradients,
        foreground=foreground,
    )


def _with_foreground(masks: LazySlices) -> Flags:
    """Whether each mask holds any class but background; a few masks in memory at a time."""
    flags = np.zeros(len(masks), dtype=bool)
    for start in range(0, len(masks), _MASKS_AT_ONCE):
        rows = slice(start, start + _MASKS_AT_ONCE)
        flags[rows] = masks[rows].any(axis=(1, 2))
    return flags
