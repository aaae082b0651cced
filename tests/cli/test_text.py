from __future__ import annotations

import random
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reflexa.cli.text import aligned, count, dollars, indented, one_line, plural, printable, seconds

HOSTILE = (
    "\x1b[2J\x1b[H",
    "\x1b]0;title\x07",
    "\x1b]52;c;Y2F0Cg==\x07",
    "\x9b31m",
    "\x90+q\x9c",
    "\r\x08\x08overwritten",
    "\u202egnp.exe",
    "\u2066\u2069\u200b\ufeff",
    "\U000e0041\U000e0042",
    "\ud800\udfff",
    "\x00\x7f\x85\u2028\u2029",
)


def test_plain_text_stays_as_it_is() -> None:
    for text in ("def f(x):\n\treturn x  # ✓ ünïcode 漢字 🎉\n", "می\u200cخواهم", ""):
        assert printable(text) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_terminal_would_act_upon_is_escaped(text: str) -> None:
    assert _is_inert(printable(text))
    assert _is_inert(one_line(text))


def test_escapes_are_shown_as_python_writes_them() -> None:
    assert printable("\x1b[31mred\x7f\x9b\u202e\ud800\U000e0041") == r"\x1b[31mred\x7f\x9b\u202e\ud800\U000e0041"


def test_ten_thousand_random_strings_are_inert_and_none_breaks_it() -> None:
    chosen = random.Random(20)
    pool = [*HOSTILE, "a", "\n", "\t", "漢", "\U0001f389"]
    for _ in range(10_000):
        pieces = [
            chosen.choice(pool) if chosen.random() < 0.3 else chr(chosen.randrange(0x110000))
            for _ in range(chosen.randrange(12))
        ]
        shown = printable("".join(pieces))
        assert _is_inert(shown)
        shown.encode("utf-8")


@given(st.text(st.characters(codec=None), max_size=60))
def test_one_line_is_one_line_of_at_most_the_width(text: str) -> None:
    line = one_line(text, 20)
    assert len(line) <= 20
    assert len(line.splitlines()) <= 1


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert aligned([("a", "n"), ("long", "10")], right=(1,)) == "a      n\nlong  10"


def test_indented_moves_every_line() -> None:
    assert indented("a\n\n  b\x1b", 2) == "  a\n\n    b\\x1b"


def test_numbers_for_people() -> None:
    assert [count(n) for n in (0, 999, 48_200, 3_100_000)] == ["0", "999", "48.2k", "3.1M"]
    assert [seconds(s) for s in (0.44, 9.96, 42, 102, 7380)] == ["0.4s", "10.0s", "42s", "1m42s", "2h03m"]
    assert [dollars(cost) for cost in (None, 0.0, 0.03, 12.5, 0.00012)] == [
        "price unknown",
        "$0.00",
        "$0.03",
        "$12.50",
        "$0.00012",
    ]
    assert (plural(1, "task"), plural(2000, "task")) == ("1 task", "2,000 tasks")


def _is_inert(text: str) -> bool:
    return all(
        character in "\n\t\u200c\u200d" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
        for character in text
    )
