"""Lessons of invented words with Zipf's frequencies, and the queries that are drawn from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reflexa.lessons import Lesson

WORDS = 40
VOCABULARY = 50_000
QUERY_WORDS = 8
TASK_WORDS = 120
AT_ONCE = 10_000
_SYLLABLES = [f"{first}{vowel}" for first in "bdfgklmnprstvz" for vowel in ("a", "e", "i", "o", "u")]


@dataclass(frozen=True)
class Question:
    """A query, and the id of the lesson that its words were drawn from."""

    text: str
    lesson: str


class Language:
    """Words by rank: the word of rank r is r times rarer than the first (Zipf's law with exponent 1)."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        weights = 1 / np.arange(1, VOCABULARY + 1)
        self._cumulative = np.cumsum(weights / weights.sum())
        self._words = np.array([_word(rank) for rank in range(VOCABULARY)])

    def lessons(self, count: int, suite: str = "bench") -> Iterator[list[Lesson]]:
        """Lessons of about 40 words, by the ten thousand."""
        for start in range(0, count, AT_ONCE):
            texts = self._texts(start, min(AT_ONCE, count - start))
            yield [
                Lesson(id=f"l{start + idx:08}", text=text, suite=suite, created=float(start + idx))
                for idx, text in enumerate(texts)
            ]

    def questions(self, lessons: int, count: int, words: int = QUERY_WORDS) -> list[Question]:
        """Queries of 8 words drawn from a lesson, and any further words from the language."""
        rng = np.random.default_rng((self._seed, lessons, count))
        questions: list[Question] = []
        start, texts = -1, []
        for number in sorted(rng.choice(lessons, size=count, replace=False)):
            if int(number) // AT_ONCE * AT_ONCE != start:
                start = int(number) // AT_ONCE * AT_ONCE
                texts = self._texts(start, min(AT_ONCE, lessons - start))
            drawn = rng.choice(texts[int(number) - start].split(), size=QUERY_WORDS, replace=False).tolist()
            further = self._words[self._ranks(rng, words - QUERY_WORDS)].tolist()
            questions.append(Question(" ".join(drawn + further), f"l{int(number):08}"))
        return questions

    def _texts(self, start: int, count: int) -> list[str]:
        rng = np.random.default_rng((self._seed, start))
        lengths = rng.integers(WORDS - 10, WORDS + 11, size=AT_ONCE)[:count]
        ranks = self._ranks(rng, AT_ONCE * (WORDS + 10)).reshape(AT_ONCE, -1)
        return [" ".join(self._words[row[:length]]) for row, length in zip(ranks, lengths, strict=False)]

    def _ranks(self, rng: np.random.Generator, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.searchsorted(self._cumulative, rng.random(count))


def _word(rank: int) -> str:
    """A word of its own for each rank, longer for the rarer: its number written in syllables."""
    number, word = rank, ""
    while True:
        number, digit = divmod(number, len(_SYLLABLES))
        word += _SYLLABLES[digit]
        if not number:
            return word
