"""Texts in messages and tables read as a person would write them, and do nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextslice.wording import no_formula


@given(st.text("=+-@\t\r\n '\uff1d\uff0b\uff0d\uff20aB1()"))
def test_no_text_begins_a_formula(text: str) -> None:
    told = no_formula(text)
    assert told in {text, f"'{text}"}
    assert not told.lstrip(" ").startswith(tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"))


@pytest.mark.parametrize("text", ["", "case_012", "a=b", "kidney - left", "'quoted", "3.5"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert no_formula(text) == text
