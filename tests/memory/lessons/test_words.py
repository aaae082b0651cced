from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reflexa.memory.lessons.words import (
    LONGEST_WORD,
    MOST_WORDS,
    TOGETHER,
    Frequencies,
    Wanted,
    prune,
    similarity,
    words,
)

ROWS = 5000
TEXTS = ["sort the list", "check the empty list", "the sum of the list", "count the letters"]


def frequencies(lessons: int = 4, texts: list[str] = TEXTS) -> Frequencies:
    return Frequencies.of(texts, lessons)


def test_words_are_runs_of_letters_and_digits_in_lower_case() -> None:
    found = words("Sort user_ids, don't; e\u0301té 3.5 \x00 \ud800")
    assert found == ["sort", "user", "ids", "don", "t", "e", "té", "3", "5"]
    assert words("x" * LONGEST_WORD + " " + "y" * (LONGEST_WORD + 1)) == ["x" * LONGEST_WORD]


def test_how_common_words_are() -> None:
    found = frequencies()
    assert (found.lessons, found.sampled, found.mean_words) == (4, 4, 3.75)
    assert (found.rows("the"), found.rows("sort"), found.rows("unknown")) == (4, 1, 0)
    sampled = frequencies(lessons=4000)
    assert (sampled.rows("the"), sampled.rows("sort"), sampled.rows("unknown")) == (4000, 1000, 500)
    assert sampled.weight("unknown") > sampled.weight("sort") > sampled.weight("the") > 0


def test_a_small_memory_is_asked_for_every_word() -> None:
    pruned = prune(words("The list: sort it, sort it!"), frequencies(), ROWS)
    assert pruned is not None
    assert set(pruned.any_of) == {"the", "list", "sort", "it"}
    assert pruned.all_of == ()


def test_nothing_is_looked_up_without_words() -> None:
    assert prune(words("?!… \x00"), frequencies(), ROWS) is None


def test_common_words_are_left_out_and_then_asked_for_together() -> None:
    texts = [f"alpha beta gamma delta epsilon {number}" for number in range(50)] + ["alpha rare"] * 2
    common = Frequencies.of(texts, 1_000_000)
    pruned = prune(["alpha", "beta", "gamma", "delta", "epsilon", "never"], common, ROWS)
    assert pruned is not None
    assert pruned.any_of == ()
    assert len(pruned.all_of) == TOGETHER
    assert "alpha" not in pruned.all_of


@given(st.lists(st.text("abc", min_size=1, max_size=2), min_size=1, max_size=200), st.integers(1, 10**6))
def test_what_is_looked_up_stays_within_the_budget(wanted: list[str], lessons: int) -> None:
    found = Frequencies.of(["a b c ab bc", "a b", "a"], lessons)
    pruned = prune(wanted, found, ROWS)
    assert pruned is not None
    assert sum(found.rows(word) for word in pruned.any_of) <= ROWS
    assert len(pruned.any_of) <= MOST_WORDS
    assert pruned.any_of or pruned.all_of
    assert set(pruned.any_of) | set(pruned.all_of) <= set(wanted)


def test_bm25_against_a_number_worked_out_by_hand() -> None:
    found = frequencies()
    weight = math.log(1 + (4 - 1 + 0.5) / (1 + 0.5))  # sort stands in 1 of 4 lessons
    expected = weight * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 4 / 3.75))
    assert Wanted.of(["sort", "absent"], found).score("sort, then sort again") == pytest.approx(expected)
    assert Wanted.of(["absent"], found).score("sort") == 0.0


def test_the_rarer_word_weighs_more() -> None:
    wanted = Wanted.of(["the", "sort"], frequencies())
    assert wanted.score("sort a") > wanted.score("the a") > 0


def test_similarity_is_the_share_of_common_words() -> None:
    assert similarity("Check the input.", "check THE input!") == 1.0
    assert similarity("a b c", "b c d") == 0.5
    assert similarity("a", "b") == 0.0
    assert similarity("?!", "?! ") == 1.0
    assert similarity("?!", "a") == 0.0
