"""What a row finds out: numbers side by side, a target, and whether it is met."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from benchmarks.measure import Timings

__all__ = [
    "NOT_MEASURED",
    "Count",
    "Curve",
    "Measured",
    "Plan",
    "Result",
    "Target",
    "compare",
    "not_measured",
    "quantity",
    "seconds_text",
]


NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Plan:
    """How long a row may take, and whether this is only to see that it works."""

    seconds: float
    smoke: bool = False


@dataclass(frozen=True)
class Target:
    """A bound on a ratio; the ratio's direction is part of it.

    Attributes:
        bound: The number.
        kind: "faster" is the peer's time by ours, at least the bound; "time" is our time by
            the peer's, at most the bound; "at most" and "at least" are any other number.
    """

    bound: float
    kind: Literal["faster", "time", "at most", "at least"]

    def __str__(self) -> str:
        return {
            "faster": f"≥ {self.bound:g}× as fast",
            "time": f"≤ {self.bound:g}× the time",
            "at most": f"≤ {self.bound:g}",
            "at least": f"≥ {self.bound:g}",
        }[self.kind]

    def met(self, value: float) -> bool:
        upwards = self.kind in {"faster", "at least"}
        return value >= self.bound if upwards else value <= self.bound

    def distance(self, value: float) -> str:
        """By how much `value` misses the bound."""
        short = value < self.bound
        share = abs(value - self.bound) / self.bound
        return f"{share:.0%} {'below' if short else 'above'} the bound of {self.bound:g}"


@dataclass(frozen=True)
class Result:
    """One line of the table.

    Attributes:
        row: The number of the work in the list of works.
        work: What was done, and on how much.
        ours: Our number with its unit.
        peer: The peer's number with its unit.
        peer_name: Side by side with what.
        ratio: The median with its spread, in the direction of the target.
        target: The target in words; empty where the line is for comparison only.
        met: Whether the median meets it; None without a target or a measurement.
        rounds: How many rounds the ratio is the median of; 0 where nothing was measured.
        unmeasured: How many targets got no verdict for want of a measurement.
        note: What a reader has to know to read the line rightly.
        missed: By how much, where it is missed.
        reason: Why, where it is missed.
        profile: Where the time went, where it is missed.
    """

    row: int
    work: str
    ours: str
    peer: str
    peer_name: str
    ratio: str
    target: str = ""
    met: bool | None = None
    rounds: int = 1
    unmeasured: int = 0
    note: str = ""
    missed: str = ""
    reason: str = ""
    profile: str = ""


@dataclass(frozen=True)
class Curve:
    """Time against the size of the pool."""

    name: str
    points: list[tuple[int, float]]


@dataclass(frozen=True)
class Measured:
    """All that a row found out; `crashed` where it came to no end."""

    results: list[Result]
    curves: list[Curve] = field(default_factory=list)
    crashed: bool = False

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Measured:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            [Result(**result) for result in raw["results"]],
            [
                Curve(c["name"], [(int(n), float(s)) for n, s in c["points"]])
                for c in raw["curves"]
            ],
            raw["crashed"],
        )


@dataclass(frozen=True)
class Count:
    """How many targets there are, and what became of them."""

    met: int
    missed: int
    unmeasured: int

    @classmethod
    def of(cls, results: Iterable[Result]) -> Count:
        lines = list(results)
        return cls(
            sum(line.met is True for line in lines),
            sum(line.met is False for line in lines),
            sum(line.unmeasured for line in lines),
        )

    def __str__(self) -> str:
        together = self.met + self.missed + self.unmeasured
        absent = (
            f" {self.unmeasured} could not be measured and count as not met; the notes say why."
            if self.unmeasured
            else ""
        )
        return f"{self.met} of {together} targets are met.{absent}"


def compare(
    row: int,
    work: str,
    timings: Timings,
    peer: str,
    *,
    peer_name: str,
    target: Target | None = None,
    per: tuple[int, str] = (1, ""),
    ours: str = "ours",
    note: str = "",
    reason: str = "",
    profile: Callable[[], str] | None = None,
) -> Result:
    """A line from paired times.

    Args:
        row: The number of the work.
        work: What was done.
        timings: The times of both.
        peer: The peer's name in `timings`.
        peer_name: Its name in the table.
        target: What the ratio is held against.
        per: Divide the shown times by the first, and name the second: (1000, "/slice").
        ours: Our name in `timings`.
        note: See :class:`Result`.
        reason: Why the target is missed, if it is.
        profile: Called only where the target is missed.
    """
    slower = target is not None and target.kind == "time"
    ratio = timings.ratio(ours, peer) if slower else timings.ratio(peer, ours)
    met = None if target is None else target.met(ratio.median)
    count, unit = per
    return Result(
        row=row,
        work=work,
        ours=seconds_text(timings.median(ours) / count) + unit,
        peer=seconds_text(timings.median(peer) / count) + unit,
        peer_name=peer_name,
        ratio=f"{ratio} × {'the time' if slower else 'as fast'}",
        target="" if target is None else str(target),
        met=met,
        rounds=timings.rounds,
        note=note,
        missed=target.distance(ratio.median) if target is not None and met is False else "",
        reason=reason if met is False else "",
        profile=profile() if profile is not None and met is False else "",
    )


def quantity(
    row: int,
    work: str,
    value: float,
    target: Target | None = None,
    *,
    ours: str,
    peer: str = "–",
    peer_name: str = "–",
    unit: str = "",
    digits: int = 3,
    note: str = "",
    reason: str = "",
) -> Result:
    """A line about something else than a pair of times: bytes, shares, growth, ranks."""
    met = None if target is None else target.met(value)
    return Result(
        row=row,
        work=work,
        ours=ours,
        peer=peer,
        peer_name=peer_name,
        ratio=f"{value:.{digits}g}",
        target="" if target is None else f"{target}{unit}",
        met=met,
        note=note,
        missed=target.distance(value) if target is not None and met is False else "",
        reason=reason if met is False else "",
    )


def not_measured(
    row: int,
    work: str,
    why: str,
    *,
    peer_name: str = "–",
    target: Target | None = None,
    targets: int | None = None,
) -> Result:
    """A line that says why there is no number.

    Args:
        row: The number of the work.
        work: What was to be done.
        why: Why it was not.
        peer_name: Side by side with what it was to be.
        target: What would have been judged.
        targets: How many targets go without a verdict, where the line stands for several.
    """
    return Result(
        row=row,
        work=work,
        ours="–",
        peer="–",
        peer_name=peer_name,
        ratio=NOT_MEASURED,
        target="" if target is None else str(target),
        rounds=0,
        unmeasured=int(target is not None) if targets is None else targets,
        note=f"not measured: {why}",
    )


def seconds_text(seconds: float) -> str:
    """A time with three digits and a unit that suits it."""
    for factor, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "µs")):
        if seconds * factor >= 1 or unit == "µs":
            return f"{seconds * factor:.3g} {unit}"
    raise AssertionError
