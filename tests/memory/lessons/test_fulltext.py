from __future__ import annotations

from pathlib import Path

from reflexa.lessons import RecallQuery
from reflexa.memory.database import Database
from reflexa.memory.lessons.fulltext import BLOCK, BLOCKS, Sample, find
from reflexa.memory.lessons.words import Pruned
from reflexa.memory.location import locate
from reflexa.memory.store import Store
from tests.memory.lesson_support import a_lesson


def opened(url: str) -> Database:
    return Database(locate(url), lock_timeout=10.0)


def seqs(url: str, pruned: Pruned, n: int = 10) -> int:
    database = opened(url)
    query = RecallQuery(text="unused", suite="sums")
    found = database.read(lambda connection: find(connection, pruned, query, n))
    database.close()
    return len(found)


def test_any_of_some_words_or_all_of_others(url: str) -> None:
    texts = ("alpha only", "beta only", "beta with gamma", "delta", "gamma delta")
    with Store.open(url) as store:
        store.add_lessons([a_lesson(number, text=text) for number, text in enumerate(texts)])
    assert seqs(url, Pruned(("alpha", "delta"))) == 3
    assert seqs(url, Pruned((), ("beta", "gamma"))) == 1
    assert seqs(url, Pruned(("alpha",), ("beta", "gamma"))) == 2
    assert seqs(url, Pruned(("alpha", "delta")), n=2) == 2
    assert seqs(url, Pruned(("epsilon",))) == 0


def test_the_sample_is_everything_while_lessons_are_few_and_is_taken_anew_as_they_grow(tmp_path: Path) -> None:
    database, sample = opened(str(tmp_path / "a.db")), Sample()
    with Store.open(tmp_path / "a.db") as store:
        assert database.read(sample.frequencies).sampled == 0
        store.add_lessons([a_lesson(number, text=f"word{number} often") for number in range(2 * BLOCK)])
        first = database.read(sample.frequencies)
        store.add_lessons([a_lesson(number, text="other") for number in range(2 * BLOCK, 3 * BLOCK)])
        assert database.read(sample.frequencies) is first
        store.add_lessons([a_lesson(number, text="other") for number in range(3 * BLOCK, 4 * BLOCK)])
        grown = database.read(sample.frequencies)
    database.close()
    assert (first.rows("often"), first.rows("word3"), first.rows("never")) == (2 * BLOCK, 1, 0)
    assert (grown.sampled, grown.lessons, grown.rows("other")) == (4 * BLOCK, 4 * BLOCK, 2 * BLOCK)


def test_many_lessons_are_sampled_evenly(tmp_path: Path) -> None:
    many = BLOCKS * BLOCK + 2000
    with Store.open(tmp_path / "a.db") as store:
        store.add_lessons([a_lesson(n, text="early" if n < many / 2 else "late", sources=()) for n in range(many)])
    database = opened(str(tmp_path / "a.db"))
    found = database.read(Sample().frequencies)
    database.close()
    assert found.sampled <= BLOCKS * BLOCK
    assert abs(found.rows("early") - many / 2) < many / 20
