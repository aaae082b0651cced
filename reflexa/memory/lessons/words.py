"""Words of lessons and queries: how common each is, which of a query are worth looking up, and BM25 of what was found.

A query may be a whole task. To look up every word of it would read most lessons: of a million, in a second. The
commonest words say least, so a query is pruned to its rarest ones, as many as a budget of rows allows. That is
another ranking than BM25 over all words: it finds what shares rare words, and misses what shares common ones alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log

MOST_WORDS = 64
FEW_WORDS = 3
"""Where fewer words than these are rare enough, the next ``TOGETHER`` are looked up too: where all stand together."""
TOGETHER = 4
LONGEST_WORD = 64
_WORD = re.compile(r"[^\W_]+")
_SATURATION, _LENGTH_WEIGHT = 1.2, 0.75
"""BM25's k1 and b, as SQLite has them."""


@dataclass(frozen=True)
class Frequencies:
    """How common words are, by a sample: in ``counts[word]`` of ``sampled`` lessons of the ``lessons`` there are."""

    lessons: int
    sampled: int
    counts: Mapping[str, int]
    mean_words: float

    @classmethod
    def of(cls, texts: Sequence[str], lessons: int) -> Frequencies:
        counts: Counter[str] = Counter()
        total = 0
        for text in texts:
            found = words(text)
            total += len(found)
            counts.update(set(found))
        return cls(lessons, len(texts), counts, total / len(texts) if texts else 0.0)

    def rows(self, word: str) -> float:
        """In how many lessons the word stands, about: one that the sample does not have counts as half a find."""
        count = self.counts.get(word, 0.0 if self.sampled >= self.lessons else 0.5)
        return count * self.lessons / max(1, self.sampled)

    def weight(self, word: str) -> float:
        """BM25's inverse document frequency, above 0 for the commonest word too."""
        rows = min(self.rows(word), self.lessons)
        return log(1 + (self.lessons - rows + 0.5) / (rows + 0.5))


@dataclass(frozen=True)
class Pruned:
    """What is looked up: lessons with any word of ``any_of``, or with all words of ``all_of``."""

    any_of: tuple[str, ...]
    all_of: tuple[str, ...] = ()


def words(text: str) -> list[str]:
    """The words of a text in its order, in lower case: runs of letters and digits. Absurdly long ones are left out."""
    return [word for word in _WORD.findall(text.lower()) if len(word) <= LONGEST_WORD]


def prune(wanted: Iterable[str], frequencies: Frequencies, most_rows: int) -> Pruned | None:
    """The words worth looking up, the rarest first; None where there are no words at all.

    About ``most_rows`` lessons hold one of them: what a recall costs at most.
    """
    ordered = sorted(set(wanted), key=lambda word: (frequencies.rows(word), -len(word), word))
    if not ordered:
        return None
    taken, rows = 0, 0.0
    for word in ordered[:MOST_WORDS]:
        rows += frequencies.rows(word)
        if rows > most_rows:
            break
        taken += 1
    rest = ordered[taken:] if taken < FEW_WORDS else []
    return Pruned(tuple(ordered[:taken]), tuple(rest[:TOGETHER]))


@dataclass(frozen=True)
class Wanted:
    """A query's words with their weights, to score texts by BM25 (Robertson and Zaragoza 2009)."""

    weights: Mapping[str, float]
    mean_words: float

    @classmethod
    def of(cls, wanted: Iterable[str], frequencies: Frequencies) -> Wanted:
        weights = {word: frequencies.weight(word) for word in sorted(set(wanted))}
        return cls(weights, frequencies.mean_words or 1.0)

    def score(self, text: str) -> float:
        """BM25 of a text for all words of the query, those that were not looked up among them."""
        found = words(text)
        counts = Counter(word for word in found if word in self.weights)
        length = _SATURATION * (1 - _LENGTH_WEIGHT + _LENGTH_WEIGHT * len(found) / self.mean_words)
        return sum(self.weights[word] * n * (_SATURATION + 1) / (n + length) for word, n in counts.items())


def similarity(first: str, second: str) -> float:
    """The share of words that two texts have in common (Jaccard's index), in [0, 1]."""
    ours, theirs = set(words(first)), set(words(second))
    return len(ours & theirs) / len(ours | theirs) if ours and theirs else float(first.strip() == second.strip())
