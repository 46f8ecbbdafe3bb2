"""The settings that tell runs of one experiment apart, in as few words as do.

A strategy's name holds only settings that are not the usual ones. Without them, runs with
another budget would be averaged as if they were seeds of one strategy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nextslice.report.experiments import (
    OF_EXPERIMENT,
    VARIANT,
    Config,
    Settings,
    comparable,
    places,
    varying,
)
from nextslice.report.names import choice, short_value, symbol

__all__ = ["Names", "settings_in_words", "tell_apart", "unnamed_differences"]

_WORDS: Final = {
    "initial": "initial set",
    "data.labels": "labels",
    "data.size": "size",
    "training.augmentation.rotation_degrees": "rotation",
    "training.augmentation.noise_std": "noise",
    "evaluation.hd95_in_voxels": "HD95 in voxels",
}
_NO_USUAL: Final = object()


@dataclass(frozen=True)
class Names:
    """What a run is called.

    Attributes:
        strategy: Its strategy's name among all runs of the experiment: "random [budget 5]".
        plain: The same among runs with the same settings: "random".
        setting: What was varied on purpose besides the strategy: "budget 5". The usual value
            is named too; empty where nothing was varied.
    """

    strategy: str
    plain: str
    setting: str


def tell_apart(
    names: Sequence[str], configs: Sequence[Config], titles: Sequence[str]
) -> list[Names]:
    """Names that are equal for two runs exactly where all of their settings are.

    To a strategy's name those settings are added that are not those of most runs, as few as
    tell the runs apart; between presets only the preset.

    Args:
        names: The strategy of each run.
        configs: Each run's settings.
        titles: Each run's experiment.
    """
    settings = _setting_words(configs, titles, usual=False)
    parameters = _parameter_words(names, configs, titles)
    named = settings_in_words(configs, titles)
    return [
        Names(_bracketed(name, [*unusual, *own]), _bracketed(name, own), setting)
        for name, unusual, own, setting in zip(names, settings, parameters, named, strict=True)
    ]


def settings_in_words(
    configs: Sequence[Config], titles: Sequence[str], *, without: tuple[str, ...] = ()
) -> list[str]:
    """What was varied on purpose besides the strategy, such as "budget 5", for each run.

    Equal for two runs of one experiment exactly where their settings are, but for the
    strategy, chance and what they ran on; empty where nothing was varied.

    Args:
        configs: Each run's settings.
        titles: Each run's experiment.
        without: Beginnings of the dotted paths that shall not count, such as "training.".
    """
    words = _setting_words(configs, titles, usual=True, without=without)
    return [", ".join(told) for told in words]


def unnamed_differences(configs: Sequence[Config]) -> list[str]:
    """Settings that differ within a preset though no name holds them, with their values.

    Names hold as few settings as tell runs apart; what changes together with these would
    otherwise go unseen.
    """
    found = []
    for members in places([config.get("preset") for config in configs]):
        settings = [_of_runs(configs[place]) for place in members]
        needed = _needed(settings)
        unnamed = [path for path in varying(settings) if path not in needed]
        if VARIANT in needed:
            found += _variants(settings, unnamed)
            continue
        for path in unnamed:
            values = dict.fromkeys(
                "none" if (value := one.get(path)) is None else short_value(value)
                for one in settings
            )
            found.append(f"{_word(path)} ({', '.join(values)})")
    return list(dict.fromkeys(found))


def _variants(settings: Sequence[Settings], unnamed: Sequence[str]) -> list[str]:
    """What the name of each variant stands for."""
    told = {}
    for one in settings:
        words = [_told(path, one[path]) for path in unnamed if one.get(path) is not None]
        told[str(one.get(VARIANT))] = ", ".join(words) or "none of these"
    return [f"{_word(VARIANT)} {name} ({words})" for name, words in told.items()]


def _setting_words(
    configs: Sequence[Config],
    titles: Sequence[str],
    *,
    usual: bool,
    without: tuple[str, ...] = (),
) -> list[list[str]]:
    words: list[list[str]] = [[] for _ in configs]
    for members in places(titles):
        _add(words, members, [_preset(configs[place]) for place in members], usual=usual)
    presets = [(t, configs[p].get("preset")) for p, t in enumerate(titles)]
    for members in places(presets):
        settings = [_of_runs(configs[place], without) for place in members]
        _add(words, members, settings, usual=usual)
    return words


def _parameter_words(
    names: Sequence[str], configs: Sequence[Config], titles: Sequence[str]
) -> list[list[str]]:
    """The fields of strategies that differ between runs though their names do not."""
    words: list[list[str]] = [[] for _ in configs]
    strategies = [
        (name, title, config.get("preset"))
        for name, title, config in zip(names, titles, configs, strict=True)
    ]
    for members in places(strategies):
        _add(words, members, [_parameters(configs[place]) for place in members], usual=False)
    return words


def _add(
    words: list[list[str]], members: list[int], settings: list[Settings], *, usual: bool
) -> None:
    """Say what differs among `members`; the usual value only where that is wanted."""
    for path in _needed(settings):
        unsaid = None if usual else _usual([one.get(path) for one in settings])
        for place, one in zip(members, settings, strict=True):
            value = one.get(path)
            if value is not None and (unsaid is None or repr(value) != repr(unsaid)):
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
    differing = varying(settings)
    chosen: list[str] = []
    for path in differing:
        if _kinds(settings, [*chosen, path]) > _kinds(settings, chosen):
            chosen.append(path)
    for path in chosen[::-1]:
        rest = [other for other in chosen if other != path]
        if _kinds(settings, rest) == _kinds(settings, differing):
            chosen = rest
    return chosen


def _kinds(settings: Sequence[Settings], paths: Sequence[str]) -> int:
    return len({tuple(repr(one.get(path)) for path in paths) for one in settings})


def _of_runs(config: Config, without: tuple[str, ...] = ()) -> Settings:
    """All that counts. A variant's name stands for settings that may be left out here."""
    left_out = (*OF_EXPERIMENT, *without, *((VARIANT,) if without else ()))
    return {
        path: value
        for path, value in comparable(config).items()
        if path != "preset" and not path.startswith(left_out)
    }


def _preset(config: Config) -> Settings:
    return {"preset": config.get("preset")}


def _parameters(config: Config) -> Settings:
    """The strategy's own fields."""
    chosen = (choice(config.get("uncertainty")), choice(config.get("selection")))
    return {path: v for one in chosen if one is not None for path, v in one.parameters.items()}


def _word(path: str) -> str:
    return _WORDS.get(path, symbol(path))


def _told(path: str, value: object) -> str:
    if isinstance(value, bool):
        return _word(path) if value else f"without {_word(path)}"
    return f"{_word(path)} {short_value(value)}"


def _bracketed(name: str, words: Sequence[str]) -> str:
    return f"{name} [{', '.join(words)}]" if words else name
