"""What was varied on purpose: how slices are selected from one score, and ablations.

An ablation is a set of runs of one experiment that differ in one thing alone besides their
strategy and their seed: the hyper-parameters of the training (figure 7 of the paper and table
4), the initial set (table 3) or the number of stochastic batches to choose from (figure 9).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from nextslice.report.apart import settings_in_words
from nextslice.report.differences import against_random, conditions, with_and_without
from nextslice.report.names import Choice
from nextslice.report.runs import Run
from nextslice.report.summaries import Group

__all__ = [
    "INITIAL",
    "TRAINING",
    "Pair",
    "against_matched_noise",
    "against_one_batch",
    "by_pool_size",
    "families",
    "pairs",
    "pool_size_of",
    "varying_in",
]

INITIAL: Final = ("initial",)
"""The beginnings of settings' paths, for the size of the initial set."""

TRAINING: Final = ("training.", "network.")
"""The same for the hyper-parameters: the training's and the network's settings."""

_BATCHES: Final = "stochastic-batches"


@dataclass(frozen=True)
class Pair:
    """One uncertainty with and without stochastic batches, and random beside it.

    Attributes:
        with_batches: The strategy with stochastic batches.
        without: The top slices of the same score.
        random: Random with the same settings, where it was run.
    """

    with_batches: Group
    without: Group
    random: Group | None

    @property
    def title(self) -> str:
        """The uncertainty, and the settings that tell this pair from others."""
        return self.without.strategy

    @property
    def groups(self) -> tuple[Group, ...]:
        """Those that there are, random first."""
        random = () if self.random is None else (self.random,)
        return (*random, self.without, self.with_batches)


def pairs(found: Sequence[Group]) -> tuple[Pair, ...]:
    """Every strategy with stochastic batches beside its own without them.

    Where the number of batches varies, the one that cuts the pool without replacement (the
    paper's) takes part, or else the first.
    """
    chance = {group.strategy: random for group, random in against_random(found)}
    result: dict[str, Pair] = {}
    for group, without in with_and_without(found):
        if without.strategy not in result or pool_size_of(group.runs[0]) is None:
            random = chance.get(group.strategy)
            result[without.strategy] = Pair(group, without, random)
    return tuple(result.values())


def families(
    members: Sequence[Group], paths: tuple[str, ...]
) -> Iterator[tuple[str, str, list[Group]]]:
    """Groups of one experiment that differ in nothing but the strategy and these settings.

    Args:
        members: Of any experiments.
        paths: The beginnings of settings' dotted paths, as ``INITIAL`` and ``TRAINING``.

    Yields:
        The experiment, the other settings in words (empty where none was varied), the groups.
    """
    experiments = [group.experiment for group in members]
    configs = [group.runs[0].config for group in members]
    words = settings_in_words(configs, experiments, without=paths)
    found: dict[tuple[str, str], list[Group]] = {}
    for group, told in zip(members, words, strict=True):
        found.setdefault((group.experiment, told), []).append(group)
    for (experiment, told), family in found.items():
        yield experiment, told, family


def varying_in(members: Sequence[Group], paths: tuple[str, ...]) -> tuple[Group, ...]:
    """The largest of these families in which the settings do vary, or nothing."""
    varied = [
        family
        for _, _, family in families(members, paths)
        if len({group.setting for group in family}) > 1
    ]
    largest: list[Group] = max(varied, key=len, default=[])
    return tuple(largest)


def by_pool_size(found: Sequence[Group]) -> tuple[tuple[Group, ...], ...]:
    """Strategies with stochastic batches that differ in how many there are, and in no more.

    Returns:
        For each uncertainty and setting with two numbers of batches or more its groups, the
        fewest first, the paper's cut without replacement last.
    """
    alike: dict[Hashable, dict[int | None, Group]] = defaultdict(dict)
    for group in found:
        run = group.runs[0]
        if run.core.name != _BATCHES or run.uncertainty is None:
            continue
        others = {k: v for k, v in run.core.parameters.items() if k != "pool_size"}
        key = (_frozen(run.uncertainty), _frozen(Choice("", others)), run.rules, group.setting)
        alike[key][pool_size_of(run)] = group
    return tuple(
        tuple(members[size] for size in sorted(members, key=lambda q: (q is None, q or 0)))
        for members in alike.values()
        if len(members) > 1
    )


def against_one_batch(found: Sequence[Group]) -> list[tuple[Group, Group]]:
    """Each number of stochastic batches with one, which is random sampling, where that ran."""
    return [
        (group, members[0])
        for members in by_pool_size(found)
        if pool_size_of(members[0].runs[0]) == 1
        for group in members[1:]
    ]


def against_matched_noise(found: Sequence[Group]) -> list[tuple[Group, Group]]:
    """Stochastic batches, and noise of their strength over the same uncertainty.

    Both are as greedy: what differs is how they are random.
    """
    of_batches = [
        group
        for group in found
        if group.runs[0].core.name == _BATCHES and pool_size_of(group.runs[0]) is None
    ]
    noisy = [g for g in found if g.runs[0].core.parameters.get("match") == _BATCHES]
    return [(a, b) for a in of_batches for b in noisy if conditions(a) == conditions(b)]


def pool_size_of(run: Run) -> int | None:
    """The paper's Q; None where the pool is cut without replacement or nothing is batched."""
    size = run.core.parameters.get("pool_size")
    return size if isinstance(size, int) else None


def _frozen(choice: Choice) -> Hashable:
    return choice.name, tuple(sorted((k, repr(v)) for k, v in choice.parameters.items()))
