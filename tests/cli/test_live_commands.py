"""`init`, `ask`, `tell` and `train` as their users meet them: what is said, and wrong words."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import SimpleITK as sitk  # noqa: N813
from typer.testing import CliRunner, Result

from nextslice.cli.app import app
from nextslice.data.phantom import Phantom, write_phantom
from nextslice.errors import (
    AnnotationError,
    DataError,
    NextsliceError,
    ProjectError,
    ProjectLockedError,
    RefusedCasesError,
    SettingsError,
)
from nextslice.live import LiveProject, live_config
from nextslice.project import Records

_TINY = (
    *("--initial", "3", "--budget", "2", "--device", "cpu", "--size", "32", "32"),
    *("--set", "network.channels=[4, 8]", "--set", "training.steps=4"),
    *("--set", "uncertainty.samples=2"),
)


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three patients without labels."""
    folder = tmp_path_factory.mktemp("phantom")
    write_phantom(folder / "all", Phantom(patients=3, size=(32, 32), slices=(8, 8)))
    shutil.copytree(folder / "all" / "imagesTr", folder / "scans")
    return folder / "scans"


def command(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


def done(*words: object) -> Result:
    result = command(*words)
    if result.exception is not None:
        raise result.exception
    return result


def refused(*words: object) -> NextsliceError:
    exception = command(*words).exception
    assert isinstance(exception, NextsliceError), exception
    return exception


@pytest.fixture
def project(scans: Path, tmp_path: Path) -> Path:
    done("init", tmp_path / "lung", "--images", scans, "--labels", "cortex,medulla", *_TINY)
    return tmp_path / "lung"


def draw(project: Path, cycle: int = 0) -> None:
    """Draw a square on every slice of a work order's masks."""
    for path in (project / f"work/cycle-{cycle:02d}/masks").iterdir():
        image = sitk.ReadImage(str(path))
        image[6:20, 8:22, :] = 1
        sitk.WriteImage(image, str(path))


def test_init_says_what_it_found_and_what_comes_next(scans: Path, tmp_path: Path) -> None:
    words = ("--images", scans, "--labels", "cortex,medulla", *_TINY)
    result = done("init", tmp_path / "p", *words)
    assert "3 cases" in result.stdout
    assert "24 slices of 32 x 32 along axis 2" in result.stdout
    assert "1 is cortex, 2 is medulla, 0 is background" in result.stdout
    assert "labelled already: nothing" in result.stdout
    assert "3 slices to begin with, then 2 per query" in result.stdout
    assert "stochastic-batches of dropout" in result.stdout
    assert f"next: nextslice serve {tmp_path / 'p'}" in result.stderr
    assert f"or:   nextslice ask {tmp_path / 'p'}" in result.stderr
    config = live_config(tmp_path / "p")
    assert (config.initial, config.budget, config.training.steps) == (3, 2, 4)
    assert isinstance(refused("init", tmp_path / "p", *words), ProjectError)


def test_labels_that_are_there_are_taken_in_and_come_first(scans: Path, tmp_path: Path) -> None:
    folder = tmp_path / "scans"
    shutil.copytree(scans, folder)
    label = scans.parent / "all" / "labelsTr" / "phantom_001.nii.gz"
    (folder / "labels").mkdir()
    shutil.copy(label, folder / "labels")
    project = tmp_path / "p"
    result = done("init", project, "--images", folder, "--labels", "cortex,medulla", *_TINY)
    assert "labelled already: 8 slices of 1 case" in result.stdout
    assert f"next: nextslice train {project}" in result.stderr
    assert "learns from the labels" in done("ask", project).stderr
    assert "trained on 8 labelled slices" in done("train", project).stdout
    assert "Query of cycle 1" in done("ask", project).stdout


def test_slices_too_small_for_the_network_are_told_before_anybody_draws(
    scans: Path, tmp_path: Path
) -> None:
    words = ("init", tmp_path / "p", "--images", scans, "--labels", "organ", *_TINY)
    error = refused(*words, "--size", "1", "32")
    assert "at least 2x2 pixels; got 1x32" in error.problem
    assert "network.channels" in error.remedy
    assert not (tmp_path / "p").exists()


def test_refused_cases_are_named_with_what_to_do(scans: Path, tmp_path: Path) -> None:
    folder = tmp_path / "scans"
    shutil.copytree(scans, folder)
    (folder / "phantom_002.nii.gz").write_bytes(b"")
    words = ("init", tmp_path / "p", "--images", folder, "--labels", "organ", *_TINY)
    error = refused(*words)
    assert isinstance(error, RefusedCasesError)
    assert "phantom_002" in error.problem
    assert "--skip-refused" in error.remedy
    assert not (tmp_path / "p").exists()
    result = done(*words, "--skip-refused")
    assert "left out: phantom_002" in result.stderr
    assert "2 cases" in result.stdout


def test_the_loop_says_at_each_step_what_it_did_and_what_to_type_next(project: Path) -> None:
    asked = done("ask", project)
    folder = project / "work" / "cycle-00"
    assert str(folder) in asked.stdout
    assert asked.stdout.count("queried") == 3
    assert f"nextslice tell {project} {folder}" in asked.stderr
    assert "no new ones" in refused("train", project).problem
    told = done("tell", project)
    assert "nothing new" in told.stdout
    assert "3 slices not yet annotated" in told.stderr
    assert "--accept phantom_" in told.stderr
    draw(project)
    told = done("tell", project, folder, "--annotator", "Ada", "--seconds", "90")
    assert told.stdout.count("stored phantom_") == 3
    assert "which this work order does not ask for" in told.stderr
    assert f"next: nextslice train {project}" in told.stderr
    assert done("ask", project).stdout.count("labelled") == 3
    trained = done("train", project)
    assert "cycle 0: a model is trained on 3 labelled slices" in trained.stdout
    assert f"next: nextslice ask {project}" in trained.stderr
    assert "nothing was asked since" in refused("train", project).problem
    done("ask", project)
    first = next((project / "work/cycle-01/masks").iterdir()).name
    draw(project, 1)
    told = done("tell", project)
    assert "with the proposal" in told.stdout
    assert first.removesuffix("_mask.nii.gz") in told.stdout
    trained = done("train", project)
    assert "agreement of proposals and masks, mean Dice" in trained.stdout
    with Records.look(project) as records:
        assert [view.labelled for view in records.history()] == [3, 5]
        assert records.history()[0].seconds == pytest.approx(90)


def test_open_slices_stay_unlabelled_and_train_says_so(project: Path) -> None:
    done("ask", project)
    with Records.look(project) as records:
        first, second, third = (str(q.id) for q in records.query(0).slices)
    told = done("tell", project, "--accept", first, "--skip", second, "--reason", "motion")
    assert f"stored {first}" in told.stdout
    assert f"skipped {second}" in told.stdout
    assert f"1 slice not yet annotated: {third}" in told.stderr
    assert f"or:   nextslice tell {project}" in told.stderr
    assert f"or:   nextslice train {project}" in told.stderr
    trained = done("train", project)
    assert f"not answered, so not learnt from: {third}" in trained.stderr
    assert "trained on 1 labelled slice" in trained.stdout
    told = done("tell", project, "--withdraw", first)
    assert f"withdrawn {first}, version 2" in told.stdout
    again = done("ask", project, "--cycle", "0")
    assert again.stdout.count("queried") == 2
    assert "skipped" in again.stdout


def test_the_budget_of_one_query_may_be_another(project: Path) -> None:
    assert done("ask", project, "--budget", "1").stdout.count("queried") == 1
    assert command("ask", project, "--budget", "0").exit_code == 2


def test_wrong_words_are_told_with_what_to_do(project: Path, tmp_path: Path) -> None:
    for name in ("ask", "tell", "train"):
        error = refused(name, tmp_path / "nowhere")
        assert isinstance(error, ProjectError)
        assert "nextslice init" in error.remedy
    assert "nextslice ask" in refused("train", project).remedy
    assert "no folder" in refused("tell", project).problem
    done("ask", project)
    assert "reason" in refused("tell", project, "--skip", "phantom_000:1").problem
    assert "CASE:SLICE" in refused("tell", project, "--withdraw", "phantom_000").problem
    endless = "phantom_000:" + "9" * 5000
    assert "CASE:SLICE" in refused("tell", project, "--withdraw", endless).problem
    assert "no folder" in refused("tell", project, tmp_path / "nowhere").problem
    assert "no such file" in refused("tell", project, tmp_path).problem
    assert "none was asked" in refused("ask", project, "--cycle", "3").problem


def test_wrong_words_to_init_are_told_before_anything_is_made(
    scans: Path, tmp_path: Path
) -> None:
    words = ("init", tmp_path / "p", "--images", scans)
    assert command(*words).exit_code == 2  # no --labels
    wrong = {
        ("--labels", "a,,b"): SettingsError,
        ("--labels", "a", "--selection", "stochastic-batch"): SettingsError,
        ("--labels", "a", "--preset", "papre"): SettingsError,
        ("--labels", "a", "--set", "trainin.steps=3"): SettingsError,
    }
    for more, kind in wrong.items():
        assert isinstance(refused(*words, *more), kind)
    nowhere = ("init", tmp_path / "p", "--images", tmp_path / "nowhere", "--labels", "a")
    assert isinstance(refused(*nowhere), DataError)
    assert not (tmp_path / "p").exists()


def test_a_project_that_somebody_works_on_says_who(project: Path) -> None:
    with LiveProject.open(project) as live:
        for words in (("ask", project), ("tell", project), ("train", project)):
            error = refused(*words)
            assert isinstance(error, ProjectLockedError)
            assert "works on it" in error.problem
        assert live.project.last_cycle() is None  # nothing was asked behind its back


def test_scans_that_were_moved_are_found_where_they_are_said_to_be(
    project: Path, scans: Path, tmp_path: Path
) -> None:
    done("ask", project)
    shutil.copytree(scans, tmp_path / "moved")
    config = project / "config.yaml"
    config.write_text(config.read_text().replace(str(scans), str(tmp_path / "gone")))
    assert "--images" in refused("ask", project).remedy
    done("ask", project, "--images", tmp_path / "moved")
    assert live_config(project).data.folder == str(tmp_path / "moved")


def test_a_training_that_was_stopped_is_done_by_the_same_command(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done("ask", project)
    draw(project)
    done("tell", project)

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("nextslice.models.training.Trainer.fit", stop)
        assert command("train", project).exit_code == 130
    with Records.look(project) as records:
        assert records.training_began(0)
        assert not records.is_recorded(0)
    assert "trained on 3 labelled slices" in done("train", project).stdout


def test_a_name_that_a_shell_would_split_is_quoted(scans: Path, tmp_path: Path) -> None:
    project = tmp_path / "Dr. A's scans"
    result = done("init", project, "--images", scans, "--labels", "organ", *_TINY)
    assert "nextslice ask '" in result.stderr


def test_unknown_problems_of_the_order_are_annotation_errors(project: Path) -> None:
    done("ask", project)
    (project / "work/cycle-00/order.json").write_text("{}")
    error = refused("tell", project)
    assert isinstance(error, AnnotationError)
    assert "nextslice ask PROJECT --out" in error.remedy
