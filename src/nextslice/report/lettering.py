"""Text in figures: letters the font has, in lines that fit their place."""

from __future__ import annotations

import re
import textwrap
from functools import cache
from typing import Final

from matplotlib.font_manager import FontProperties, findfont, get_font

from nextslice.report.names import shortened
from nextslice.report.tables import plain_text

__all__ = ["LINE", "SMALL", "fitted", "is_long", "label_text", "text_width"]

SMALL: Final = 8.0
"""Letters of labels, in points."""

LINE: Final = 1.25
"""Height of a line of text, in sizes of its letters."""

_LONGEST = 240
_SHORT = 34  # "learning loss + stochastic batches"


def is_long(name: str) -> bool:
    """Whether a name is longer than what the paper's strategies are called."""
    return len(name) > _SHORT


def label_text(name: str, width: int = 24, points: float = 134) -> str:
    """A strategy's name in short lines, broken where its parts are joined.

    Args:
        name: Any text; one that is beyond all measure ends in a fingerprint.
        width: Of a line, in letters.
        points: Of a line, in letters of 8 points.
    """
    text = _drawable(name)
    parts = [text] if len(text) <= width else re.sub(r" (?=\+ |[(\[])", "\n", text).split("\n")
    lines = [line for part in parts for line in textwrap.wrap(part, width)]
    return "\n".join(fitted(line, points) for line in lines)


def fitted(text: str, points: float, size: float = SMALL) -> str:
    """Text in lines no wider than `points`, broken between words where there are any."""
    lines: list[str] = []
    line = ""
    for whole in _drawable(text).split():
        word = whole
        joined = f"{line} {word}" if line else word
        if text_width(joined, size) <= points:
            line = joined
            continue
        if line:
            lines.append(line)
        while text_width(word, size) > points and len(word) > 1:
            kept = next(
                n
                for n in range(len(word) - 1, 0, -1)
                if n == 1 or text_width(word[:n], size) <= points
            )
            lines.append(word[:kept])
            word = word[kept:]
        line = word
    return "\n".join([*lines, line])


def text_width(text: str, size: float = SMALL) -> float:
    """How wide a line of text is, in points."""
    return sum(map(_advance, _drawable(text))) * size


@cache
def _advance(letter: str) -> float:
    """The width of a letter, in sizes."""
    font = get_font(findfont(FontProperties()))
    font.set_size(100, 72)
    return float(font.load_char(ord(letter)).linearHoriAdvance) / 65536 / 100


@cache
def _known(letter: str) -> bool:
    return bool(get_font(findfont(FontProperties())).get_char_index(ord(letter)))


def _drawable(text: str) -> str:
    """Text whose letters the font has; matplotlib warns about every other one."""
    shown = shortened(plain_text(text), _LONGEST)
    return "".join(
        letter if _known(letter) else "\N{REPLACEMENT CHARACTER}" for letter in shown
    )
