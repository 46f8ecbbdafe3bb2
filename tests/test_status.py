"""Where a project stands: it counts what happened, and the next step is the right one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.annotated import Annotated, copied

from nextslice.annotators.answering import Answering
from nextslice.annotators.pictures import Pictures
from nextslice.data.phantom import Phantom, write_phantom
from nextslice.errors import ProjectError
from nextslice.live import LiveProject
from nextslice.project import Records, SliceState
from nextslice.report.drawing import save_as
from nextslice.report.figures.agreement import draw_agreement
from nextslice.status import status_of


def test_it_counts_what_happened(annotated: Annotated) -> None:
    status = status_of(annotated.folder)
    assert (status.phase, status.cycle, status.cases) == ("annotating", 2, 3)
    assert status.classes == ("cortex", "medulla")
    assert status.states[SliceState.QUERIED] == 3
    assert status.states[SliceState.SKIPPED] == 1
    given = status.history[0].labelled
    assert status.states[SliceState.LABELLED] == given + len(annotated.drawn)
    assert 24 <= status.slices <= 27
    assert [view.asked for view in status.history] == [0, 5, 5]
    assert [view.answered for view in status.history] == [0, 4, 2]
    assert status.seconds == 30.0 * len(annotated.drawn)
    trained = [view.train_seconds is not None for view in status.history]
    assert trained == [True, True, False]
    for view in status.history[1:]:
        assert view.agreement == pytest.approx(np.mean(status.agreements[view.cycle]))
    assert [len(values) for values in status.agreements.values()] == [4, 2]


def test_it_is_plain_for_programs(annotated: Annotated) -> None:
    told = json.loads(json.dumps(status_of(annotated.folder).to_dict()))
    assert told["slices"]["labelled"] == told["cycles"][-1]["labelled"]
    assert told["slices"]["skipped"] == 1
    assert told["phase"] == "annotating"
    assert told["next"][0].startswith("nextslice serve ")


def test_it_can_be_had_while_another_process_works(
    annotated: Annotated, tmp_path: Path
) -> None:
    copy = copied(annotated, tmp_path)
    with LiveProject.open(copy.folder) as project, project.project._writing():
        assert status_of(copy.folder).history == status_of(annotated.folder).history


def test_the_next_step_follows_the_work(annotated: Annotated, tmp_path: Path) -> None:
    folder = tmp_path / "a project"
    settings = (
        *("network.channels=[4, 8]", "training.steps=2", "device=cpu", "initial=2"),
        *("uncertainty.samples=2", "data.size=[40, 36]"),
    )
    images = annotated.scans / "imagesTr"

    def stands(phase: str, verb: str) -> None:
        status = status_of(folder)
        assert status.phase == phase
        assert status.next_steps[0].command == f"nextslice {verb} '{folder}'"

    with LiveProject.create(
        folder, images=images, labels="organ", assignments=settings
    ) as project:
        stands("new", "serve")
        query = project.ask()
        stands("annotating", "serve")
        first, second = (queried.id for queried in query.slices)
        project.learner.tell(query, {first: np.ones(project.pool.size, np.uint8)})
        stands("annotating", "serve")
        project.learner.skip(query, second, reason="motion")
        stands("answered", "train")
        project.project.begin_training(0)
        stands("training", "train")
        project.train(resume=True)
        stands("trained", "ask")
        everything = project.ask(budget=1000)
        project.learner.tell(
            everything,
            {q.id: np.ones(project.pool.size, np.uint8) for q in everything.slices},
        )
        project.train()
        assert len(project.ask()) == 0
        assert status_of(folder).phase == "exhausted"
        assert "predict" in status_of(folder).next_steps[0].command


def test_where_labels_came_with_the_data_training_comes_first(
    annotated: Annotated, tmp_path: Path
) -> None:
    with LiveProject.create(
        tmp_path / "project", images=annotated.scans, labels="cortex,medulla"
    ) as project:
        status = status_of(tmp_path / "project")
        assert status.phase == "new"
        assert "train" in status.next_steps[0].command
        project.ask()
    status = status_of(tmp_path / "project")
    assert status.phase == "answered"
    assert "train" in status.next_steps[0].command


def test_another_folder_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="nextslice init"):
        status_of(tmp_path)


def test_the_agreement_is_drawn_with_what_it_says(annotated: Annotated, tmp_path: Path) -> None:
    status = status_of(annotated.folder)
    drawing = draw_agreement(status)
    assert drawing is not None
    assert f"{100 * (status.history[1].agreement or 0):.0f} % after" in drawing.alt
    for kind, begins in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        save_as(drawing, tmp_path / f"figure.{kind}")
        content = (tmp_path / f"figure.{kind}").read_bytes()
        assert content.startswith(begins)
        save_as(drawing, tmp_path / f"again.{kind}")
        assert (tmp_path / f"again.{kind}").read_bytes() == content


def test_slices_left_open_when_their_query_ended_count_as_unlabelled(tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    write_phantom(scans, Phantom(patients=2, size=(32, 32), slices=(8, 8)))
    settings = (
        *("network.channels=[4, 8]", "training.steps=2", "device=cpu", "initial=3"),
        *("uncertainty.samples=2", "budget=2", "threads=1"),
    )
    with (
        LiveProject.create(
            tmp_path / "project",
            images=scans / "imagesTr",
            labels="organ",
            assignments=settings,
        ) as live,
        Records.look(live.folder) as records,
    ):
        for asked in (3, 2):
            query = live.ask()
            assert status_of(live.folder).states[SliceState.QUERIED] == asked
            row = query.slices[0].row
            mask = np.zeros(live.native(row).shape, np.uint8)
            live.project.add_answers(
                [Answering(live, Pictures(live)).mask(row, mask, annotator="Ada", seconds=1)]
            )
            live.train()
            states = status_of(live.folder).states
            assert states[SliceState.QUERIED] == 0
            assert states[SliceState.UNLABELLED] == 16 - records.n_labelled()
