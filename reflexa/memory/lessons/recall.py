"""Which lessons a task is shown: relevance, by reciprocal rank, times what each has earned, within a budget of tokens.

Only active lessons are found, and none that the firewall between splits keeps apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import ceil
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from reflexa.lessons import TEST_SPLITS, Recalled, RecallQuery
from reflexa.memory.lessons import fulltext
from reflexa.memory.lessons.fulltext import Sample
from reflexa.memory.lessons.schema import lesson_sources, lessons
from reflexa.memory.lessons.table import decode, trials
from reflexa.memory.lessons.utility import utility
from reflexa.memory.lessons.words import Frequencies, Wanted, prune, similarity, words

POOL = 30
"""Lessons that each way of searching hands on, where more are not asked for."""
NEAR = 500
"""Lessons that are taken by their vectors, before those are left out that may not be recalled."""
CHARACTERS_PER_TOKEN = 4
ALIKE = 0.8
"""From which similarity on two lessons are one: the better placed stays."""
_RANK_OFFSET = 60
"""Of reciprocal rank fusion (Cormack, Clarke and Buettcher 2009)."""


class Rated(NamedTuple):
    """A row of the table ``lessons``, and what speaks for it."""

    row: Row[Any]
    relevance: float
    utility: float

    @property
    def score(self) -> float:
        return self.relevance * self.utility


def recall(connection: Connection, query: RecallQuery, sample: Sample, near: Sequence[int] = ()) -> list[Recalled]:
    """The lessons to show, the best first. ``near`` are lessons by their vectors, the nearest first."""
    pool = max(POOL, 4 * query.k)
    frequencies = sample.frequencies(connection)
    pruned = prune(words(query.text), frequencies, fulltext.most_rows(connection))
    places = fulltext.find(connection, pruned, query, pool) if pruned else []
    by_vector = fulltext.allowed(connection, near, query)[:pool] if near else []
    found = {row.seq: row for row in _rows(connection, {*places, *by_vector})}
    relevance = fuse([_by_words(places, found, query.text, frequencies), by_vector])
    shut_out = _own(connection, found.values(), query)
    worth = trials(connection, [row.id for row in found.values()])
    rated = [Rated(row, relevance[seq], utility(worth[row.id])) for seq, row in found.items() if row.id not in shut_out]
    return _recalled(connection, _choose(sorted(rated, key=lambda each: -each.score), query))


def fuse(rankings: Iterable[Sequence[int]]) -> dict[int, float]:
    """Reciprocal rank fusion: what several rankings, each with the best first, say together."""
    scores: defaultdict[int, float] = defaultdict(float)
    for ranking in rankings:
        for rank, name in enumerate(ranking, 1):
            scores[name] += 1 / (_RANK_OFFSET + rank)
    return scores


def _rows(connection: Connection, places: Iterable[int]) -> Sequence[Row[Any]]:
    return connection.execute(select(lessons).where(lessons.c.seq.in_(sorted(places))).order_by(lessons.c.seq)).all()


def _by_words(places: Sequence[int], found: dict[int, Row[Any]], text: str, frequencies: Frequencies) -> list[int]:
    """The places in the order of BM25 over all of the query's words: the database ranked by those looked up alone."""
    wanted = Wanted.of(words(text), frequencies)
    scores = {seq: wanted.score(found[seq].text) for seq in places}
    return sorted(scores, key=lambda seq: (-scores[seq], seq))


def _own(connection: Connection, rows: Iterable[Row[Any]], query: RecallQuery) -> set[str]:
    """The lessons that came from the very task they are to be recalled for, where it or they are of a test split.

    The database has looked at all else that keeps a lesson from being recalled.
    """
    held_out = query.split in TEST_SPLITS
    ids = [row.id for row in rows if held_out or row.split in TEST_SPLITS]
    ours = select(lesson_sources.c.lesson_id).where(lesson_sources.c.task_id == query.task_id)
    return set(connection.execute(ours.where(lesson_sources.c.lesson_id.in_(ids))).scalars()) if ids else set()


def _choose(rated: Iterable[Rated], query: RecallQuery) -> list[Rated]:
    """The first ones that fit into the budget and do not say what another has said."""
    taken: list[Rated] = []
    left = query.tokens
    for each in rated:
        cost = ceil(len(each.row.text) / CHARACTERS_PER_TOKEN)
        if cost > left or any(similarity(each.row.text, other.row.text) >= ALIKE for other in taken):
            continue
        taken.append(each)
        left -= cost
        if len(taken) == query.k:
            break
    return taken


def _recalled(connection: Connection, chosen: Sequence[Rated]) -> list[Recalled]:
    decoded = decode(connection, [each.row for each in chosen])
    return [
        Recalled(lesson=lesson, relevance=each.relevance, utility=each.utility, score=each.score)
        for lesson, each in zip(decoded, chosen, strict=True)
    ]
