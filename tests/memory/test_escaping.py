from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reflexa.memory.escaping import escape, unescape

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(ANY_TEXT)
def test_escaped_text_comes_back(text: str) -> None:
    assert unescape(escape(text)) == text


@given(ANY_TEXT)
def test_escaped_text_fits_every_database(text: str) -> None:
    escaped = escape(text)
    assert "\x00" not in escaped
    escaped.encode()


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00\x1a")))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert escape(text) is text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a\x00b", "a\x1a0000b"),
        ("\ud800", "\x1ad800"),
        ("\x1a0000", "\x1a001a0000"),
        ("\ud83d\ude00", "\x1ad83d\x1ade00"),
    ],
)
def test_worked_examples(text: str, escaped: str) -> None:
    assert escape(text) == escaped
    assert unescape(escaped) == text
