"""Which runs may be compared.

An experiment is one data set, prepared, labelled and split in one way. Runs of two
experiments share no axis and are never subtracted from each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from nextslice.report.names import by_path, short_value, shortened, symbol

__all__ = [
    "OF_EXPERIMENT",
    "VARIANT",
    "Config",
    "Settings",
    "by_experiment",
    "comparable",
    "experiment_titles",
    "places",
    "varying",
]

Config = Mapping[str, Any]
"""What ``config.yaml`` holds."""

Settings = dict[str, Any]
"""Settings by dotted path."""

# What may differ between seeds of one strategy: chance, how far they went, what they ran on.
_MAY_DIFFER: Final = frozenset(
    {
        "seed",
        "initial_seed",
        "split.seed",
        "cycles",
        "data.skip_refused",
        "device",
        "precision",
        "threads",
    }
)
OF_EXPERIMENT: Final = ("data.", "split.")
"""Where the settings begin that make an experiment."""

VARIANT: Final = "variant"
"""A setting that stands for several: the name that a recipe gives to a set of them."""

_FIRST: Final = (
    VARIANT,
    "budget",
    "initial",
    "training.steps",
    "training.learning_rate",
    "training.batch_size",
    "network.channels",
    "network.dropout",
)
"""What people vary on purpose is named before what follows from it."""

_EXPERIMENT_WORDS: Final = {
    "data.axis": "axis {}",
    "data.spacing": "{} mm in-plane",
    "data.size": "{} pixels",
    "data.fit": "fitted by {}",
    "data.labels": "labels {}",
    "split.test": "{} test cases",
    "split.val": "{} validation cases",
}
_NOT_SET: Final = {
    "data.axis": "default axis",
    "data.spacing": "spacing as scanned",
    "data.size": "size as scanned",
    "data.labels": "labels not merged",
    "split.test": "a fifth of the cases for testing",
}
_MANY_CLASSES = 5


class _OfExperiment(Protocol):
    @property
    def experiment(self) -> str: ...


T = TypeVar("T", bound=_OfExperiment)


def by_experiment(items: Iterable[T]) -> dict[str, list[T]]:
    """Runs or summaries by their experiment's title, in the order of first appearance."""
    found: dict[str, list[T]] = {}
    for item in items:
        found.setdefault(item.experiment, []).append(item)
    return found


def comparable(config: Config) -> Settings:
    """The settings, by dotted path, that must be equal for strategies to be compared.

    Left out are the strategy itself, chance, how far a run went and what it ran on, and
    settings without a value.
    """
    rest = {k: v for k, v in config.items() if k not in {"uncertainty", "selection"}}
    flat = {p: v for p, v in by_path(rest).items() if p not in _MAY_DIFFER and v is not None}
    if "data.folder" in flat:  # the same data may lie elsewhere on another machine
        path = str(flat["data.folder"]).replace("\\", "/").rstrip("/")
        flat["data.folder"] = path.rpartition("/")[2]
    return flat


def experiment_titles(
    configs: Sequence[Config], classes: Sequence[tuple[str, ...]]
) -> list[str]:
    """What each run's experiment is, in plain words; equal for runs of one experiment.

    Args:
        configs: Each run's settings.
        classes: Each run's foreground classes; empty where nothing is recorded yet.
    """
    keys = [_canonical(_of_experiment(config)) for config in configs]
    settings = {k: _of_experiment(config) for k, config in zip(keys, configs, strict=True)}
    known: dict[Hashable, tuple[str, ...]] = {}
    for key, names in zip(keys, classes, strict=True):
        known[key] = known.get(key) or names
    plain = {key: _plain_title(settings[key], known[key]) for key in settings}
    alike: dict[str, list[Hashable]] = defaultdict(list)
    for key, title in plain.items():
        alike[title].append(key)
    titles: dict[Hashable, str] = {}
    for title, members in alike.items():
        differing = varying([settings[key] for key in members])
        for key in members:
            told = [_experiment_words(path, settings[key].get(path)) for path in differing]
            titles[key] = ", ".join([title, *told])
    return [titles[key] for key in keys]


def places(keys: Sequence[Hashable]) -> list[list[int]]:
    """The positions of equal keys, in the order of first appearance."""
    found: dict[Hashable, list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        found[key].append(place)
    return list(found.values())


def varying(settings: Sequence[Settings]) -> list[str]:
    """Paths whose value is not the same in all, what people vary on purpose first."""
    paths = {path for one in settings for path in one}
    order = {path: place for place, path in enumerate(_FIRST)}
    return sorted(
        (path for path in paths if len({repr(one.get(path)) for one in settings}) > 1),
        key=lambda path: (order.get(path, len(order)), path),
    )


def _of_experiment(config: Config) -> Settings:
    return {p: v for p, v in comparable(config).items() if p.startswith(OF_EXPERIMENT)}


def _canonical(settings: Settings) -> Hashable:
    return tuple(sorted((path, repr(value)) for path, value in settings.items()))


def _plain_title(settings: Settings, classes: tuple[str, ...]) -> str:
    parts = [shortened(str(settings.get("data.folder", "Data not recorded")), 60)]
    size = settings.get("data.size")
    if size is not None:
        parts.append(f"slices of {_size(size)} pixels")
    names = [short_value(name) for name in classes]
    if len(names) > _MANY_CLASSES:
        parts.append(f"{len(names)} classes")
    elif len(names) > 1:
        parts.append(f"classes {', '.join(names[:-1])} and {names[-1]}")
    elif names:
        parts.append(f"class {names[0]}")
    return ", ".join(parts)


def _experiment_words(path: str, value: object) -> str:
    if value is None:
        return _NOT_SET.get(path, f"no {symbol(path)}")
    text = _size(value) if path == "data.size" else short_value(value)
    return _EXPERIMENT_WORDS.get(path, f"{symbol(path)} {{}}").replace("{}", text)


def _size(value: object) -> str:
    return " x ".join(map(str, value)) if isinstance(value, list) else short_value(value)
