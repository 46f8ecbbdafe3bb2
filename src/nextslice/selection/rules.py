"""Selections with a rule: wrap any selection, and keep of its picks what the rule allows.

The wrapped selection is asked, and its picks are taken in its own order as long as the rule
allows them. What the rule forbids by now is put aside, and the selection is asked again, until
nothing is missing. Each time it is asked for a whole query, of which no more is taken than is
missing: stochastic batches of one slice would be the most uncertain slice of all. Only where no
slice is left that the rule allows does the rule give way, so that a query always has
min(budget, slices) slices.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from nextslice.errors import SelectionError
from nextslice.selection.base import (
    Context,
    Requirement,
    Selection,
    checked_budget,
    checked_generator,
    checked_scores,
    is_label_informed,
    picks_together,
)
from nextslice.types import Flags, Picked, Rows, Scores

__all__ = ["Rule"]


class Rule(ABC):
    """A selection that asks another one and has a rule for its picks.

    Rules wrap rules: then each slice is picked by all of them. Where they leave too few slices,
    the outermost gives way first.

    Attributes:
        selection: The selection that is asked.
    """

    selection: Selection

    @property
    def requires(self) -> frozenset[Requirement]:
        """What the wrapped selection requires."""
        return self.selection.requires

    @property
    def budget(self) -> int | None:
        """The wrapped selection's own budget."""
        budget: int | None = getattr(self.selection, "budget", None)
        return budget

    @property
    def label_informed(self) -> bool:
        """Whether the wrapped selection peeks at labels."""
        return is_label_informed(self.selection)

    @property
    def picks_together(self) -> bool:
        """Whether the wrapped selection chooses its picks as a whole."""
        return picks_together(self.selection)

    @abstractmethod
    def allows(self, rows: Rows, picked: Picked, context: Context | None, total: int) -> Flags:
        """Whether each of `rows` may be picked next, after `picked`.

        Args:
            rows: Slices that are not picked yet.
            picked: Slices of this query so far.
            context: Of all slices.
            total: How many slices there are.

        Raises:
            SelectionError: The context lacks what the rule looks at.
        """

    def select(
        self,
        scores: Scores,
        *,
        rng: np.random.Generator,
        budget: int | None = None,
        context: Context | None = None,
    ) -> Rows:
        """See :meth:`nextslice.selection.base.Selection.select`.

        The wrapped selection is asked with a smaller context: what is picked already counts
        as labelled.

        Raises:
            SelectionError: The context lacks what a rule or the wrapped selection looks at.
        """
        scores = checked_scores(scores)
        rng = checked_generator(rng)
        count = checked_budget(self.budget, budget, len(scores))
        rules, asked = self._unwrapped()
        picked = np.empty(0, dtype=np.intp)
        for first in range(len(rules) + 1):
            while len(picked) < count:
                free = np.delete(np.arange(len(scores)), picked)
                free = free[_allowed(free, rules[first:], picked, context, len(scores))]
                if len(free) == 0:
                    break
                answer = asked.select(
                    scores[free],
                    rng=rng,
                    budget=count,
                    context=None if context is None else context.narrowed(free, picked),
                )
                if len(answer) == 0:
                    raise SelectionError(
                        f"Expected {asked!r} to pick from {len(free)} slices, got nothing.",
                        remedy="Prove it with nextslice.testing.SelectionContract.",
                    )
                rows, kept = free[answer], np.zeros(len(answer), dtype=bool)
                together = picks_together(asked)
                for at in rng.permutation(len(rows)) if together else range(len(rows)):
                    before = np.concatenate([picked, rows[kept]])
                    if len(before) == count:
                        break
                    allowed = _allowed(
                        rows[at, None], rules[first:], before, context, len(scores)
                    )
                    kept[at] = allowed[0]
                picked = np.concatenate([picked, rows[kept]])
        return picked

    def _unwrapped(self) -> tuple[list[Rule], Selection]:
        """All rules, the outermost first, and the selection inside."""
        rules: list[Rule] = [self]
        while isinstance(rules[-1].selection, Rule):
            rules.append(rules[-1].selection)
        return rules, rules[-1].selection


def _allowed(
    rows: Rows, rules: Sequence[Rule], picked: Picked, context: Context | None, total: int
) -> Flags:
    """Whether every rule allows each of `rows`."""
    allowed = np.ones(len(rows), dtype=bool)
    for rule in rules:
        allowed &= rule.allows(rows, picked, context, total)
    return allowed
