"""A live project: scans in, the slices worth annotating out, masks in, a model out.

The same learner, strategies and folder on disk as a simulation; people annotate. This module
sets it up from its settings and takes its two long steps, :meth:`LiveProject.train` and
:meth:`LiveProject.ask`; what happens in between is :mod:`nextslice.annotators.desk`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self, final

import numpy as np
import yaml

from nextslice.code_names import demand_no_code
from nextslice.config import LiveConfig, resolve_live_config
from nextslice.data.labels import numbered_labels
from nextslice.data.native import NativeSlices
from nextslice.data.pool import SlicePool
from nextslice.errors import ProjectError, SettingsError
from nextslice.learner import ActiveLearner
from nextslice.models.devices import limited_threads
from nextslice.native_masks import NativeMasks
from nextslice.parts import open_scans, trainer_for, uncertainty_for
from nextslice.plain_files import read_plain
from nextslice.progress import OnProgress, Progress, ignore_progress
from nextslice.project import Answer, Project, Proposals, Query
from nextslice.project.changes import LIVE_MAY_CHANGE
from nextslice.settings import plain, validated
from nextslice.strategies import build_selection
from nextslice.types import NativeMask
from nextslice.uncertainty.maps import uncertainty_maps
from nextslice.yaml_text import parse_yaml

__all__ = ["LiveProject", "live_config"]


@final
class LiveProject:
    """A live project that is open for work; no other process may work on it meanwhile.

    Made by :meth:`create` or :meth:`open`; use it as a context manager or :meth:`close` it.
    To look at a project without opening it: :func:`live_config` and
    :meth:`nextslice.project.Records.look`.

    Attributes:
        config: The settings, as ``config.yaml`` keeps them.
        pool: All slices of the scans.
        learner: The loop.
    """

    def __init__(
        self,
        folder: str | Path,
        config: LiveConfig,
        *,
        accept_changes: bool = False,
        on_progress: OnProgress = ignore_progress,
    ) -> None:
        self.config = config
        self._listener = on_progress
        self.pool: SlicePool = open_scans(config.data, on_progress=on_progress)
        self.learner = ActiveLearner(
            self.pool,
            trainer=trainer_for(config, self.pool),
            uncertainty=uncertainty_for(config.uncertainty),
            selection=build_selection(config.selection.name, config.selection.parameters),
            initial=None
            if config.first_query is None
            else build_selection(config.first_query.name, config.first_query.parameters),
            project=folder,
            seed=config.seed,
            given=self.pool.labelled_cases,
            config=plain(config),
            may_change=LIVE_MAY_CHANGE,
            accept_changes=accept_changes,
            on_progress=self._tell,
        )
        self._native_masks = NativeMasks(self.pool, self.project)

    @classmethod
    def create(
        cls,
        folder: str | Path,
        *,
        images: str | Path,
        labels: str | Sequence[str],
        preset: str = "quick",
        changes: Mapping[str, object] | None = None,
        assignments: Sequence[str] = (),
        on_progress: OnProgress = ignore_progress,
    ) -> LiveProject:
        """Make a project from a folder of scans.

        Args:
            folder: The project's; new or empty.
            images: The scans, in one of the layouts of :mod:`nextslice.data.layouts`. Cases
                that have a label already are taken in as labelled.
            labels: Foreground classes in the order of their numbers, "anterior,posterior" or
                a list: the first has number 1 in every mask, the second 2, and 0 is background.
                Where existing labels have other values: "anterior=3;posterior=4,5".
            preset: "quick", "paper" or "released-code".
            changes: Nested settings that replace the preset's, such as ``{"budget": 20,
                "data": {"size": (128, 128)}}``; see :class:`~nextslice.config.LiveConfig`.
            assignments: ``path.to.setting=value``, applied last.
            on_progress: Hears of the preparation, and later of :meth:`train` and :meth:`ask`.

        Raises:
            SettingsError: A setting is wrong; says which and what is allowed.
            DataError: The scans cannot be used.
            ProjectError: The folder holds something already.
        """
        if (Path(folder) / "config.yaml").exists():
            raise ProjectError(
                f"Expected a new folder for the project; {folder} holds one already.",
                remedy="Go on with it, or choose another folder.",
            )
        place = str(Path(images).expanduser().absolute())
        data: dict[str, Any] = {"folder": place, "labels": numbered_labels(labels).text}
        changes = dict(changes or {})
        of_data = changes.pop("data", None)
        changes["data"] = (dict(of_data) if isinstance(of_data, Mapping) else {}) | data
        config = resolve_live_config(preset, changes, assignments)
        return cls(folder, config, on_progress=on_progress)

    @classmethod
    def open(
        cls,
        folder: str | Path,
        *,
        images: str | Path | None = None,
        accept_changes: bool = False,
        allow_code: bool = False,
        on_progress: OnProgress = ignore_progress,
    ) -> LiveProject:
        """Go on with a project.

        Args:
            folder: The project's.
            images: Where the scans lie now, if they were moved.
            accept_changes: Go on though settings (``config.yaml`` was edited), data, code,
                versions or hardware have changed.
            allow_code: Run the strategies that its settings name as ``package.module:Class``.
                Projects come from elsewhere, too, so nothing is run unless this says so.
            on_progress: See :meth:`create`.

        Raises:
            SettingsError: It names such strategies, and nobody said that they may run.
            ProjectError: There is no project, another process works on it, or what it rests
                on has changed.
            DataError: The scans cannot be used any more.
        """
        config = live_config(folder)
        if not allow_code:
            strategies = (config.selection, config.uncertainty, config.first_query)
            demand_no_code([plain(s) for s in strategies if s], f"the project {folder}")
        if images is not None:
            place = str(Path(images).expanduser().absolute())
            data = config.data.model_copy(update={"folder": place})
            config = config.model_copy(update={"data": data})
        return cls(folder, config, accept_changes=accept_changes, on_progress=on_progress)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let other processes work on the project."""
        self.learner.close()

    @property
    def project(self) -> Project:
        """What is kept on disk."""
        return self.learner.project

    @property
    def folder(self) -> Path:
        """The project's folder."""
        return self.project.folder

    @property
    def folders(self) -> tuple[Path, Path]:
        """The project's and that of its scans: what is logged names files from there on."""
        return self.folder, Path(self.config.data.folder)

    @property
    def classes(self) -> tuple[str, ...]:
        """Foreground names; class k is number k in every mask, 0 is background."""
        return self.pool.classes

    def listen(self, on_progress: OnProgress) -> None:
        """Tell somebody else how far each step is."""
        self._listener = on_progress

    def ask(self, budget: int | None = None) -> Query:
        """The open query, or the next one, with the model's proposals for its slices.

        Args:
            budget: Slices to ask for where a new query begins; None for the project's.

        Raises:
            SelectionError: The budget cannot be worked with.
            ScoreError: A score is not finite; nothing is asked then.
        """
        with limited_threads(self.config.threads):
            query = self._open_query() if budget is None else None
            if query is None:
                usual = self.config.budget if self.learner.cycle else self.config.initial
                query = self.learner.ask(usual if budget is None else budget)
            self._propose(query)
        return query

    def train(self, *, resume: bool = False) -> None:
        """Train a model on everything that is labelled, and end the cycle with it.

        Args:
            resume: Go on with a training that was interrupted, on what it began with.

        Raises:
            TrainingError: Nothing is labelled, or the loss stopped being finite.
            ProjectError: The cycle has ended already; :meth:`ask` comes next.
        """
        with limited_threads(self.config.threads):
            self.learner.fit(resume=resume)
            self.learner.record()

    def native(self, row: int) -> NativeSlices:
        """The native slices of the volume that a slice of the pool belongs to."""
        return self._native_masks.slices_of(row)

    def native_mask(self, answer: Answer) -> NativeMask | None:
        """The mask of an answer on its native slice; None for an answer without a mask.

        Raises:
            ProjectError: It is missing or damaged.
        """
        return self._native_masks.of(answer)

    def _open_query(self) -> Query | None:
        last = self.project.last_cycle()
        if last is None or self.project.is_recorded(last):
            return None
        return self.project.query(last)

    def _propose(self, query: Query) -> None:
        """Keep what the model that selected a query proposes for it, unless it is kept."""
        rows = tuple(queried.row for queried in query.slices)
        if query.cycle == 0 or not rows or self.project.weights_of(query.cycle) is not None:
            return
        kept = self.project.proposals(
            query.cycle, shape=self.pool.size, classes=len(self.classes)
        )
        if kept is not None or self.project.weights_of(query.cycle - 1) is None:
            return
        images = self.pool.images[np.array(rows, dtype=np.intp)]
        model = self.learner.model
        weights = str(self.project.weights_of(query.cycle - 1))  # it may be trained anew
        levels = np.rint(uncertainty_maps(model, images) * 255).astype(np.uint8)
        proposals = Proposals(rows, model.predict(images), levels, weights)
        self.project.save_proposals(query.cycle, proposals)

    def _tell(self, progress: Progress) -> None:
        self._listener(progress)


def live_config(folder: str | Path) -> LiveConfig:
    """The settings of a live project, from its ``config.yaml``.

    Raises:
        ProjectError: There is no live project in the folder, or the file was damaged.
    """
    path = Path(folder) / "config.yaml"
    try:
        content = parse_yaml(read_plain(path).decode())
    except FileNotFoundError as error:
        raise ProjectError(
            f"Expected a project in {folder}; there is no {path.name} in it.",
            cause="the path is another one, or the project was never made.",
            remedy="Make one: nextslice init PROJECT --images FOLDER --labels NAMES.",
        ) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ProjectError(f"Expected to read {path}, got: {error}.") from error
    if not isinstance(content, dict) or "split" in content:
        raise ProjectError(
            f"Expected a live project in {folder}; its {path.name} is of another kind.",
            cause="the folder holds a simulated run.",
            remedy="Name the folder that was given to nextslice init.",
        )
    try:
        return validated(LiveConfig, content)
    except SettingsError as error:
        raise ProjectError(
            f"{path} cannot be used: {error.problem}",
            cause="the file was changed by hand.",
            remedy=error.remedy,
        ) from error
