"""Names for the command line and for files of settings -> uncertainties and selections.

A name is one of the two tables below, an entry point that another package brings (groups
``nextslice.uncertainties`` and ``nextslice.selections``), or ``package.module:Class``.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any, Final

from nextslice.errors import SettingsError
from nextslice.selection import CoreSet, Random, Selection, StochasticBatches, TopK
from nextslice.settings import validated
from nextslice.uncertainty import (
    Entropy,
    LearningLoss,
    MCDropout,
    TestTimeAugmentation,
    Uncertainty,
)

__all__ = [
    "SELECTIONS",
    "UNCERTAINTIES",
    "build_selection",
    "build_uncertainty",
]

UNCERTAINTIES: Final[Mapping[str, type[Uncertainty]]] = {
    "entropy": Entropy,
    "dropout": MCDropout,
    "tta": TestTimeAugmentation,
    "learning-loss": LearningLoss,
}

SELECTIONS: Final[Mapping[str, type[Selection]]] = {
    "random": Random,
    "top-k": TopK,
    "stochastic-batches": StochasticBatches,
    "core-set": CoreSet,
}


def build_uncertainty(name: str, parameters: Mapping[str, object]) -> Uncertainty:
    """The uncertainty of that name with these fields.

    Raises:
        SettingsError: The name or a field is unknown, or a value is out of range.
    """
    built = _build(_find(name, "uncertainty", UNCERTAINTIES), name, "uncertainty", parameters)
    if not isinstance(built, Uncertainty):
        raise _not_a(name, "uncertainty", "score(model, images, *, seed, on_progress)")
    return built


def build_selection(name: str, parameters: Mapping[str, object]) -> Selection:
    """The selection of that name with these fields.

    Raises:
        SettingsError: The name or a field is unknown, or a value is out of range.
    """
    built = _build(_find(name, "selection", SELECTIONS), name, "selection", parameters)
    if not isinstance(built, Selection):
        raise _not_a(
            name, "selection", "select(scores, *, rng, budget, context) and `requires`"
        )
    return built


def _find(name: str, kind: str, shipped: Mapping[str, type[Any]]) -> type[Any]:
    if name in shipped:
        return shipped[name]
    group = "nextslice.uncertainties" if kind == "uncertainty" else "nextslice.selections"
    brought = {point.name: point for point in entry_points(group=group)}
    try:
        if name in brought:
            found = brought[name].load()
        elif ":" in name:
            module, _, attribute = name.partition(":")
            found = getattr(importlib.import_module(module), attribute)
        else:
            known = sorted({*shipped, *brought})
            close = difflib.get_close_matches(name, known, n=1)
            raise SettingsError(
                f"Expected {kind} to be one of {', '.join(known)}, got {name!r}.",
                remedy=(f"Did you mean {close[0]}? " if close else "")
                + "Your own is named package.module:Class.",
            )
    except (ImportError, AttributeError) as error:
        raise SettingsError(
            f"Expected {kind} {name!r} to name a class that can be imported: {error}.",
            cause="the package is not installed in this environment, or the name is misspelt.",
            remedy="Try: python -c 'import "
            f"{name.partition(':')[0]}' in the folder you run nextslice in.",
        ) from error
    if not isinstance(found, type):
        raise SettingsError(f"Expected {kind} {name!r} to be a class, got {found!r}.")
    return found


def _build(
    kind: type[Any], name: str, section: str, parameters: Mapping[str, object]
) -> object:
    if not dataclasses.is_dataclass(kind):
        raise SettingsError(
            f"Expected {section} {name!r} to be a frozen dataclass, got {kind.__name__}.",
            remedy="Write @dataclass(frozen=True) above the class.",
        )
    return validated(kind, parameters, section)


def _not_a(name: str, kind: str, members: str) -> SettingsError:
    return SettingsError(
        f"Expected {kind} {name!r} to be a frozen dataclass with {members}.",
        remedy="See CONTRIBUTING.md, and prove it with nextslice.testing.",
    )
