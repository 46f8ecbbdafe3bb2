"""``nextslice train``: a model that learns from everything that is labelled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nextslice.cli.display import print_line, say
from nextslice.cli.open_project import (
    AcceptChanges,
    Images,
    ProjectFolder,
    command_line,
    opened,
    say_next,
)
from nextslice.cli.options import AllowCode

if TYPE_CHECKING:
    from nextslice.live import LiveProject

__all__ = ["train"]


def train(
    project: ProjectFolder,
    images: Images = None,
    accept_changes: AcceptChanges = False,
    allow_code: AllowCode = False,
) -> None:
    """Train a model on everything that is labelled, and end the query with it.

    Slices of the query that nobody answered stay unlabelled and may be asked
    for again. Stopped or killed, the same command goes on.
    """
    from nextslice.project import SliceState
    from nextslice.wording import a_few, counted

    with opened(
        project, images=images, accept_changes=accept_changes, allow_code=allow_code
    ) as live:
        _make_ready(live, project)
        records = live.project
        cycle = live.learner.cycle
        states = records.states()
        waiting = [q for q in records.query(cycle).slices if states[q.id] is SliceState.QUERIED]
        if waiting:
            names = a_few([str(q.id) for q in waiting])
            say(f"not answered, so not learnt from: {names} (may be asked for again)")
        live.train()
        view = records.history()[cycle]
        print_line(
            f"cycle {cycle}: a model is trained on {counted(view.labelled, 'labelled slice')}"
        )
        agreed = [
            f"{v.agreement:.2f} (cycle {v.cycle}, {counted(v.answered, 'slice')})"
            for v in records.history()
            if v.agreement is not None
        ]
        if agreed:
            print_line(f"agreement of proposals and masks, mean Dice: {', '.join(agreed)}")
        say_next(project)


def _make_ready(live: LiveProject, project: Path) -> None:
    """Raise what is in the way of a training, in words of the command line."""
    from nextslice.annotators.following import demand_answers
    from nextslice.errors import AnnotationError

    records, last = live.project, live.project.last_cycle()
    if last is None and records.n_labelled():
        live.ask()  # labels came with the data: cycle 0 asks for nothing
        last = 0
    if last is None or records.is_recorded(last):
        raise AnnotationError(
            "Expected annotated slices to learn from, but "
            + (
                "nothing was asked yet."
                if last is None
                else "nothing was asked since the model."
            ),
            remedy=f"Ask for the next slices: {command_line('ask', project)}",
        )
    given = last == 0 and not len(records.query(0))
    if not (given or records.training_began(last)):
        demand_answers(records, last)
