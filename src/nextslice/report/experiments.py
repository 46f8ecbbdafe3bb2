"""Which runs may be compared, and the settings that tell compared runs apart.

An experiment is one data set, prepared, labelled and split in one way. Runs of two
experiments share no table and no axis. Within one, a name holds only settings that are not
the usual ones, and no more of them than tell the runs apart.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from nextslice.report.names import by_path, choice, short_value, shortened, symbol

__all__ = [
    "by_experiment",
    "comparable",
    "experiment_titles",
    "tell_apart",
    "unnamed_differences",
]

Config = Mapping[str, Any]
Settings = dict[str, Any]

# What may differ between seeds of one strategy: chance, how far they went, what they ran on.
_MAY_DIFFER: Final = frozenset(
    {"seed", "split.seed", "cycles", "data.skip_refused", "device", "precision", "threads"}
)
_OF_EXPERIMENT: Final = ("data.", "split.")
_FIRST: Final = (
    "budget",
    "initial",
    "training.steps",
    "training.learning_rate",
    "training.batch_size",
    "network.channels",
    "network.dropout",
)
"""What people vary on purpose is named before what follows from it."""

_WORDS: Final = {
    "initial": "initial set",
    "data.labels": "labels",
    "data.size": "size",
    "training.augmentation.rotation_degrees": "rotation",
    "training.augmentation.noise_std": "noise",
    "evaluation.hd95_in_voxels": "HD95 in voxels",
}
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
_NO_USUAL: Final = object()
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
        differing = _varying([settings[key] for key in members])
        for key in members:
            told = [_experiment_words(path, settings[key].get(path)) for path in differing]
            titles[key] = ", ".join([title, *told])
    return [titles[key] for key in keys]


def tell_apart(
    names: Sequence[str], configs: Sequence[Config], titles: Sequence[str]
) -> list[str]:
    """Names to which the settings are added that differ among runs of one experiment.

    Without it, runs with another budget would be averaged as if they were seeds of one
    strategy. Only settings are added that are not those of most runs, as few as tell the runs
    apart; between presets only the preset.

    Args:
        names: One per run.
        configs: Each run's settings.
        titles: Each run's experiment.
    """
    words: list[list[str]] = [[] for _ in names]
    for members in _places(titles):
        _add(words, members, [_preset(configs[place]) for place in members])
    presets = [(t, configs[p].get("preset")) for p, t in enumerate(titles)]
    for members in _places(presets):
        _add(words, members, [_of_runs(configs[place]) for place in members])
    strategies = [(name, *rest) for name, rest in zip(names, presets, strict=True)]
    for members in _places(strategies):
        _add(words, members, [_parameters(configs[place]) for place in members])
    return [
        f"{name} [{', '.join(told)}]" if told else name
        for name, told in zip(names, words, strict=True)
    ]


def unnamed_differences(configs: Sequence[Config]) -> list[str]:
    """Settings that differ within a preset though no name holds them, with their values.

    Names hold as few settings as tell runs apart; what changes together with these would
    otherwise go unseen.
    """
    found = []
    for members in _places([config.get("preset") for config in configs]):
        settings = [_of_runs(configs[place]) for place in members]
        for path in [p for p in _varying(settings) if p not in _needed(settings)]:
            values = dict.fromkeys(
                "none" if (value := one.get(path)) is None else short_value(value)
                for one in settings
            )
            found.append(f"{_word(path)} ({', '.join(values)})")
    return list(dict.fromkeys(found))


def _add(words: list[list[str]], members: list[int], settings: list[Settings]) -> None:
    for path in _needed(settings):
        usual = _usual([one.get(path) for one in settings])
        for place, one in zip(members, settings, strict=True):
            value = one.get(path)
            if value is not None and value != usual:
                words[place].append(_told(path, value))


def _usual(values: Sequence[object]) -> object:
    """The value that goes without saying: none at all, or else the most common one."""
    if None in values:
        return None
    (first, count), *others = Counter(map(repr, values)).most_common(2)
    if others and others[0][1] == count:
        return _NO_USUAL
    return next(value for value in values if repr(value) == first)


def _needed(settings: Sequence[Settings]) -> list[str]:
    """As few paths as tell apart whatever is different."""
    varying = _varying(settings)
    chosen: list[str] = []
    for path in varying:
        if _kinds(settings, [*chosen, path]) > _kinds(settings, chosen):
            chosen.append(path)
    for path in chosen[::-1]:
        rest = [other for other in chosen if other != path]
        if _kinds(settings, rest) == _kinds(settings, varying):
            chosen = rest
    return chosen


def _kinds(settings: Sequence[Settings], paths: Sequence[str]) -> int:
    return len({tuple(repr(one.get(path)) for path in paths) for one in settings})


def _varying(settings: Sequence[Settings]) -> list[str]:
    """Paths whose value is not the same in all, what people vary on purpose first."""
    paths = {path for one in settings for path in one}
    order = {path: place for place, path in enumerate(_FIRST)}
    return sorted(
        (path for path in paths if len({repr(one.get(path)) for one in settings}) > 1),
        key=lambda path: (order.get(path, len(order)), path),
    )


def _places(keys: Sequence[Hashable]) -> list[list[int]]:
    found: dict[Hashable, list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        found[key].append(place)
    return list(found.values())


def _of_experiment(config: Config) -> Settings:
    return {p: v for p, v in comparable(config).items() if p.startswith(_OF_EXPERIMENT)}


def _of_runs(config: Config) -> Settings:
    return {
        path: value
        for path, value in comparable(config).items()
        if path != "preset" and not path.startswith(_OF_EXPERIMENT)
    }


def _preset(config: Config) -> Settings:
    return {"preset": config.get("preset")}


def _parameters(config: Config) -> Settings:
    """The strategy's own fields."""
    chosen = (choice(config.get("uncertainty")), choice(config.get("selection")))
    return {path: v for one in chosen if one is not None for path, v in one.parameters.items()}


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


def _word(path: str) -> str:
    return _WORDS.get(path, symbol(path))


def _told(path: str, value: object) -> str:
    if isinstance(value, bool):
        return _word(path) if value else f"without {_word(path)}"
    return f"{_word(path)} {short_value(value)}"
