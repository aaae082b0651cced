"""Text of untrusted programs becomes inert and bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reflexa.sandbox.text import plain


@given(st.text(st.characters()), st.integers(4, 50))
def test_always_bounded_and_inert(text: str, limit: int) -> None:
    cleaned = plain(text, limit)
    assert len(cleaned.encode()) <= limit
    assert all(character in "\n\t" or character.isprintable() for character in cleaned)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain é ✓\n\tx", "plain é ✓\n\tx"),
        ("\x1b[2J\x00\x07", "\\x1b[2J\\x00\\x07"),
        ("\udcff\u202e\u2028", "\\udcff\\u202e\\u2028"),
        ("x" * 101, "x" * 97 + "..."),
        ("é" * 60, "é" * 48 + "..."),
    ],
)
def test_examples(text: str, cleaned: str) -> None:
    assert plain(text, 100) == cleaned
