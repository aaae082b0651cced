"""Which lessons a task is shown: relevance, by reciprocal rank, times what each has earned, within a budget of tokens.

Only active lessons are found, and none that the firewall between splits keeps apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import ceil

from sqlalchemy import Connection, select

from reflexa.lessons import TEST_SPLITS, Lesson, Recalled, RecallQuery
from reflexa.memory import fulltext
from reflexa.memory.fulltext import Sample
from reflexa.memory.lesson_schema import lessons
from reflexa.memory.lessons import decode, outcomes
from reflexa.memory.utility import utility
from reflexa.memory.words import Frequencies, bm25, prune, similarity, words

POOL = 50
"""Lessons that each way of searching hands on."""
CHARACTERS_PER_TOKEN = 4
ALIKE = 0.8
"""From which similarity on two lessons are one: the better placed stays."""
_RANK_OFFSET = 60
"""Of reciprocal rank fusion (Cormack, Clarke and Buettcher 2009)."""


def recall(connection: Connection, query: RecallQuery, sample: Sample) -> list[Recalled]:
    """The lessons to show, the best first."""
    frequencies = sample.frequencies(connection)
    found = _by_words(connection, query, frequencies)
    relevance = fuse([_ranked(found, query.text, frequencies)])
    candidates = [lesson for lesson in found if _may_be_shown(lesson, query)]
    worth = outcomes(connection, [lesson.id for lesson in candidates])
    rated = []
    for lesson in candidates:
        factor = utility(worth[lesson.id])
        relevant = relevance[lesson.id]
        rated.append(Recalled(lesson=lesson, relevance=relevant, utility=factor, score=relevant * factor))
    return _choose(sorted(rated, key=lambda each: -each.score), query)


def fuse(rankings: Iterable[Sequence[str]]) -> dict[str, float]:
    """Reciprocal rank fusion: what several rankings of ids, each with the best first, say together."""
    scores: defaultdict[str, float] = defaultdict(float)
    for ranking in rankings:
        for rank, name in enumerate(ranking, 1):
            scores[name] += 1 / (_RANK_OFFSET + rank)
    return scores


def _by_words(connection: Connection, query: RecallQuery, frequencies: Frequencies) -> list[Lesson]:
    pruned = prune(words(query.text), frequencies)
    places = fulltext.find(connection, pruned, query, max(POOL, 4 * query.k)) if pruned else []
    return decode(connection, connection.execute(select(lessons).where(lessons.c.seq.in_(places))).all())


def _ranked(found: Sequence[Lesson], text: str, frequencies: Frequencies) -> list[str]:
    """Ids in the order of BM25 over all of the query's words: the database ranked by those looked up alone."""
    wanted = set(words(text))
    scores = {lesson.id: bm25(wanted, lesson.text, frequencies) for lesson in found}
    return sorted(scores, key=lambda name: (-scores[name], name))


def _may_be_shown(lesson: Lesson, query: RecallQuery) -> bool:
    """Whether what a lesson came from may be seen by this task. The database has looked at status and split."""
    held_out = query.split in TEST_SPLITS or lesson.split in TEST_SPLITS
    return not (held_out and any(source.task == query.task_id for source in lesson.sources))


def _choose(rated: Iterable[Recalled], query: RecallQuery) -> list[Recalled]:
    """The first ones that fit into the budget and do not say what another has said."""
    taken: list[Recalled] = []
    left = query.tokens
    for each in rated:
        cost = ceil(len(each.lesson.text) / CHARACTERS_PER_TOKEN)
        if cost > left or any(similarity(each.lesson.text, other.lesson.text) >= ALIKE for other in taken):
            continue
        taken.append(each)
        left -= cost
        if len(taken) == query.k:
            break
    return taken
