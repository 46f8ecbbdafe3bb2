"""The settings of one run, simulated or live, from a preset and what was changed in it."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Annotated, Any, Final, Literal, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from nextslice.data.geometry import SPACINGS
from nextslice.errors import SettingsError
from nextslice.models.devices import resolve_device, resolve_precision
from nextslice.models.training import TrainingSettings
from nextslice.models.unet import checked_channels
from nextslice.settings import Positive, Whole, validated
from nextslice.strategies import named, resolve_selection, resolve_uncertainty
from nextslice.yaml_text import parse_yaml

__all__ = [
    "PRESETS",
    "Config",
    "DataConfig",
    "LiveConfig",
    "LoopConfig",
    "SplitConfig",
    "StrategyConfig",
    "merged",
    "parsed_assignment",
    "resolve_config",
    "resolve_live_config",
]

PRESETS: Final = ("paper", "released-code", "quick")

_Settings = TypeVar("_Settings", bound="LoopConfig")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(_Strict):
    """Where the scans are and how they are prepared (``SlicePool.from_folder``).

    Attributes:
        accept_sheared: Let scans in whose axes are not at right angles. It is left out where
            it is not set, so that what began before it was there goes on.
    """

    folder: str
    axis: Literal[0, 1, 2] | None = None
    spacing: Annotated[float, Field(ge=SPACINGS[0], le=SPACINGS[1])] | None = None
    size: tuple[Positive, Positive] | None = None
    fit: Literal["crop", "resize"] = "crop"
    labels: str | None = None
    skip_refused: bool = False
    accept_sheared: bool = False

    @model_serializer(mode="wrap")
    def _without_what_is_not_set(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = dump(self)
        if not self.accept_sheared:
            values.pop("accept_sheared", None)
        return values


class SplitConfig(_Strict):
    """How many cases are set aside. `test` None is a fifth of the cases."""

    test: Positive | None = None
    val: Whole = 0
    seed: Whole = 0


class NetworkConfig(_Strict):
    """The U-Net's width at each level, and its dropout probability."""

    channels: Annotated[
        tuple[Positive, ...], Field(min_length=2), AfterValidator(checked_channels)
    ] = (64, 128, 256, 512)
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5


class EvaluationConfig(_Strict):
    """See :func:`nextslice.evaluation.evaluate.evaluate`."""

    hd95_in_voxels: bool = False
    count_empty_slices: bool = False


class StrategyConfig(_Strict):
    """A strategy's name (see :mod:`nextslice.strategies`) and all of its fields.

    A selection inside a selection is a mapping of its own name and parameters.
    """

    name: str
    parameters: dict[str, Any] = {}


class LoopConfig(_Strict):
    """What every loop of active learning is set to, with nothing left to default.

    Attributes:
        initial: Slices in the initial set, drawn at random.
        budget: Slices per query.
        threads: CPU threads. Sums in another order round differently, so a run keeps the
            number it began with.
    """

    preset: str
    data: DataConfig
    network: NetworkConfig
    training: TrainingSettings
    uncertainty: StrategyConfig | None = None
    selection: StrategyConfig
    initial: Positive
    budget: Positive
    seed: Whole = 0
    device: str
    precision: Literal["float32", "bfloat16"]
    threads: Positive


class Config(LoopConfig):
    """One simulated run.

    Attributes:
        cycles: Queries after the initial training.
        initial_seed: Decides the initial set; None leaves that to the seed.
    """

    split: SplitConfig = SplitConfig()
    evaluation: EvaluationConfig
    cycles: Whole
    initial_seed: Whole | None = None


class LiveConfig(LoopConfig):
    """One live project: people annotate, and nothing is set aside for a test.

    Attributes:
        first_query: How the first query is selected, when there is no model yet; None for at
            random.
    """

    first_query: StrategyConfig | None = None


def resolve_config(
    preset: str,
    changes: Mapping[str, object],
    assignments: Sequence[str] = (),
    *,
    threads: int | None = None,
    elsewhere: bool = False,
) -> Config:
    """A preset with changes.

    Args:
        preset: "paper", "released-code" or "quick".
        changes: Nested settings that replace the preset's. ``uncertainty`` and ``selection``
            may be plain names; where the selection looks at scores and no uncertainty is
            chosen, it is entropy. What :func:`resolve_config` gave before is taken as well.
        assignments: ``path.to.setting=value``, the value in YAML, applied last. A strategy's
            own fields are reached as ``uncertainty.samples=16``, those of a selection inside
            another as ``selection.selection.pool_size=100``.
        threads: CPU threads where neither the preset nor a change says how many; None takes
            all cores.
        elsewhere: Whether the run is done on another machine, whose GPU is not looked for
            here. "auto" is decided by this machine in any case.

    Raises:
        SettingsError: A name, a type or a range is wrong; says which and what is allowed.
    """
    return _resolved(
        Config, preset, changes, assignments, threads, scored_by="entropy", elsewhere=elsewhere
    )


def resolve_live_config(
    preset: str, changes: Mapping[str, object], assignments: Sequence[str] = ()
) -> LiveConfig:
    """The same for a live project: see :func:`resolve_config`.

    The default strategy is stochastic batches of MC dropout.
    """
    changes = {"selection": "stochastic-batches", **changes}
    return _resolved(LiveConfig, preset, changes, assignments, scored_by="dropout")


def _resolved(
    kind: type[_Settings],
    preset: str,
    changes: Mapping[str, object],
    assignments: Sequence[str],
    threads: int | None = None,
    *,
    scored_by: str,
    elsewhere: bool = False,
) -> _Settings:
    known = {*kind.model_fields, "uncertainties"}
    settings = {name: value for name, value in _preset(preset).items() if name in known}
    settings = merged(settings, changes)
    for assignment in assignments:
        settings = merged(settings, parsed_assignment(assignment))
    of_uncertainties = settings.pop("uncertainties")
    for name, fields in of_uncertainties.items():  # a misspelt one is refused, used or not
        resolve_uncertainty({**fields, "name": name})
    selection = resolve_selection(settings.get("selection"))
    settings["selection"] = selection.plain
    uncertainty = named(settings.get("uncertainty"))
    if "scores" in selection.built.requires:
        uncertainty = merged({"name": scored_by}, uncertainty)
    if uncertainty:
        defaults = of_uncertainties.get(str(uncertainty.get("name")), {})
        settings["uncertainty"] = resolve_uncertainty(merged(defaults, uncertainty)).plain
    if settings.get("first_query") is not None:
        settings["first_query"] = resolve_selection(
            settings["first_query"], "first_query"
        ).plain
    settings["preset"] = preset
    # What "auto" means here is kept, so that a run cannot change it on the way.
    device, precision = (str(settings.get(key, "auto")) for key in ("device", "precision"))
    if elsewhere and device in {"cuda", "cuda:0"}:
        settings["device"], settings["precision"] = "cuda:0", _said_precision(precision)
    else:
        found = resolve_device(device)
        settings["device"] = str(found)
        settings["precision"] = resolve_precision(precision, found).name
    if settings.get("threads") is None:
        settings["threads"] = threads or os.cpu_count() or 1
    return validated(kind, settings)


def _said_precision(precision: str) -> str:
    """The precision of a GPU that nobody can ask here what it multiplies in hardware."""
    if precision == "auto":
        raise SettingsError(
            "Expected the precision of runs on the GPU of another machine, got auto.",
            cause="this machine cannot tell what that GPU multiplies in hardware.",
            remedy="--set precision=bfloat16 for NVIDIA's Ampere and newer, else "
            "--set precision=float32",
        )
    return precision


def _preset(name: str) -> dict[str, Any]:
    if name not in PRESETS:
        close = difflib.get_close_matches(name, PRESETS, n=1)
        raise SettingsError(
            f"Expected preset to be one of {', '.join(PRESETS)}, got {name!r}.",
            remedy=f"Did you mean {close[0]}?" if close else "",
        )
    text = files("nextslice").joinpath("presets", f"{name}.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = parse_yaml(text)
    return loaded


def parsed_assignment(assignment: str) -> dict[str, Any]:
    """``path.to.setting=value``, the value in YAML, as nested settings.

    Raises:
        SettingsError: It is not of that form.
    """
    path, equals, value = assignment.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise SettingsError(
            f"Expected a setting as path.to.setting=value, got {assignment!r}.",
            remedy="For example: --set training.steps=300",
        )
    try:
        nested: Any = parse_yaml(value)
    except yaml.YAMLError as error:
        raise SettingsError(
            f"Expected a value in YAML for {path}, got {value!r:.200}."
        ) from error
    for key in reversed(keys):
        nested = {key: nested}
    result: dict[str, Any] = nested
    return result


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `changes`; dictionaries are merged key by key, all else is replaced.

    A strategy named by a plain word becomes a dictionary when one of its fields is changed.
    """
    result = dict(base)
    for key, value in changes.items():
        old = result.get(key)
        if isinstance(value, Mapping) and isinstance(old, str):
            old = named(old)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            result[key] = merged(old, value)
        else:
            result[key] = value
    return result
