"""What a strategy is called.

The paper's words: an uncertainty's name alone means its top slices ("without stochastic
batches"). Parameters are named only where they are not the preset's.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from nextslice.selection import SELECTIONS
from nextslice.selection.rules import Rule
from nextslice.wording import counted
from nextslice.yaml_text import parse_yaml

__all__ = [
    "Choice",
    "by_number",
    "by_path",
    "choice",
    "label_informed",
    "short_value",
    "shortened",
    "strategy_name",
    "symbol",
    "unruled",
]

_CLASSES: Final = {kind.__name__: name for name, kind in SELECTIONS.items()} | {
    "Entropy": "entropy",
    "MCDropout": "dropout",
    "TestTimeAugmentation": "tta",
    "LearningLoss": "learning-loss",
}
_SHOWN: Final = {
    "tta": "TTA",
    "learning-loss": "learning loss",
    "stratified": "random stratified by volume",
    "foreground-random": "random",
    "stochastic-batches": "stochastic batches",
    "power": "power noise",
    "softmax": "softmax noise",
    "soft-rank": "soft-rank noise",
    "badge": "BADGE",
}
_IN_WORDS: Final = frozenset({"fraction", "match"})
"""Fields that a name holds as words, not in brackets."""

_COUNTED: Final = frozenset({"fraction", "slices", "per_volume"})
"""Fields that it holds as numbers."""

_UNCOUNTED: Final = 10**12
_SYMBOLS: Final = {"pool_size": "Q", "samples": "K"}
_LONG: Final = 24
_LONGEST_PRESET: Final = 60
_NUMBER: Final = re.compile(r"(\d+(?:\.\d+)?(?:e[-+]?\d+)?)")


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

    Raises:
        ValueError: It is something else, or a number in the name is none.
    """
    if value is None or value == "None":
        return None
    if isinstance(value, str):
        return _with_numbers(_parsed(value))
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r:.60}, which names no strategy")
    name, parameters = value.get("name"), value.get("parameters")
    if not isinstance(name, str) or not isinstance(parameters, Mapping | None):
        raise ValueError(f"{dict(value)!r:.60}, which is no name with parameters")
    return _with_numbers(Choice(name, by_path(parameters or {})))


def strategy_name(uncertainty: Choice | None, selection: Choice, preset: str) -> str:
    """A strategy's name, with the parameters known to differ from the preset's.

    A selection with a rule is named for the one it wraps, and the rule comes behind.
    """
    rules, core = unruled(selection)
    if rules:
        return ", ".join([strategy_name(uncertainty, core, preset), *reversed(rules)])
    parameters = {
        path: value
        for chosen, defaults in (
            (uncertainty, _uncertainty_defaults(uncertainty, preset)),
            (selection, _selection_defaults(selection)),
        )
        if chosen is not None
        for path, value in chosen.parameters.items()
        if path not in {"budget", *_IN_WORDS} and path in defaults and defaults[path] != value
    }
    return _base_name(uncertainty, selection) + _bracketed(parameters)


def unruled(selection: Choice) -> tuple[tuple[str, ...], Choice]:
    """The rules of a selection in words, the outermost first, and the selection under them."""
    kind, inner = SELECTIONS.get(selection.name), _wrapped(selection)
    if kind is None or not issubclass(kind, Rule) or inner is None:
        return (), selection
    rules, core = unruled(inner)
    return (_rule(selection), *rules), core


def label_informed(selection: Choice) -> bool:
    """Whether a selection, or one that it wraps, looks at labels before they are annotated.

    No expert can offer that: such a strategy shows what would be possible, and nothing more.
    """
    told = (selection.name, *selection.parameters.values())
    kinds = [SELECTIONS.get(name) for name in told if isinstance(name, str)]
    return any(getattr(kind, "label_informed", False) is True for kind in kinds)


def by_number(text: str) -> list[tuple[float, str]]:
    """A key that sorts names by the numbers in them: "budget 5" before "budget 10".

    Numbers may have a point or an exponent, and stand before words.
    """
    parts = _NUMBER.split(text)
    return [
        (float(part), "") if place % 2 else (math.inf, part) for place, part in enumerate(parts)
    ]


def by_path(nested: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings by dotted path: ``{"a": {"b": 1}}`` -> ``{"a.b": 1}``."""
    return dict(_leaves(nested, ""))


def symbol(path: str) -> str:
    """What a setting is called in a name: the paper's letter, or its last word."""
    last = path.rpartition(".")[2]
    return _SYMBOLS.get(last, last.replace("_", " "))


def short_value(value: object) -> str:
    """Short enough for a name; what is cut keeps a fingerprint so that it stays distinct."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        value = float(f"{value:.12g}")  # 4.9999999999999996e-06 is 5e-06 to whoever wrote it
    text = "-".join(map(str, value)) if isinstance(value, list) else str(value)
    return shortened(text, _LONG)


def shortened(text: str, longest: int) -> str:
    """`text`, or its beginning and a fingerprint of the whole: two texts never look alike."""
    if len(text) <= longest:
        return text
    fingerprint = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{text[: longest - 7]}…{fingerprint[:6]}"


def _base_name(uncertainty: Choice | None, selection: Choice) -> str:
    scored_by = None if uncertainty is None else _SHOWN.get(uncertainty.name, uncertainty.name)
    selects = ", ".join([_SHOWN.get(selection.name, selection.name), *_in_words(selection)])
    if scored_by is None:
        return selects
    requires = getattr(SELECTIONS.get(selection.name), "requires", None)
    if isinstance(requires, frozenset) and "scores" not in requires:
        return f"{selects} (scored by {scored_by})"
    return scored_by if selection.name == "top-k" else f"{scored_by} + {selects}"


def _in_words(selection: Choice) -> list[str]:
    """What belongs to a selection's name itself."""
    told = _selection_defaults(selection) | dict(selection.parameters)
    words = []
    if selection.name == "foreground-random":
        words.append(f"{100 * told['fraction']:g} % foreground (label-informed)")
    if told.get("match") is not None and selection.name in SELECTIONS:
        words.append("matched")
    return words


def _rule(selection: Choice) -> str:
    told = _selection_defaults(selection) | dict(selection.parameters)
    if selection.name == "volume-cap":
        return f"{told['per_volume']} per volume"
    return f"{counted(told['slices'], 'slice')} apart"


def _wrapped(selection: Choice) -> Choice | None:
    """The selection inside a selection."""
    inside = "selection.parameters."
    name = selection.parameters.get("selection.name")
    fields = {
        path.removeprefix(inside): value
        for path, value in selection.parameters.items()
        if path.startswith(inside)
    }
    return None if name is None else Choice(str(name), fields)


def _bracketed(parameters: Mapping[str, Any]) -> str:
    told = [f"{symbol(path)} = {short_value(value)}" for path, value in parameters.items()]
    return f" ({', '.join(told)})" if told else ""


def _selection_defaults(selection: Choice) -> dict[str, Any]:
    kind: Any = SELECTIONS.get(selection.name)
    fields = () if kind is None else dataclasses.fields(kind)
    return {field.name: field.default for field in fields}


def _uncertainty_defaults(uncertainty: Choice | None, preset: str) -> dict[str, Any]:
    """As the preset has them; the classes themselves would need torch."""
    named = preset.replace("-", "").isalnum() and len(preset) <= _LONGEST_PRESET
    if uncertainty is None or not named:
        return {}
    return by_path(_uncertainties_of(preset).get(uncertainty.name) or {})


@cache
def _uncertainties_of(preset: str) -> Mapping[str, Any]:
    """Read once: parsing it for each of many runs takes longer than all the rest."""
    source = files("nextslice").joinpath("presets", f"{preset}.yaml")
    if not source.is_file():
        return {}
    found: Mapping[str, Any] = parse_yaml(source.read_text(encoding="utf-8"))
    return found.get("uncertainties") or {}


def _leaves(nested: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in nested.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _with_numbers(chosen: Choice) -> Choice:
    """The same; what its name holds as a number has to be one."""
    for path, value in chosen.parameters.items():
        if path.rpartition(".")[2] in _COUNTED and not (
            isinstance(value, int | float) and abs(value) < _UNCOUNTED
        ):
            raise ValueError(f"{chosen.name:.60} with {path}: {value!r:.60}")
    return chosen


def _parsed(text: str) -> Choice:
    """The repr of a strategy, read without running it."""
    try:
        call = ast.parse(text, mode="eval").body
        return _called(call) if isinstance(call, ast.Call) else Choice(text, {})
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Choice(text, {})


def _called(call: ast.Call) -> Choice:
    name = ast.unparse(call.func)
    fields: dict[str, Any] = {}
    for word in call.keywords:
        if word.arg == "selection" and isinstance(word.value, ast.Call):
            inner = _called(word.value)
            fields["selection"] = {"name": inner.name, "parameters": inner.parameters}
        elif word.arg:
            fields[word.arg] = _literal(word.value)
    return Choice(_CLASSES.get(name, name), by_path(fields))


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError):  # a set of lists; minus minus minus ... 1
        return ast.unparse(node)
