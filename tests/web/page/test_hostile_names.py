"""Scans and labels whose names are scripts: on the page they are text.

Names with signs that nobody sees, or that turn writing round, come no further than the gate.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nextslice.annotators import Desk
from nextslice.live import LiveProject

from ..conftest import SETTINGS

CASES = (
    "<img src=x onerror=alert(1)>",
    "\"'><b onclick=alert(2)>&amp;",
    "\u05d0\u05d1<i>\u05d2",
)
LABELS = ("<script>alert(3)</script> of the outer part", "<b onclick>'\"&amp")

# Whatever the policy of the page forbids is written down from the page's first moment on.
_WATCH = """() => {
  window.forbidden = [];
  document.addEventListener("securitypolicyviolation",
    (e) => window.forbidden.push(`${e.violatedDirective} ${e.blockedURI}`));
}"""


@pytest.fixture
def live(scans: Path, tmp_path: Path) -> LiveProject:
    named = tmp_path / "named"
    named.mkdir()
    for path, name in zip(sorted(scans.glob("*.nii.gz")), CASES, strict=True):
        shutil.copy(path, named / f"{name}.nii.gz")
    return LiveProject.create(
        tmp_path / "project",
        images=named,
        labels=",".join(LABELS),
        assignments=(*SETTINGS, "initial=24"),
    )


@pytest.mark.promise(
    "Names of files, labels and people do nothing on the page.",
    fault="names that are scripts",
)
def test_names_of_files_and_labels_are_text_and_the_policy_has_nothing_to_forbid(
    somebody: Callable[..., Any], desk: Desk
) -> None:
    person = somebody("<img src=x onerror=alert(4)>")
    person.page.on("dialog", lambda dialog: person.problems.append(dialog.message))
    person.page.context.add_init_script(f"({_WATCH})()")
    person.reload()
    asked = {view.case for view in desk.overview().slices}
    assert len(asked) == 3
    person.drag([(10.5, 12.5), (25.5, 20.5)])
    person.save()
    shown = person.page.inner_text("body")
    for name in (*LABELS, CASES[0], "<img src=x onerror=alert(4)>"):
        assert name in shown
    assert person.page.evaluate("window.forbidden") == []
    made = person.page.locator("img, body script, body b, body i, iframe, [onclick], [onerror]")
    assert made.count() == 0
    panel = person.page.locator("#panel")
    assert panel.evaluate("e => e.scrollWidth <= e.clientWidth")  # long names are wrapped
