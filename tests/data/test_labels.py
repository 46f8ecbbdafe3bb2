"""Labels: values merge into classes as asked, and nothing else is accepted."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from nextslice.data.labels import (
    LabelMap,
    Labels,
    default_labels,
    found_labels,
    numbered_labels,
    parse_labels,
    tell_of_undeclared,
)
from nextslice.errors import SettingsError

DECLARED = {0: "background", 1: "PZ", 4: "CG"}


@pytest.mark.parametrize("name", ["mean", "background", "Background", "ignore"])
def test_a_class_cannot_be_called_as_what_is_none(name: str) -> None:
    with pytest.raises(SettingsError, match="name of its own"):
        numbered_labels(["organ", name])


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("gland=1,4", (("gland", (1, 4)),)),
        ("PZ=1;CG=4", (("PZ", (1,)), ("CG", (4,)))),
        (["CG = 4", "PZ=1"], (("CG", (4,)), ("PZ", (1,)))),
        ("the whole gland=1, 4;", (("the whole gland", (1, 4)),)),
        ({"gland": [1, 4]}, (("gland", (1, 4)),)),
        ({"PZ": 1, "CG": (np.int64(4),)}, (("PZ", (1,)), ("CG", (4,)))),
        (LabelMap((("CG", (4,)),)), (("CG", (4,)),)),
    ],
)
def test_texts_become_classes_in_their_order(
    text: Labels, classes: tuple[tuple[str, tuple[int, ...]], ...]
) -> None:
    assert parse_labels(text, DECLARED) == LabelMap(classes)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ("anterior, posterior", "anterior=1;posterior=2"),
        (["whole gland"], "whole gland=1"),
        ("anterior=3;posterior=4,5", "anterior=3;posterior=4,5"),
    ],
)
def test_names_alone_are_numbered_and_a_map_can_be_written_as_a_text(
    names: Labels, text: str
) -> None:
    assert isinstance(names, str | list)
    classes = numbered_labels(names)
    assert classes.text == text
    assert parse_labels(classes.text) == classes


@pytest.mark.parametrize(
    "names", ["", "a,,b", "a,a", "mean", ["a,b"], ["a;b"], ["a=1"], ["a\nb"], []]
)
def test_names_that_cannot_be_told_apart_are_settings_errors(names: str | list[str]) -> None:
    with pytest.raises(SettingsError):
        numbered_labels(names)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "gland",
            "gland=",
            "=1",
            "gland=x",
            "a=1;a=4",
            "a=1;b=1",
            "a=1,1",
            "a=0",
            "mean=1",
        ),
        "a=" + "1" * 5000,  # more digits than Python turns into a number
    ],
)
def test_texts_that_make_no_sense_are_settings_errors(text: str) -> None:
    with pytest.raises(SettingsError):
        parse_labels(text, DECLARED)


@pytest.mark.parametrize(
    "labels",
    [{}, {"a": [0.5]}, {"a": "1"}, {"a": []}, {"a": [1], "b": [1]}, {"a": None}, 5, [1, 2]],
)
def test_mappings_and_lists_that_make_no_sense_are_settings_errors(labels: Any) -> None:
    with pytest.raises(SettingsError):
        parse_labels(labels, DECLARED)


def test_undeclared_values_become_classes_and_that_is_said() -> None:
    assert found_labels([2, 0, 1]).classes == (("label 1", (1,)), ("label 2", (2,)))
    told = tell_of_undeclared([2, 0, 1])
    assert "no label values are declared; found 0, 1, 2: they become label 1, label 2" in told
    assert found_labels([]).names == found_labels([0]).names == ("label 1",)
    assert "found no label at all" in tell_of_undeclared([])


def test_an_unknown_value_lists_the_declared_ones() -> None:
    with pytest.raises(SettingsError, match=r"2 came") as caught:
        parse_labels("gland=1,2", DECLARED)
    with pytest.raises(SettingsError, match=r"2 came"):
        parse_labels({"gland": [1, 2]}, DECLARED)
    assert "1 (PZ), 4 (CG)" in str(caught.value)
    assert parse_labels("gland=1,2").names == ("gland",)


def test_values_become_class_numbers_and_the_rest_background() -> None:
    label = np.array([0, 1, 2, 4, 7], np.int16).reshape(5, 1, 1)
    assert parse_labels("b=7,2;a=4").apply(label).ravel().tolist() == [0, 0, 1, 2, 1]
    assert default_labels(DECLARED).apply(label).ravel().tolist() == [0, 1, 0, 2, 0]
    assert default_labels(DECLARED).apply(label.astype(np.float32)).dtype == np.uint8


def test_a_map_survives_json() -> None:
    labels = parse_labels("b=7,2;a=4")
    assert LabelMap.from_list(json.loads(json.dumps(labels.to_list()))) == labels
