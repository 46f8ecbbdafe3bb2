"""YAML that others wrote, read strictly: plain values, each key once, and no larger than it is.

YAML lets a text of ten lines stand for billions of values (an alias of aliases of aliases) or
for a value inside itself; a later key silently takes the place of an earlier one. None of this
is ever meant in settings.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final

import yaml

__all__ = ["parse_yaml"]

_LONGEST: Final = 1 << 20  # letters
_LONGEST_NUMBER: Final = 40  # letters; 128 bits have 39 digits
_MERGE: Final = "tag:yaml.org,2002:merge"
_NUMBERS: Final = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_MOST: Final = 100_000  # values, once all aliases are written out
_ODD: Final = (ValueError, OverflowError, LookupError, AttributeError, TypeError)


def parse_yaml(text: str) -> Any:
    """The plain values of a text in YAML.

    Args:
        text: One document.

    Raises:
        yaml.YAMLError: It is not YAML, holds anything but plain values or a number of more
            than 40 letters, names a key twice, or is too long, too deep or too large once its
            aliases are written out.
    """
    if len(text) > _LONGEST:
        raise yaml.YAMLError(f"{len(text):,} letters are more than settings need")
    try:
        return yaml.load(text, _Strict)  # noqa: S506, TID251 - the one place that may
    except RecursionError:
        raise yaml.YAMLError("it is nested too deeply") from None
    except _ODD as error:  # the 31st of February, or a tag on what it cannot mean (!!int "")
        raise yaml.YAMLError(f"it holds a value that cannot be: {error}") from error


class _Strict(yaml.SafeLoader):
    """Refuses what is no plain settings."""

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None:
            _written_out(node, {}, set())
        return node

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        written = super().construct_scalar(node)
        # Such a number takes long to make (1:1:1... is of base 60), and cannot be printed.
        if node.tag in _NUMBERS and len(written) > _LONGEST_NUMBER:
            raise yaml.constructor.ConstructorError(
                None, None, f"a number of {len(written):,} letters", node.start_mark
            )
        return written

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            if key_node.tag == _MERGE:  # stands for other keys, which come first
                continue
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            if isinstance(key, Hashable):
                seen.add(key)
        return super().construct_mapping(node, deep)


def _written_out(node: yaml.Node, known: dict[int, int], above: set[int]) -> int:
    """How many values a node stands for, each alias counted as what it stands for."""
    if id(node) in above:
        raise yaml.composer.ComposerError(None, None, "it holds itself", node.start_mark)
    if id(node) not in known:
        above.add(id(node))
        inner: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            inner = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            inner = node.value
        known[id(node)] = 1 + sum(_written_out(part, known, above) for part in inner)
        above.remove(id(node))
    if known[id(node)] > _MOST:
        raise yaml.composer.ComposerError(
            None, None, f"it stands for more than {_MOST:,} values", node.start_mark
        )
    return known[id(node)]
