"""What a strategy is called, and how runs with other settings are told apart.

The paper's words: an uncertainty's name alone means its top slices ("without stochastic
batches"). Parameters are named only where they are not the preset's.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import yaml

from nextslice.selection import CoreSet, Random, StochasticBatches, TopK

__all__ = ["Choice", "choice", "experiment", "strategy_name", "tell_apart"]

Config = Mapping[str, Any]

_SELECTIONS: Final[Mapping[str, type[Any]]] = {
    "random": Random,
    "top-k": TopK,
    "stochastic-batches": StochasticBatches,
    "core-set": CoreSet,
}
_CLASSES: Final = {kind.__name__: name for name, kind in _SELECTIONS.items()} | {
    "Entropy": "entropy",
    "MCDropout": "dropout",
    "TestTimeAugmentation": "tta",
    "LearningLoss": "learning-loss",
}
_SHOWN: Final = {"tta": "TTA", "learning-loss": "learning loss"}
_SYMBOLS: Final = {"pool_size": "Q", "samples": "K"}
_NEEDS_NO_SCORES: Final = frozenset({"random", "core-set"})

# What may differ between runs of one strategy: chance, how far they went, and what they ran on.
_MAY_DIFFER: Final = frozenset(
    {"seed", "split.seed", "cycles", "data.skip_refused", "device", "precision", "threads"}
)
_LONG = 24


@dataclass(frozen=True)
class Choice:
    """An uncertainty or a selection: its name and its fields by dotted path."""

    name: str
    parameters: Mapping[str, Any]


def choice(value: object) -> Choice | None:
    """An uncertainty or selection as ``config.yaml`` gives it.

    Args:
        value: A mapping of name and parameters (a simulation's), the repr of a strategy (a
            learner's own), or nothing.
    """
    if isinstance(value, Mapping):
        return Choice(str(value.get("name")), _flat(value.get("parameters") or {}))
    if value is None or value == "None":
        return None
    return _parsed(str(value))


def strategy_name(uncertainty: Choice | None, selection: Choice, preset: str) -> str:
    """A strategy's name, with the parameters known to differ from the preset's."""
    parameters = {
        path: value
        for chosen, defaults in (
            (uncertainty, _uncertainty_defaults(uncertainty, preset)),
            (selection, _selection_defaults(selection)),
        )
        if chosen is not None
        for path, value in chosen.parameters.items()
        if path != "budget" and path in defaults and defaults[path] != value
    }
    return _base_name(uncertainty, selection) + _bracketed(parameters)


def tell_apart(names: Sequence[str], configs: Sequence[Config]) -> list[str]:
    """Names to which the settings are added that differ among runs compared with each other.

    Without it, runs on other data or with another budget would be averaged as if they were
    seeds of one experiment. Between presets only the preset is named.

    Args:
        names: One per run.
        configs: Each run's settings.
    """
    settings = [experiment(config) for config in configs]
    by_preset = _varying({(): settings}) & {"preset"}
    groups: dict[tuple[object, ...], list[dict[str, Any]]] = defaultdict(list)
    own: dict[tuple[object, ...], list[dict[str, Any]]] = defaultdict(list)
    for name, config, setting in zip(names, configs, settings, strict=True):
        preset = setting.get("preset")
        groups[(preset,)].append(setting)
        own[(name, preset)].append(_parameters(config))
    shared = by_preset | _varying(groups)
    result = []
    for name, config, setting in zip(names, configs, settings, strict=True):
        mine = _varying({(): own[(name, setting.get("preset"))]})
        differing = {path: setting.get(path) for path in sorted(shared)} | {
            path: _parameters(config).get(path) for path in sorted(mine)
        }
        told = [f"{_short(path)} = {_value(value)}" for path, value in differing.items()]
        result.append(f"{name} [{', '.join(told)}]" if told else name)
    return result


def experiment(config: Config) -> dict[str, Any]:
    """The settings, by dotted path, that must be equal for strategies to be compared.

    Left out are the strategy itself, chance, how far a run went and what it ran on.
    """
    rest = {k: v for k, v in config.items() if k not in {"uncertainty", "selection"}}
    flat = {path: v for path, v in _flat(rest).items() if path not in _MAY_DIFFER}
    if "data.folder" in flat:  # the same data may lie elsewhere on another machine
        flat["data.folder"] = str(flat["data.folder"]).replace("\\", "/").rpartition("/")[2]
    return flat


def _base_name(uncertainty: Choice | None, selection: Choice) -> str:
    scored_by = None if uncertainty is None else _SHOWN.get(uncertainty.name, uncertainty.name)
    if scored_by is None:
        return selection.name
    if selection.name in _NEEDS_NO_SCORES:
        return f"{selection.name} (scored by {scored_by})"
    if selection.name == "top-k":
        return scored_by
    return f"{scored_by} + {selection.name.replace('stochastic-batches', 'stochastic batches')}"


def _bracketed(parameters: Mapping[str, Any]) -> str:
    told = [f"{_short(path)} = {_value(value)}" for path, value in parameters.items()]
    return f" ({', '.join(told)})" if told else ""


def _selection_defaults(selection: Choice) -> dict[str, Any]:
    kind = _SELECTIONS.get(selection.name)
    fields = () if kind is None else dataclasses.fields(kind)
    return {field.name: field.default for field in fields}


def _uncertainty_defaults(uncertainty: Choice | None, preset: str) -> dict[str, Any]:
    """As the preset has them; the classes themselves would need torch."""
    if uncertainty is None or not preset.replace("-", "").isalnum():
        return {}
    source = files("nextslice").joinpath("presets", f"{preset}.yaml")
    if not source.is_file():
        return {}
    presets = yaml.safe_load(source.read_text(encoding="utf-8"))
    return _flat(presets.get("uncertainties", {}).get(uncertainty.name) or {})


def _parameters(config: Config) -> dict[str, Any]:
    """The strategy's own fields, under the paths that a label names them by."""
    chosen = (choice(config.get("uncertainty")), choice(config.get("selection")))
    return {path: v for one in chosen if one is not None for path, v in one.parameters.items()}


def _varying(groups: Mapping[Any, list[dict[str, Any]]]) -> set[str]:
    """Paths whose value is not the same throughout a group."""
    return {
        path
        for members in groups.values()
        for path in {path for member in members for path in member}
        if any(member.get(path) != members[0].get(path) for member in members)
    }


def _flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    return dict(_leaves(nested, prefix))


def _leaves(nested: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in nested.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _short(path: str) -> str:
    if path == "data.folder":
        return "data"
    last = path.rpartition(".")[2]
    return _SYMBOLS.get(last, last.replace("_", " "))


def _value(value: object) -> str:
    """Short enough for a label; what is cut keeps a fingerprint so that it stays distinct."""
    text = ("yes" if value else "no") if isinstance(value, bool) else str(value)
    if len(text) <= _LONG:
        return text
    return f"{text[: _LONG - 9]}…{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def _parsed(text: str) -> Choice:
    """The repr of a strategy, read without running it."""
    try:
        call = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return Choice(text, {})
    if not isinstance(call, ast.Call):
        return Choice(text, {})
    name = ast.unparse(call.func)
    fields = {word.arg: _literal(word.value) for word in call.keywords if word.arg}
    return Choice(_CLASSES.get(name, name), fields)


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)
