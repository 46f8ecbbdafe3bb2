"""The loop of active learning: ask, tell, fit, record. The annotator may be anybody.

A cycle begins with a query and ends when the metrics of the model trained on its answers are
recorded. Each of the four steps does what is left to do of the current cycle and nothing
twice, so that the same program, started again after a crash, goes on where it stopped::

    for cycle in range(learner.cycle, 7):
        query = learner.ask(budget=10)
        learner.tell(query, oracle.label(query))
        learner.fit()
        learner.record(evaluate(learner.model, test))

Everything that is decided lies in the project's folder before the next step begins.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

import numpy as np

from nextslice.contexts import check_initial, check_labels, context_for
from nextslice.data.pool import SliceId, SlicePool
from nextslice.environment import describe_code, describe_environment
from nextslice.errors import (
    AnnotationError,
    ProjectError,
    SettingsError,
    TrainingError,
)
from nextslice.evaluation.evaluate import Evaluation
from nextslice.models.inference import SegmentationModel
from nextslice.models.training import Trainer
from nextslice.progress import OnProgress, ignore_progress
from nextslice.project import (
    AnswerKind,
    NewAnswer,
    Project,
    QueriedSlice,
    Query,
    SliceState,
    checked_mask,
)
from nextslice.seeds import derive_seed
from nextslice.selection import Context, Random, Selection, strength
from nextslice.trainings import Trainings
from nextslice.types import Rows, Scores
from nextslice.uncertainty.base import Uncertainty, checked_uncertainties, loss_prediction_of

__all__ = ["ActiveLearner"]

logger = logging.getLogger(__name__)


class ActiveLearner:
    """Which slice should the expert annotate next?

    Args:
        pool: The slices that may be asked for.
        trainer: Trains a model on the labelled slices, from scratch in each cycle.
        selection: Scores -> the next query.
        uncertainty: Model + slices -> scores; not needed by a selection that ignores scores.
        project: The run's folder. If it holds a run already, that run goes on.
        seed: All chance of the run comes from it. Runs with the same seed share the initial
            set and the initial weights, whatever their strategy.
        initial: How the first query is selected, when there is no model yet: by a selection
            that looks at nothing a model knows. By default at random.
        initial_seed: Decides the initial set; by default the seed does.
        given: Cases whose labels came with the data: their slices are labelled from the
            beginning, and the first query is selected by a model that learnt from them.
        shared_trainings: A folder in which runs with the same seed leave their first training
            for each other; without it each run trains for itself.
        config: Settings to keep in the project's ``config.yaml``; by default those that the
            arguments spell out.
        data: Fingerprint of all data that the run depends on; by default the pool's.
        may_change: Dotted names of settings that may differ when a run goes on.
        accept_changes: Go on though settings, data, code, versions or hardware have changed.
        on_progress: Told how far each step is.

    Raises:
        SettingsError: The selection needs scores and there is no uncertainty, or the initial
            one needs a model.
        SelectionError: A selection is label-informed, and the pool has no labels.
        ProjectError: The folder cannot be used; see :class:`~nextslice.project.Project`.
    """

    def __init__(
        self,
        pool: SlicePool,
        *,
        trainer: Trainer,
        selection: Selection,
        project: str | Path,
        uncertainty: Uncertainty | None = None,
        seed: int = 0,
        initial: Selection | None = None,
        initial_seed: int | None = None,
        given: Iterable[str] = (),
        shared_trainings: str | Path | None = None,
        config: Mapping[str, object] | None = None,
        data: str | None = None,
        may_change: frozenset[str] = frozenset(),
        accept_changes: bool = False,
        on_progress: OnProgress = ignore_progress,
    ) -> None:
        if uncertainty is None and "scores" in selection.requires:
            raise SettingsError(
                f"Expected an uncertainty for {selection!r}, which looks at scores; got none.",
                remedy="Pass uncertainty=Entropy(), MCDropout() or another one.",
            )
        initial = Random() if initial is None else initial
        loss_prediction = loss_prediction_of(uncertainty)
        check_initial(initial)
        check_labels((initial, selection), pool)
        self.pool = pool
        self.trainer = trainer
        self.selection = selection
        self.uncertainty = uncertainty
        self.seed = seed
        self.initial = initial
        self.initial_seed = seed if initial_seed is None else initial_seed
        self._shared = None if shared_trainings is None else Path(shared_trainings)
        self._on_progress = on_progress
        self._model: SegmentationModel | None = None
        self._fitted_here = False
        self._project = Project(
            project,
            config=self._own_config() if config is None else config,
            environment=describe_environment(
                trainer, data=pool.fingerprint if data is None else data, seed=seed
            )
            | {
                "code": describe_code(
                    trainer, trainer.network, initial, uncertainty, selection
                ),
                "left_out": {v.case: [r.reason for r in v.refusals] for v in pool.refused},
            },
            pool=[pool.slice_id(row) for row in range(len(pool))],
            may_change=may_change,
            accept_changes=accept_changes,
        )
        self._trainings = Trainings(
            trainer,
            seed=seed,
            classes=pool.classes,
            loss_prediction=loss_prediction,
            on_progress=on_progress,
            before_keeping=self._project.demand_place,
        )
        try:
            self._take_in(given)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let other processes work on the project."""
        self._project.close()

    @property
    def project(self) -> Project:
        """What the run keeps on disk."""
        return self._project

    @property
    def cycle(self) -> int:
        """The cycle that is to be worked on; 0 has the initial set."""
        last = self._project.last_cycle()
        if last is None:
            return 0
        return last + 1 if self._project.is_recorded(last) else last

    @property
    def model(self) -> SegmentationModel:
        """The newest trained model.

        Raises:
            ProjectError: Nothing is trained yet.
        """
        if self._model is None:
            trained = self._project.newest_trained()
            if trained is None:
                raise ProjectError(
                    "Expected a trained model, but nothing is trained yet.",
                    remedy="Answer the first query and call fit().",
                )
            self._model = self._train_or_load(trained)
        return self._model

    @property
    def n_labelled(self) -> int:
        """How many slices are labelled."""
        return len(self._project.rows_in(SliceState.LABELLED))

    def ask(self, budget: int) -> Query:
        """The query of the current cycle: the same again until the cycle is over.

        Where labels came with the data, cycle 0 asks for nothing: its model learns from them.

        Args:
            budget: Slices to ask for where a new query begins.

        Returns:
            The slices in the order in which to annotate them: fewer than the budget, or none,
            where the pool has no more.

        Raises:
            SelectionError: The budget cannot be worked with.
            ScoreError: A score is not finite; nothing is asked then.
        """
        if self._fitted_here:  # whoever asks on after fit() has no metrics to record
            self.record()
        cycle = self.cycle
        if self._project.last_cycle() == cycle:
            asked = self._project.query(cycle)
            if budget < len(asked) or (budget > len(asked) and len(self._unasked())):
                logger.warning(
                    "The query of cycle %d is open and has %d slices; a budget of %d has no "
                    "effect before the next cycle.",
                    cycle,
                    len(asked),
                    budget,
                )
            return asked
        return self._first_query(budget) if cycle == 0 else self._next_query(cycle, budget)

    def _first_query(self, budget: int) -> Query:
        """The initial set, or nothing where labels came with the data."""
        candidates = self._unasked(SliceState.QUERIED)
        picked = candidates[:0]
        if self.n_labelled == 0:
            picked = self.initial.select(
                np.zeros(len(candidates)),
                rng=np.random.default_rng(derive_seed(self.initial_seed, "select", 0)),
                budget=budget,
                context=self._context(self.initial, candidates),
            )
        query = Query(0, self._queried(candidates[picked], None))
        self._project.add_query(query, score_seconds=0.0, select_seconds=0.0)
        return query

    def _next_query(self, cycle: int, budget: int) -> Query:
        """What the selection makes of the newest model's scores."""
        started = time.perf_counter()
        candidates = self._unasked(SliceState.QUERIED)
        scores = self._scores(cycle)
        context = self._context(self.selection, candidates)
        scored = time.perf_counter()
        of_candidates = np.zeros(len(candidates)) if scores is None else scores[candidates]
        picked = self.selection.select(
            of_candidates,
            rng=np.random.default_rng(derive_seed(self.seed, "select", cycle)),
            budget=budget,
            context=context,
        )
        selected = time.perf_counter()
        has_scores = scores is not None and len(picked) > 0
        query = Query(
            cycle,
            self._queried(candidates[picked], scores),
            batch_score=float(of_candidates[picked].mean()) if has_scores else None,
            strength=strength(of_candidates, picked) if has_scores else None,
        )
        self._project.add_query(
            query, score_seconds=scored - started, select_seconds=selected - scored
        )
        return query

    def tell(
        self, query: Query, masks: Mapping[SliceId, np.ndarray], *, annotator: str = "oracle"
    ) -> None:
        """Take in annotations of queried slices; a part of them is fine.

        Args:
            query: The query that is answered.
            masks: Slice -> class numbers of shape (height, width), as the pool's own masks.
            annotator: Who or what drew them.

        Raises:
            AnnotationError: A slice was not asked for, or a mask has another shape or unknown
                classes; nothing is kept then.
        """
        answered = {
            _row_in(query, slice_id): checked_mask(
                mask, shape=self.pool.size, classes=self.pool.classes, name=str(slice_id)
            )
            for slice_id, mask in masks.items()
        }
        self._project.add_annotations(query.cycle, answered, annotator=annotator)

    def skip(
        self, query: Query, slice_id: SliceId, *, reason: str, annotator: str = "expert"
    ) -> None:
        """Leave a queried slice out for good: it is not asked again and nothing learns from it.

        Args:
            query: The query that is answered.
            slice_id: One of its slices.
            reason: Why it cannot be annotated.
            annotator: Who says so.

        Raises:
            AnnotationError: The slice was not asked for.
        """
        self._answer(query, slice_id, AnswerKind.SKIP, annotator, reason)

    def withdraw(self, query: Query, slice_id: SliceId, *, annotator: str = "expert") -> None:
        """Take the answer to a slice back: it is queried again; what was answered is kept.

        Args:
            query: The query that asked for it.
            slice_id: One of its slices.
            annotator: Who says so.

        Raises:
            AnnotationError: The slice was not asked for, or has no answer.
        """
        self._answer(query, slice_id, AnswerKind.WITHDRAWN, annotator)

    def _answer(
        self,
        query: Query,
        slice_id: SliceId,
        kind: AnswerKind,
        annotator: str,
        reason: str | None = None,
    ) -> None:
        answer = NewAnswer(
            row=_row_in(query, slice_id),
            kind=kind,
            annotator=annotator,
            cycle=query.cycle,
            reason=reason,
        )
        self._project.add_answers([answer])

    def fit(self, *, resume: bool = False) -> None:
        """Train a model from scratch on all labelled slices, or load the one trained on them.

        Args:
            resume: Go on with a training that was interrupted: learn from the answers that it
                began with, not from those that came in since.

        Raises:
            TrainingError: Nothing is labelled yet, or the loss stopped being finite.
        """
        cycle = self.cycle
        if self._project.last_cycle() != cycle:
            if self.n_labelled == 0:
                raise TrainingError(
                    "Expected labelled slices to train on, there are none.",
                    remedy="Answer a query first: ask(budget), then tell(query, masks).",
                )
            raise ProjectError(
                f"Expected a query of cycle {cycle} before its training; cycle {cycle - 1} is "
                "recorded already.",
                remedy="Call ask(budget) to begin the next cycle.",
            )
        if not (resume and self._project.training_began(cycle)):
            self._project.begin_training(cycle)
        self._model = self._train_or_load(cycle)
        self._fitted_here = True

    def _train_or_load(self, cycle: int) -> SegmentationModel:
        """The model of a cycle: the one that is kept, or one trained to the same weights."""
        rows, masks = self._project.labelled(
            through=cycle, shape=self.pool.size, classes=len(self.pool.classes)
        )
        if len(rows) == 0:
            raise TrainingError(
                "Expected labelled slices to train on, there are none.",
                remedy="Answer the query first: tell(query, masks).",
            )
        # Where the pool is used up nothing new is labelled, and the model stays as it was.
        model, manifest = self._trainings.model(
            self.pool.images[rows],
            np.stack(masks),
            self._project.model_folder(cycle),
            before=self._project.model_folder(cycle - 1) if cycle else None,
            shared=None if cycle else self._shared,
        )
        if self._project.weights_of(cycle) != manifest["sha256"]:
            self._project.set_trained(
                cycle,
                n_labelled=len(rows),
                weights_sha256=manifest["sha256"],
                train_seconds=manifest["extra"]["train_seconds"],
            )
        return model

    def record(self, evaluation: Evaluation | None = None) -> None:
        """End the cycle, with the metrics of its model where there are any.

        Raises:
            ProjectError: The cycle's model is not trained yet.
        """
        cycle = self.cycle
        if self._project.last_cycle() != cycle or self._project.weights_of(cycle) is None:
            raise ProjectError(
                f"Expected the model of cycle {cycle} to be trained before it is recorded.",
                remedy="Call fit() first.",
            )
        classes = {} if evaluation is None else evaluation.classes
        seconds = 0.0 if evaluation is None else evaluation.seconds
        losses = self.model.history
        self._project.record(cycle, classes, eval_seconds=seconds, losses=losses)
        self._fitted_here = False

    def _take_in(self, given: Iterable[str]) -> None:
        """Keep the labels that came with the data, unless they are kept already."""
        for case in given:
            rows = self.pool.rows_of(case)
            known = self._project.newest_answers(range(rows.start, rows.stop))
            if len(known) < rows.stop - rows.start:
                masks = self.pool.subset([case]).masks[:]
                self._project.add_given(
                    {
                        rows.start + k: m
                        for k, m in enumerate(masks)
                        if rows.start + k not in known
                    }
                )

    def _unasked(self, *others: SliceState) -> Rows:
        return self._project.rows_in(SliceState.UNLABELLED, *others)

    def _scores(self, cycle: int) -> Scores | None:
        """Score every slice of the pool by the newest model, and keep the scores."""
        if self.uncertainty is None:
            return None
        scores = checked_uncertainties(
            self.uncertainty.score(
                self.model,
                self.pool.images,
                seed=derive_seed(self.seed, "score", cycle),
                on_progress=self._on_progress,
            ),
            len(self.pool),
            lambda row: str(self.pool.slice_id(row)),
            type(self.uncertainty).__name__,
        )
        cases = np.asarray(self.pool.cases)[self.pool.case_of]
        self._project.save_scores(cycle, case=cases, index=self.pool.index_of, score=scores)
        return scores

    def _context(self, selection: Selection, candidates: Rows) -> Context:
        return context_for(
            selection,
            self.pool,
            candidates=candidates,
            labelled=self._project.rows_in(SliceState.LABELLED),
            taken=self._project.rows_in(SliceState.LABELLED, SliceState.QUERIED),
            model=lambda: self.model,
            on_progress=self._on_progress,
        )

    def _queried(self, rows: Rows, scores: Scores | None) -> tuple[QueriedSlice, ...]:
        return tuple(
            QueriedSlice(
                int(row),
                self.pool.slice_id(int(row)),
                None if scores is None else float(scores[row]),
            )
            for row in rows
        )

    def _own_config(self) -> dict[str, object]:
        """The arguments as settings that can be read, and compared one by one."""
        return {
            "trainer": self.trainer.describe(),
            "uncertainty": repr(self.uncertainty),
            "selection": repr(self.selection),
            "initial": repr(self.initial),
            "initial_seed": self.initial_seed,
            "seed": self.seed,
        }


def _row_in(query: Query, slice_id: SliceId) -> int:
    """The row of one of a query's slices."""
    for queried in query.slices:
        if queried.id == slice_id:
            return queried.row
    raise AnnotationError(
        f"Expected a slice of the query of cycle {query.cycle}, got {slice_id}.",
        cause="the annotation belongs to another query.",
    )
