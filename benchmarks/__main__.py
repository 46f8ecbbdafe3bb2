"""``python -m benchmarks``: measure the rows, write the page."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from benchmarks import machine
from benchmarks.document import write_page
from benchmarks.measure import say
from benchmarks.plot import draw
from benchmarks.results import Plan
from benchmarks.rows import ROWS, measure_row

_PAGE = Path("docs") / "benchmarks.md"
_MINUTES = 20.0


def main() -> None:
    arguments = _arguments()
    chosen = arguments.rows or list(ROWS)
    whole = set(chosen) == set(ROWS) and not arguments.smoke
    out: Path | None = arguments.out or (_PAGE if whole else None)
    if out is not None:  # before the long wait, in case it cannot be written
        (out.parent / "images").mkdir(parents=True, exist_ok=True)
    load, began = machine.load(), time.perf_counter()
    if machine.busy(load):
        say(f"This machine has other work to do (load {load:.1f}): expect wide spreads.")
    measured = {}
    for number in chosen:
        row = ROWS[number]
        say(f"{number}. {row.work}")
        plan = Plan(row.seconds * arguments.budget_minutes / _MINUTES, arguments.smoke)
        if arguments.smoke:
            plan = Plan(3.0, smoke=True)
        started = time.perf_counter()
        measured[number] = measure_row(number, plan)
        say(f"  {time.perf_counter() - started:.0f} s")
    curves = [curve for row in measured.values() for curve in row.curves]
    plot = None
    if out is not None and curves:
        image = draw(curves, out.parent / "images")
        plot = os.path.relpath(image, out.parent)
    page = write_page(
        measured,
        minutes=(time.perf_counter() - began) / 60,
        load=load,
        plot=plot,
        smoke=arguments.smoke,
    )
    if out is None:
        print(page)
    else:
        out.write_text(page, encoding="utf-8")
        say(f"wrote {out}")
    crashed = [str(number) for number, row in measured.items() if row.crashed]
    if crashed:
        sys.exit(f"Not measured: {', '.join(crashed)}. What went wrong is said above.")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", type=_rows, help="such as 1,2,5; all by default")
    parser.add_argument(
        "--out",
        type=Path,
        help=f"the page to write; {_PAGE} for all rows, else it is printed",
    )
    parser.add_argument("--budget-minutes", type=float, default=_MINUTES)
    parser.add_argument("--smoke", action="store_true", help="tiny sizes: does it work?")
    return parser.parse_args()


def _rows(text: str) -> list[int]:
    numbers = sorted({int(part) for part in text.split(",")})
    unknown = [number for number in numbers if number not in ROWS]
    if unknown:
        raise argparse.ArgumentTypeError(f"rows are 1 to {max(ROWS)}, not {unknown}")
    return numbers


if __name__ == "__main__":
    main()
