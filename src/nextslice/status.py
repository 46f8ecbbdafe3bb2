"""Where a live project stands, and what to do next; it is only looked at."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nextslice.data.labels import parse_labels
from nextslice.data.pool import SliceId
from nextslice.live import live_config
from nextslice.project import AnswerKind, CycleView, Records, SliceState

__all__ = ["NextStep", "Phase", "Status", "status_of"]

Phase = Literal["new", "annotating", "answered", "training", "trained", "exhausted"]
"""Nothing is asked yet; a query is open; all of it is answered; the training of its model has
begun; its model is trained; or the pool has nothing left to ask for."""


@dataclass(frozen=True)
class NextStep:
    """A command to type next.

    Attributes:
        command: The command.
        why: What it does, in a few words.
    """

    command: str
    why: str


@dataclass(frozen=True)
class Status:
    """A live project at a glance.

    Attributes:
        folder: The project's.
        classes: Foreground names; class k is number k in every mask.
        cases: How many cases it has.
        states: How many slices are in each state.
        phase: See :data:`Phase`.
        history: Each cycle so far, the open one last.
        agreements: Cycle -> Dice of the proposal with the mask, for each slice of its query
            that has both, in the order of the query.
    """

    folder: Path
    classes: tuple[str, ...]
    cases: int
    states: Mapping[SliceState, int]
    phase: Phase
    history: tuple[CycleView, ...]
    agreements: Mapping[int, tuple[float, ...]]

    @property
    def cycle(self) -> int | None:
        """The newest cycle; None before the first query."""
        return self.history[-1].cycle if self.history else None

    @property
    def slices(self) -> int:
        """Slices in all."""
        return sum(self.states.values())

    @property
    def seconds(self) -> float:
        """What annotators spent, over all versions."""
        return sum(view.seconds for view in self.history)

    @property
    def next_steps(self) -> tuple[NextStep, ...]:
        """What to type next, the usual first."""
        place = shlex.quote(str(self.folder))
        serve = NextStep(f"nextslice serve {place}", "annotate in the browser")
        train = NextStep(f"nextslice train {place}", "train on what is labelled")
        ask = NextStep(f"nextslice ask {place}", "ask for the next slices")
        predict = NextStep(f"nextslice predict {place} --out FOLDER", "segment whole volumes")
        export = NextStep(f"nextslice export {place} FOLDER", "a data set of what was drawn")
        labelled = self.states.get(SliceState.LABELLED, 0)
        last = self.history[-1] if self.history else None
        begun = last is not None and labelled and last.answered + last.skipped
        return {
            # Where labels came with the data, a model learns from them before it asks.
            "new": (train, serve) if labelled else (serve, ask),
            "annotating": (
                serve,
                NextStep(f"nextslice tell {place}", "take in masks drawn in another editor"),
                *([NextStep(train.command, "train without the rest")] if begun else []),
            ),
            "answered": (train, serve),
            "training": (
                NextStep(train.command, "go on, if no other process is training"),
                NextStep(serve.command, "the same in the browser"),
            ),
            "trained": (ask, serve, predict),
            "exhausted": (predict, export),
        }[self.phase]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for other programs."""
        return {
            "project": str(self.folder),
            "phase": self.phase,
            "cycle": self.cycle,
            "classes": list(self.classes),
            "cases": self.cases,
            "slices": {state.value: self.states.get(state, 0) for state in SliceState},
            "annotation_seconds": self.seconds,
            "cycles": [
                {
                    "cycle": view.cycle,
                    "labelled": view.labelled,
                    "asked": view.asked,
                    "answered": view.answered,
                    "skipped": view.skipped,
                    "agreement": view.agreement,
                    "train_seconds": view.train_seconds,
                    "annotation_seconds": view.seconds,
                }
                for view in self.history
            ],
            "next": [step.command for step in self.next_steps],
        }


def status_of(folder: str | Path) -> Status:
    """Look at a live project, also while another process works on it.

    Raises:
        ProjectError: There is none, or it cannot be read.
    """
    config = live_config(folder)
    with Records.look(folder) as records:
        states = records.states()
        history = records.history()
        # A slice that was left open when its query ended may be asked for again: it is
        # unlabelled as all others are.
        asked = _open_slices(records, history)
        left = (s for s, state in states.items() if state is SliceState.QUERIED)
        states = dict(states) | dict.fromkeys(
            (name for name in left if name not in asked), SliceState.UNLABELLED
        )
        agreements = {view.cycle: _agreements(records, view.cycle) for view in history}
        phase = _phase(records, history)
    return Status(
        folder=Path(folder),
        classes=parse_labels(config.data.labels or "").names,
        cases=len({name.case for name in states}),
        states=Counter(states.values()),
        phase=phase,
        history=history,
        agreements={cycle: values for cycle, values in agreements.items() if values},
    )


def _phase(records: Records, history: tuple[CycleView, ...]) -> Phase:
    if not history:
        return "new"
    last = history[-1]
    if records.is_recorded(last.cycle):
        return "trained"
    if records.training_began(last.cycle):
        return "training"
    if last.asked == 0:  # in cycle 0 labels came with the data: there is something to train on
        return "exhausted" if last.cycle else "answered"
    return "annotating" if last.answered + last.skipped < last.asked else "answered"


def _open_slices(records: Records, history: tuple[CycleView, ...]) -> set[SliceId]:
    if not history or records.is_recorded(history[-1].cycle):
        return set()
    return {queried.id for queried in records.query(history[-1].cycle).slices}


def _agreements(records: Records, cycle: int) -> tuple[float, ...]:
    rows = [queried.row for queried in records.query(cycle).slices]
    newest = records.newest_answers(rows)
    drawn = (newest[row] for row in rows if row in newest)
    return tuple(
        answer.agreement
        for answer in drawn
        if answer.cycle == cycle
        and answer.kind is AnswerKind.MASK
        and answer.agreement is not None
    )
