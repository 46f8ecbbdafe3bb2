"""Fuzz one target: `python -m tests.fuzz nrrd -max_total_time=60`; libFuzzer's options follow.

Inputs that break a promise are written to the folder that one stands in.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

try:
    import atheris
except ImportError:
    raise SystemExit("atheris is not installed: make install (Linux on x86_64)") from None

with atheris.instrument_imports(include=["nextslice.data", "nextslice.yaml_text"]):
    from tests.fuzz.targets import TARGETS

from tests.fuzz.seeds import seeds


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        raise SystemExit(f"Name what to fuzz: {', '.join(TARGETS)}.")
    target = TARGETS[sys.argv[1]]
    with tempfile.TemporaryDirectory() as temporary:
        corpus, folder = Path(temporary) / "corpus", Path(temporary) / "set"
        corpus.mkdir()
        folder.mkdir()
        for number, content in enumerate(seeds(sys.argv[1], folder)):
            (corpus / str(number)).write_bytes(content)
        atheris.Setup(
            [sys.argv[0], "-max_len=4096", "-timeout=20", *sys.argv[2:], str(corpus)],
            lambda content: target(content, folder),
        )
        sys.stdout.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # readers may print
        atheris.Fuzz()


main()
