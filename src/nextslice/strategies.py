"""Names for the command line and for files of settings -> uncertainties and selections.

A name is one of ``UNCERTAINTIES`` and ``SELECTIONS``, an entry point that another package
brings (groups ``nextslice.uncertainties`` and ``nextslice.selections``), or
``package.module:Class``, which runs that module: whoever reads settings that others wrote asks
:mod:`nextslice.code_names` first.

A strategy is given by its name alone, by its name among its fields, or resolved::

    stochastic-batches
    {name: stochastic-batches, pool_size: 100}
    {name: stochastic-batches, parameters: {pool_size: 100, budget: null, aggregation: mean}}

A field that takes a selection is given in the same three ways, at any depth::

    {name: volume-cap, per_volume: 2, selection: {name: power, beta: 3}}
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, Final, Generic, TypeVar, get_args, get_type_hints

from nextslice.code_names import place_of
from nextslice.errors import SettingsError
from nextslice.selection import SELECTIONS, Selection
from nextslice.settings import plain, validated
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
    "Resolved",
    "build_selection",
    "build_uncertainty",
    "named",
    "resolve_selection",
    "resolve_uncertainty",
]

T = TypeVar("T")

UNCERTAINTIES: Final[Mapping[str, type[Uncertainty]]] = {
    "entropy": Entropy,
    "dropout": MCDropout,
    "tta": TestTimeAugmentation,
    "learning-loss": LearningLoss,
}


@dataclass(frozen=True)
class Resolved(Generic[T]):
    """A strategy and all that rebuilds it.

    Attributes:
        name: As it was given.
        parameters: All of its fields as plain values, defaults included.
        built: The strategy itself.
    """

    name: str
    parameters: dict[str, object]
    built: T

    @property
    def plain(self) -> dict[str, object]:
        """Name and parameters, as settings keep them."""
        return {"name": self.name, "parameters": self.parameters}


def named(chosen: object) -> dict[str, Any]:
    """A strategy's name and fields in one mapping, in whichever way it is given."""
    if not isinstance(chosen, Mapping):
        return {} if chosen is None else {"name": chosen}
    fields = dict(chosen)
    inner = fields.get("parameters")
    if isinstance(inner, Mapping):
        del fields["parameters"]
        fields = {**inner, **fields}
    return fields


def resolve_uncertainty(chosen: object) -> Resolved[Uncertainty]:
    """The uncertainty that is given in one of the three ways above.

    Raises:
        SettingsError: The name or a field is unknown, or a value is out of range.
    """
    name, fields = _name_and_fields(chosen)
    built = _build(
        _find(name, "uncertainty", "nextslice.uncertainties", UNCERTAINTIES),
        name,
        "uncertainty",
        fields,
    )
    if not isinstance(built, Uncertainty):
        raise _not_a(name, "uncertainty", "score(model, images, *, seed, on_progress)")
    return Resolved(name, plain(built), built)


def resolve_selection(chosen: object, where: str = "selection") -> Resolved[Selection]:
    """The selection that is given in one of the three ways above, with all it wraps.

    Args:
        chosen: Its name, or its name and fields.
        where: The path of `chosen` in the settings, for the complaint.

    Raises:
        SettingsError: A name or a field is unknown, or a value is out of range.
    """
    name, fields = _name_and_fields(chosen)
    kind = _find(name, where, "nextslice.selections", SELECTIONS)
    wrapped = {}
    for field in _selections_in(kind):
        if fields.get(field.name) is not None:
            wrapped[field.name] = resolve_selection(fields[field.name], f"{where}.{field.name}")
        elif not _may_be_absent(kind, field, given=field.name in fields):
            raise SettingsError(
                f"Expected a selection for {name} to wrap as {where}.{field.name}, got none.",
                remedy=f"For example: --set {where}.{field.name}=stochastic-batches",
            )
    instances = {key: inner.built for key, inner in wrapped.items()}
    built = _build(kind, name, where, {**fields, **instances})
    if not isinstance(built, Selection):
        raise _not_a(name, where, "select(scores, *, rng, budget, context) and `requires`")
    return Resolved(name, _parameters(built, wrapped), built)


def build_uncertainty(name: str, parameters: Mapping[str, object]) -> Uncertainty:
    """The uncertainty of that name with these fields.

    Raises:
        SettingsError: The name or a field is unknown, or a value is out of range.
    """
    return resolve_uncertainty({"name": name, "parameters": parameters}).built


def build_selection(name: str, parameters: Mapping[str, object]) -> Selection:
    """The selection of that name with these fields.

    Raises:
        SettingsError: The name or a field is unknown, or a value is out of range.
    """
    return resolve_selection({"name": name, "parameters": parameters}).built


def _name_and_fields(chosen: object) -> tuple[str, dict[str, Any]]:
    fields = named(chosen)
    return str(fields.pop("name", "")), fields


def _selections_in(kind: type[Any]) -> list[dataclasses.Field[Any]]:
    """The fields of a strategy that take a selection."""
    if not dataclasses.is_dataclass(kind):
        return []
    hints = get_type_hints(kind)
    return [
        field
        for field in dataclasses.fields(kind)
        if Selection in (hints[field.name], *get_args(hints[field.name]))
    ]


def _may_be_absent(kind: type[Any], field: dataclasses.Field[Any], *, given: bool) -> bool:
    """Whether a field may be None, where it is given as that, or else be left out."""
    if given:
        return type(None) in get_args(get_type_hints(kind)[field.name])
    nothing = dataclasses.MISSING
    return field.default is not nothing or field.default_factory is not nothing


def _parameters(
    selection: Selection, given: Mapping[str, Resolved[Selection]]
) -> dict[str, object]:
    """All fields as plain values, where a selection inside keeps its name."""
    parameters = plain(selection)
    for field in _selections_in(type(selection)):
        inner = getattr(selection, field.name)
        if field.name in given:
            parameters[field.name] = given[field.name].plain
        elif inner is not None:
            name = _name_of(type(inner))
            parameters[field.name] = Resolved(name, _parameters(inner, {}), inner).plain
    return parameters


def _name_of(kind: type[Any]) -> str:
    shipped = {known: name for name, known in SELECTIONS.items()}
    return shipped.get(kind) or f"{kind.__module__}:{kind.__qualname__}"


def _find(name: str, where: str, group: str, shipped: Mapping[str, type[Any]]) -> type[Any]:
    if name in shipped:
        return shipped[name]
    brought = {point.name: point for point in entry_points(group=group)}
    place = place_of(name)
    try:
        if name in brought:
            found = brought[name].load()
        elif place is not None:
            module, attribute = place
            found = getattr(importlib.import_module(module), attribute)
        else:
            known = sorted({*shipped, *brought})
            close = difflib.get_close_matches(name, known, n=1)
            raise SettingsError(
                f"Expected {where} to be one of {', '.join(known)}, got {name!r}.",
                remedy=(f"Did you mean {close[0]}? " if close else "")
                + "Your own is named package.module:Class.",
            )
    except (ImportError, AttributeError) as error:
        raise SettingsError(
            f"Expected {where} {name!r} to name a class that can be imported: {error}.",
            cause="the package is not installed in this environment, or the name is misspelt.",
            remedy="Try: python -c 'import "
            f"{name.partition(':')[0]}' in the folder you run nextslice in.",
        ) from error
    if not isinstance(found, type):
        raise SettingsError(f"Expected {where} {name!r} to be a class, got {found!r}.")
    return found


def _build(kind: type[Any], name: str, where: str, parameters: Mapping[str, object]) -> object:
    if not dataclasses.is_dataclass(kind):
        raise SettingsError(
            f"Expected {where} {name!r} to be a frozen dataclass, got {kind.__name__}.",
            remedy="Write @dataclass(frozen=True) above the class.",
        )
    return validated(kind, parameters, where)


def _not_a(name: str, where: str, members: str) -> SettingsError:
    return SettingsError(
        f"Expected {where} {name!r} to be a frozen dataclass with {members}.",
        remedy="See CONTRIBUTING.md, and prove it with nextslice.testing.",
    )
