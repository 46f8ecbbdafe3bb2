"""The process that reads scans: what ends it is refused, and nothing else is touched."""

from __future__ import annotations

import gzip
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from signal import SIGABRT, SIGKILL, SIGSEGV, SIGXCPU

import numpy as np
import pytest
from tests.hostile.making import GEOMETRY, mask, nifti, sound, voxels

from nextslice.data.cases import CaseFiles
from nextslice.data.formats.readers import read_volume, write_volume
from nextslice.data.gate import guarded
from nextslice.data.gate.admission import checked_cases, read_scan
from nextslice.data.gate.asking import Request
from nextslice.data.gate.checks import CheckedCase
from nextslice.data.gate.guarded import read_guarded
from nextslice.data.gate.limits import Limits, usual_memory_gb
from nextslice.data.geometry import Geometry
from nextslice.data.layouts import recognise
from nextslice.data.scans import Scans
from nextslice.errors import DataError, SettingsError
from nextslice.progress import Progress

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits memory")


@pytest.fixture
def requests(tmp_path: Path) -> list[Request]:
    """Six sound cases."""
    made = []
    for seed, case in enumerate("abcdef"):
        files = CaseFiles(case, tmp_path / f"{case}.nii.gz", tmp_path / f"{case}-label.nrrd")
        write_volume(files.image, voxels(seed), GEOMETRY)
        assert files.label is not None
        write_volume(files.label, mask(), GEOMETRY)
        made.append(Request(files, tmp_path))
    return made


@pytest.fixture(autouse=True)
def _no_process_of_other_tests() -> Iterator[None]:
    guarded._close_kept()
    yield
    guarded._close_kept()


def accepted(cases: list[CheckedCase]) -> str:
    return "".join(c.verdict.case for c in cases if c.verdict.accepted)


def kept_process() -> int:
    """The process that waits for the next data set."""
    (reader,) = guarded._kept
    return reader._process.pid


def children() -> set[int]:
    """Processes that this one has started and that have not ended."""
    tasks = Path("/proc/self/task")
    return {
        int(number)
        for task in tasks.iterdir()
        for number in (task / "children").read_text().split()
    }


def test_what_comes_back_is_what_is_read_here(requests: list[Request]) -> None:
    for request, checked in zip(requests, read_guarded(requests), strict=True):
        assert checked.verdict.labelled
        for path, volume in (
            (request.files.image, checked.image),
            (request.files.label, checked.label),
        ):
            assert path is not None
            assert volume is not None
            here = read_volume(path)
            np.testing.assert_array_equal(volume.voxels, here.voxels)
            assert volume.voxels.dtype == here.voxels.dtype
            assert volume.voxels.strides == here.voxels.strides
            assert volume.geometry == here.geometry


def test_one_process_serves_all_cases_and_the_next_data_set(requests: list[Request]) -> None:
    before = children()
    list(read_guarded(requests))
    first = kept_process()
    assert children() - before == {first}
    list(read_guarded(requests))
    assert kept_process() == first


@pytest.mark.promise(
    "A file made to do harm ends a process of its own; the rest goes on",
    fault="the process is killed while it reads",
)
@pytest.mark.parametrize(
    ("way", "told"),
    [
        *((way, f"by the signal {way.name}") for way in (SIGKILL, SIGSEGV, SIGABRT)),
        (SIGXCPU, "took longer than 300 seconds"),
    ],
)
def test_a_death_costs_one_case_and_no_other(
    requests: list[Request], way: int, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(read_guarded(requests[:1]))
    (reader,) = guarded._kept
    victim, answer = kept_process(), reader.answer
    os.kill(victim, signal.SIGSTOP)  # so that it dies of a case that it was asked about

    def die_and_answer() -> CheckedCase:
        os.kill(victim, way)
        if victim in children():
            os.kill(victim, signal.SIGCONT)
        return answer()

    monkeypatch.setattr(reader, "answer", die_and_answer)
    cases = list(read_guarded(requests))
    assert accepted(cases) == "bcdef"
    (refusal,) = cases[0].verdict.refusals
    assert told in refusal.reason
    assert "NEXTSLICE_SCAN_GB" in refusal.remedy
    assert kept_process() != victim


BURNING = """
import itertools, sys
from nextslice.data.gate import reader_process
reader_process.check_case = lambda *_, **__: sum(itertools.repeat(0))
reader_process.main("8", sys.argv[1])
"""


@pytest.mark.promise(
    "A file made to do harm ends a process of its own; the rest goes on",
    fault="reading never ends, and the program is gone that would end it",
)
def test_a_reading_that_nobody_waits_for_any_more_ends_by_itself(
    requests: list[Request],
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BURNING, "0.1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as reader:
        try:
            assert reader.stdin is not None
            reader.stdin.write(requests[0].to_line())
            reader.stdin.flush()
            assert reader.wait(timeout=300) == -SIGXCPU
        finally:
            reader.kill()


@linux
def test_a_process_that_ends_leaves_no_image_of_a_scan(requests: list[Request]) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    if most == 0:
        pytest.skip("this machine lets no process leave one")
    allowed = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))
    try:
        list(read_guarded(requests[:1]))
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, allowed)
    limits = (Path("/proc") / str(kept_process()) / "limits").read_text().splitlines()
    (core,) = (line.split() for line in limits if line.startswith("Max core file size"))
    assert core[4:6] == ["0", "0"]


@pytest.mark.promise(
    "A file made to do harm ends a process of its own; the rest goes on",
    fault="reading takes longer than it may",
)
def test_a_file_that_takes_too_long_is_refused_and_the_rest_goes_on(
    requests: list[Request],
) -> None:
    limits = Limits(seconds=4)
    list(read_guarded(requests[:1], limits))
    os.kill(kept_process(), signal.SIGSTOP)
    cases = list(read_guarded(requests, limits))
    assert accepted(cases) == "bcdef"
    assert "took longer than 4 seconds" in cases[0].verdict.refusals[0].reason


@pytest.mark.promise(
    "A file made to do harm ends a process of its own; the rest goes on",
    fault="a sound file that needs more memory than it may",
)
@linux
def test_a_file_larger_than_the_memory_allowed_is_refused_and_the_rest_goes_on(
    requests: list[Request], tmp_path: Path
) -> None:
    """Its header is honest and within bounds; what its scaling takes on top is too much."""
    limits = Limits(memory_gb=0.25)
    large = np.zeros((400, 400, limits.largest // 400**2 // 4), np.float32)
    files = CaseFiles("large", tmp_path / "large.nii.gz", tmp_path / "large-label.nii.gz")
    assert files.label is not None
    for path in (files.image, files.label):
        content = nifti(large, scl_slope=2, srow_x=(-1, 0, 0, 0), srow_z=(0, 0, 2, 0))
        path.write_bytes(gzip.compress(content, 1))
    asked = [*requests[:2], Request(files, tmp_path), *requests[2:]]
    cases = list(read_guarded(asked, limits))
    assert accepted(cases) == "abcdef"
    (refusal, *_) = cases[2].verdict.refusals
    assert "memory" in str(refusal)
    assert "NEXTSLICE_SCAN_GB" in str(refusal)
    assert accepted(list(read_guarded(asked, Limits()))) == "abcdef"[:2] + "large" + "cdef"


PRESSED = """
import gzip, resource, sys
from pathlib import Path
from nextslice.data.gate.admission import check_data_set, checked_cases
from nextslice.data.layouts import recognise
data_set = recognise(Path(sys.argv[1]))
assert all(verdict.accepted for verdict in check_data_set(data_set))
taken = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
_, most = resource.getrlimit(resource.RLIMIT_DATA)
resource.setrlimit(resource.RLIMIT_DATA, (taken + (40 << 20), most))
for checked in checked_cases(data_set):
    print(checked.verdict.case, *checked.verdict.refusals, sep="|", flush=True)
"""


@linux
@pytest.mark.promise(
    "A file made to do harm ends a process of its own; the rest goes on",
    fault="the program has less memory left than a sound scan needs",
)
def test_a_scan_that_the_program_has_no_memory_for_is_refused_at_once(tmp_path: Path) -> None:
    root = sound(tmp_path / "set")
    large = np.zeros((256, 512, 512), np.uint8)
    (root / "images" / "b.nii.gz").write_bytes(gzip.compress(nifti(large), 1))
    (root / "labels" / "b.nii.gz").write_bytes(gzip.compress(nifti(large), 1))
    ended = subprocess.run(
        [sys.executable, "-c", PRESSED, str(root)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert ended.stderr == ""
    first, second, third = ended.stdout.splitlines()
    assert (first, third) == ("a", "c")
    assert second.startswith("b|")
    assert "needs more memory than there is" in second


@pytest.mark.parametrize(
    ("there", "allowed"),
    [(64 << 30, 8), (16 << 30, 8), (12 << 30, 6), (7_900_000_000, 3.5), (1 << 28, 0.5)],
)
def test_reading_takes_half_of_the_memory_there_is_at_most(there: int, allowed: float) -> None:
    assert usual_memory_gb(there) == allowed
    assert usual_memory_gb(None) == Limits().memory_gb == 8
    assert Limits.from_environment().memory_gb <= 8


def test_a_header_that_promises_more_than_allowed_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXTSLICE_SCAN_GB", "0.5")
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(nifti(dim=(3, 600, 600, 600, 1, 1, 1, 1))))
    with pytest.raises(DataError, match="134,217,728 bytes of voxels at most"):
        read_scan(path, None)


def test_work_that_is_broken_off_leaves_no_process(requests: list[Request]) -> None:
    before = children()
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the reading begins in here
        for _ in read_guarded(requests):
            assert len(children() - before) == 1
            raise KeyboardInterrupt
    assert children() == before
    assert guarded._kept == []


def test_a_process_that_went_to_sleep_is_no_case_s_fault(requests: list[Request]) -> None:
    """It ends by itself when nobody asks; whoever asks in that moment gets another."""
    list(read_guarded(requests))
    (reader,) = guarded._kept
    stream = reader._process.stdin
    assert stream is not None
    stream.close()  # to the process as if nobody will ask any more
    reader._process.wait()
    reader._process.returncode = None  # as it was seen a moment before
    assert accepted(list(read_guarded(requests))) == "abcdef"


def test_it_ends_with_the_program_that_started_it(requests: list[Request]) -> None:
    code = f"""
import os, signal, sys
from pathlib import Path
from nextslice.data.gate import guarded
from nextslice.data.gate.admission import read_scan
read_scan(Path({str(requests[0].files.image)!r}), None)
print(guarded._kept[0]._process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=False
    )
    orphan = Path("/proc") / ended.stdout.strip()
    until = time.monotonic() + 60
    while orphan.exists() and "zombie" not in (orphan / "status").read_text():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_nothing_is_imported_from_the_folder_one_stands_in(
    requests: list[Request], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json", "numpy", "SimpleITK", "nextslice"):
        trap = f"open({str(tmp_path / 'sprung')!r}, 'w')"
        (tmp_path / f"{name}.py").write_text(trap)
    monkeypatch.chdir(tmp_path)
    assert accepted(list(read_guarded(requests))) == "abcdef"
    assert not (tmp_path / "sprung").exists()


def test_what_libraries_print_reaches_nobody(
    requests: list[Request], capfd: pytest.CaptureFixture[str]
) -> None:
    requests[0].files.image.write_bytes(gzip.compress(nifti(qform_code=1, quatern=(0, 0, 1))))
    list(read_guarded(requests))
    assert capfd.readouterr() == ("", "")


def test_a_process_that_cannot_start_is_told_as_such(
    requests: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded, "_START", "raise SystemExit('no room')")
    with pytest.raises(DataError, match="cannot be started: no room") as caught:
        list(read_guarded(requests))
    assert caught.value.remedy


@pytest.mark.parametrize("value", ["much", "0", "-1", "nan", "inf", "1000001", "1e300"])
@pytest.mark.parametrize("name", ["NEXTSLICE_SCAN_GB", "NEXTSLICE_SCAN_SECONDS"])
def test_limits_that_are_none_are_told(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"{name} should be a number above 0") as raised:
        Limits.from_environment()
    assert f"Set it as in {name}=" in raised.value.remedy
    monkeypatch.setenv(name, "2.5")
    assert 2.5 in (Limits.from_environment().memory_gb, Limits.from_environment().seconds)


def test_limits_as_high_as_can_be_set_read_like_any(requests: list[Request]) -> None:
    assert accepted(list(read_guarded(requests, Limits(1e6, 1e6)))) == "abcdef"
    with pytest.raises(SettingsError, match="1,000,000 at most"):
        Limits(seconds=1e7)


def test_two_threads_read_at_once(requests: list[Request]) -> None:
    found: dict[int, str] = {}

    def read(number: int) -> None:
        found[number] = accepted(list(read_guarded(requests)))

    threads = [threading.Thread(target=read, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(3), "abcdef")
    assert len(guarded._kept) == 1


@pytest.mark.promise(
    "What is prepared is what was checked",
    fault="a file is replaced after its check",
)
def test_a_file_that_changes_after_it_was_checked_changes_nothing(tmp_path: Path) -> None:
    """What is prepared is what was read: no file is opened a second time."""
    root = sound(tmp_path / "set")

    def change(progress: Progress) -> None:
        if progress.done == 1:
            (root / "images" / "a.nii.gz").write_bytes(b"something else")

    first, *_ = list(checked_cases(recognise(root), change))
    assert first.verdict.accepted
    assert first.image is not None
    np.testing.assert_array_equal(first.image.voxels, voxels(0))


def test_pictures_of_a_scan_are_read_behind_the_same_gate(tmp_path: Path) -> None:
    root = sound(tmp_path / "set")
    scans = Scans(root)
    np.testing.assert_array_equal(scans.volume("b").voxels, voxels(1))
    outside = tmp_path / "outside.nii.gz"
    write_volume(outside, voxels(5), Geometry(GEOMETRY.shape))
    (root / "images" / "c.nii.gz").unlink()
    (root / "images" / "c.nii.gz").symlink_to(outside)
    with pytest.raises(DataError, match="by a link"):
        scans.volume("c")
