"""The strategies in the order and with the words of the paper's tables.

Random sampling and Core-set first, then each uncertainty without ("w/o SB") and with stochastic
batches ("Ours"), the same under rules, then whatever else the paper does not have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from nextslice.report.names import Choice, label_informed, strategy_name
from nextslice.report.summaries import Group
from nextslice.report.tables import plain_text

__all__ = ["Kind", "Line", "blocks_of"]

Kind = Literal["random", "core-set", "without", "with", "other"]

_ORDER: Final = ("entropy", "dropout", "tta", "learning-loss")


@dataclass(frozen=True)
class Line:
    """A strategy as the paper's tables name it.

    Attributes:
        block: "RS", "Core-set", an uncertainty, or the name of another strategy.
        part: "w/o SB", "Ours", or nothing.
        strategy: Its plain name, by which its runs are found.
        kind: Which of the paper's it is.
        informed: Whether it looks at labels before they are annotated.
    """

    block: str
    part: str
    strategy: str
    kind: Kind
    informed: bool


def blocks_of(groups: Sequence[Group]) -> tuple[tuple[Line, ...], ...]:
    """The strategies of some runs, those of one uncertainty in one block.

    Args:
        groups: Of any settings and experiments; a strategy that ran in several is one line.
    """
    firsts: dict[str, Group] = {}
    for group in groups:
        firsts.setdefault(group.plain_name, group)
    blocks: dict[tuple[int, int, str], list[Line]] = {}
    for group in firsts.values():
        line, rank = _line(group), _rank(group)
        blocks.setdefault((*rank, line.block if line.kind != "other" else ""), []).append(line)
    return tuple(
        tuple(sorted(blocks[key], key=lambda line: line.kind == "with"))
        for key in sorted(blocks, key=lambda key: key[:2])
    )


def _kind(group: Group) -> Kind:
    run = group.runs[0]
    if run.uncertainty is None:
        if run.selection.name == "random":
            return "random"
        return "core-set" if run.selection.name == "core-set" else "other"
    if run.core.name == "top-k":
        return "without"
    return "with" if run.core.name == "stochastic-batches" else "other"


def _rank(group: Group) -> tuple[int, int]:
    kind, run = _kind(group), group.runs[0]
    if kind in {"with", "without"} and run.uncertainty is not None:
        name = run.uncertainty.name
        place = _ORDER.index(name) if name in _ORDER else len(_ORDER)
        return 2, place + (len(_ORDER) + 1 if run.rules else 0)
    return ("random", "core-set", "", "other").index(kind), 0


def _line(group: Group) -> Line:
    kind, run = _kind(group), group.runs[0]
    uncertainty, preset = run.uncertainty, str(run.config.get("preset", ""))
    informed = label_informed(run.selection)
    name = plain_text(group.plain_name)
    if kind == "other" or (uncertainty is None and kind in {"with", "without"}):
        return Line(name, "", group.plain_name, "other", informed)
    # What tells two strategies of one name apart: "[width 1]".
    apart = name.removeprefix(plain_text(strategy_name(uncertainty, run.selection, preset)))
    unset = strategy_name(None, Choice(run.core.name, {}), preset)
    own = strategy_name(None, run.core, preset).removeprefix(unset)
    if kind in {"random", "core-set"}:
        block = "RS" if kind == "random" else "Core-set"
        return Line(plain_text(block + own) + apart, "", group.plain_name, kind, informed)
    scored_by = plain_text(strategy_name(uncertainty, Choice("top-k", {}), preset))
    if uncertainty is not None and uncertainty.name in _ORDER:
        scored_by = scored_by[0].upper() + scored_by[1:]
    part = "w/o SB" if kind == "without" else "Ours"
    scored_by = ", ".join([scored_by, *reversed(run.rules)])
    return Line(scored_by + apart, plain_text(part + own), group.plain_name, kind, informed)
