"""The way from a finished query to the next one: train, score, select, propose."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from nextslice.annotators.background import Background
from nextslice.annotators.pictures import Pictures
from nextslice.annotators.views import Phase, TrainingProgress
from nextslice.errors import AnnotationError
from nextslice.live import LiveProject
from nextslice.project import Project, Query

__all__ = ["Following", "Standing", "demand_answers"]


@dataclass(frozen=True)
class Standing:
    """Where a project stands.

    Attributes:
        query: The one that people see; while the next is made, still the one before.
        phase: See :data:`~nextslice.annotators.views.Phase`.
        error: Why it failed, in words.
        progress: How far the work is.
    """

    query: Query
    phase: Phase
    error: str = ""
    progress: TrainingProgress | None = None


class Following:
    """Does that work in the background, and goes on where it was cut off.

    Args:
        project: The live project; a new one is asked for its first query at once.
        pictures: Know which proposals are there.
        go_on: Whether to go on with what was cut off before, without being told to.
    """

    def __init__(self, project: LiveProject, pictures: Pictures, *, go_on: bool) -> None:
        self._live = project
        self._project = project.project
        self._pictures = pictures
        self._background = Background(
            project.config.training.steps_per_epoch, folders=project.folders
        )
        self._lock = threading.RLock()
        self._shown = 0
        project.listen(self._background.listen)
        if self._project.last_cycle() is None:
            project.ask()
        if go_on and self._cut_off(self._project.query(self._last)):
            self._start()

    @property
    def standing(self) -> Standing:
        """Where the project stands now.

        Raises:
            ProjectError: Its folder was moved or replaced: what lies there is another.
        """
        with self._lock:  # so that no work begins while this is found out
            progress = self._background.progress
            if self._background.running:
                return Standing(self._project.query(self._shown), "training", "", progress)
            query = self._project.query(self._last)
            if self._background.error:
                return Standing(query, "failed", self._background.error)
            if self._cut_off(query):
                why = "The way to the next query was cut off before it was finished."
                return Standing(query, "failed", why)
            return Standing(query, "annotating" if len(query) else "exhausted")

    def finish_query(self, cycle: int | None) -> None:
        """See :meth:`nextslice.annotators.desk.Desk.finish_query`."""
        with self._lock:
            last, running = self._last, self._background.running
            shown = self._shown if running else last
            if cycle is not None and cycle != shown:
                raise AnnotationError(
                    f"Expected the end of cycle {shown}, whose query is open, got that of "
                    f"cycle {cycle}.",
                    cause="somebody has finished it already." if cycle < shown else "",
                    remedy="See how things stand now, and go on from there.",
                )
            if running:
                return
            if not self._project.is_recorded(last) and not self._failed_asking(last):
                if not self._project.training_began(last):
                    demand_answers(self._project, last)
                self._project.begin_training(last)
            self._start()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the work is over; False if it is not after `timeout` seconds."""
        return self._background.wait(timeout)

    def stop(self) -> None:
        """End the work at its next step."""
        self._background.stop()

    @property
    def _last(self) -> int:
        return self._project.last_cycle() or 0

    def _must_train(self, query: Query) -> bool:
        """Whether a training was begun, or must be, before anything else is asked."""
        if self._project.is_recorded(query.cycle):
            return False
        # Labels came with the data where the first query is empty: its model learns from them.
        asked_nothing = query.cycle == 0 and len(query) == 0
        return asked_nothing or self._project.training_began(query.cycle)

    def _cut_off(self, query: Query) -> bool:
        """Whether the last query is finished, or not yet ready to be annotated."""
        if self._project.is_recorded(query.cycle) or self._must_train(query):
            return True
        return self._lacks_proposals(query)

    def _failed_asking(self, cycle: int) -> bool:
        """Whether what failed, or was cut off, is asking this query: nobody answered it yet."""
        if self._project.training_began(cycle):
            return False
        return bool(self._background.error) or self._lacks_proposals(self._project.query(cycle))

    def _lacks_proposals(self, query: Query) -> bool:
        """Whether what a model proposes for the query is still to be made."""
        proposed = query.cycle == 0 or self._pictures.has_proposals(query.cycle)
        return len(query) > 0 and not proposed

    def _start(self) -> None:
        self._shown = self._last
        self._background.start(self._work)

    def _work(self) -> None:
        self._project.write_tables()  # a try before this one may have failed at them
        if self._must_train(self._project.query(self._last)):
            self._live.train(resume=True)
        self._live.ask()


def demand_answers(project: Project, cycle: int) -> None:
    """Make sure that there is something new to learn from.

    Args:
        project: Where the answers are.
        cycle: The one whose query is to be finished.

    Raises:
        AnnotationError: Nothing was answered since the last training, or nothing is labelled.
    """
    if not project.answers_since(cycle - 1):
        raise AnnotationError(
            "Expected answers before the query is finished, there are no new ones.",
            remedy="Annotate at least one of its slices, or skip one.",
        )
    if project.n_labelled() == 0:
        raise AnnotationError(
            "Expected a labelled slice to learn from, there is none yet.",
            remedy="Annotate at least one slice of the query.",
        )
