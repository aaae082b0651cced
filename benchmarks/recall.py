"""Recall at scale: full text and vectors over invented lessons, on SQLite and on PostgreSQL.

    python benchmarks/recall.py [--sizes 10000 100000] [--million] [--databases sqlite postgres] [--no-vectors] [--json]

Lessons of about 40 words with Zipf's frequencies are added in batches, then asked for by 8 words drawn from one of them
(and by 120 words that hold these 8, as a task would): in how many milliseconds, by the clock and of this process's CPU,
and whether that lesson is among the first five. ``same`` is the share of SQLite's full BM25's first five among ours:
a pruned query is another ranking, not a free one. Vectors are wordllama's; their first ten are held against exact ones.
PostgreSQL is a server that this program starts, with its data in the temporary folder and forced to the disk.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.recall_support import TASK_WORDS, Language, Question
from reflexa.lessons import RecallQuery
from reflexa.memory.lessons.embedding import Embeddings
from reflexa.memory.store import Store
from reflexa.models.wordllama import WordLlamaEmbedder

FIRST = 5
QUERIES = 500
VECTOR_QUERIES = 100
COMPARED = 50
NEAREST = 10


@dataclass(frozen=True)
class Times:
    """Milliseconds of one query: the median and the 99th percentile by the clock, the median of our CPU."""

    p50: float
    p99: float
    cpu_p50: float


@dataclass(frozen=True)
class Report:
    """One database at one size. ``found`` and ``same`` are shares; sizes are in bytes, rates per second."""

    database: str
    lessons: int
    added_per_second: float
    bytes_per_lesson: float
    words: Times
    found: float
    same: float | None
    task: Times
    found_by_task: float
    embedded_per_second: float | None = None
    bytes_per_vector: float | None = None
    vectors: Times | None = None
    recall_at_10: float | None = None
    loading_seconds: float | None = None


def measure(database: str, url: str, lessons: int, with_vectors: bool) -> Report:
    language = Language()
    with Store.open(url) as store:
        empty = store.stats().bytes
        begun = time.perf_counter()
        for batch in language.lessons(lessons):
            store.add_lessons(batch)
        seconds = time.perf_counter() - begun
        size = store.stats().bytes - empty
        words, found, answers = asked(store, language.questions(lessons, QUERIES))
        task, found_by_task, _ = asked(store, language.questions(lessons, QUERIES // 2, TASK_WORDS))
        same = overlap(Path(url), answers[:COMPARED]) if database == "sqlite" else None
        report = Report(database, lessons, lessons / seconds, size / lessons, words, found, same, task, found_by_task)
        return measured_vectors(store, report, language) if with_vectors else report


def asked(store: Store, questions: Sequence[Question]) -> tuple[Times, float, list[tuple[Question, list[str]]]]:
    """How long recalls take, and how often the lesson that a query was drawn from is among the first five."""
    answers: list[tuple[Question, list[str]]] = []

    def ask(question: Question) -> None:
        query = RecallQuery(text=question.text, k=FIRST, tokens=10_000, suite="bench")
        answers.append((question, [recalled.lesson.id for recalled in store.recall_lessons(query)]))

    ask(questions[0])  # takes the sample of words
    answers.clear()
    times = timed([partial(ask, question) for question in questions])
    return times, statistics.mean(question.lesson in found for question, found in answers), answers


def overlap(path: Path, answers: Sequence[tuple[Question, list[str]]]) -> float:
    """The share of BM25's first five over all words of a query that are among ours."""
    ranked = (
        "SELECT lessons.id FROM lesson_index JOIN lessons ON lessons.seq = lesson_index.rowid "
        "WHERE lesson_index MATCH ? ORDER BY rank LIMIT 5"
    )
    shares = []
    with sqlite3.connect(path) as connection:
        for question, found in answers:
            words = " OR ".join(f'"{word}"' for word in question.text.split())
            best = [row[0] for row in connection.execute(ranked, (words,))]
            shares.append(len({*best} & {*found}) / len(best))
    connection.close()
    return statistics.mean(shares)


def measured_vectors(store: Store, report: Report, language: Language) -> Report:
    """The report with the figures of vectors."""
    embedder = WordLlamaEmbedder()
    embedder.embed(["warm"])
    before, begun = store.stats().bytes, time.perf_counter()
    Embeddings(store._database, embedder).catch_up()
    rate = report.lessons / (time.perf_counter() - begun)
    size = (store.stats().bytes - before) / report.lessons
    fresh = Embeddings(store._database, embedder)
    begun = time.perf_counter()
    questions = language.questions(report.lessons, VECTOR_QUERIES)
    fresh.nearest(questions[0].text, NEAREST)
    loading = time.perf_counter() - begun
    nearest: list[list[int]] = []

    def search(question: Question) -> None:
        nearest.append(fresh.nearest(question.text, NEAREST))

    times = timed([partial(search, question) for question in questions])
    recall = statistics.mean(
        len({*ours} & {*best}) / NEAREST for ours, best in zip(nearest, exact(questions, language, report), strict=True)
    )
    return replace(
        report,
        embedded_per_second=rate,
        bytes_per_vector=size,
        vectors=times,
        recall_at_10=recall,
        loading_seconds=loading,
    )


def exact(questions: Sequence[Question], language: Language, report: Report) -> list[list[int]]:
    """The ``seq`` of the nearest lessons by cosine, computed in full over all of them, a batch at a time."""
    embedder = WordLlamaEmbedder()
    queries = embedder.embed([question.text for question in questions])
    best: list[list[tuple[float, int]]] = [[] for _ in questions]
    start = 1
    for batch in language.lessons(report.lessons):
        rows = embedder.embed([lesson.text for lesson in batch])
        cosines = queries @ (rows / np.linalg.norm(rows, axis=1, keepdims=True)).T
        for number, row in enumerate(cosines):
            top = np.argsort(-row)[:NEAREST]
            best[number] = sorted([*best[number], *((-row[place], start + int(place)) for place in top)])[:NEAREST]
        start += len(batch)
    return [[seq for _, seq in each] for each in best]


def timed(calls: Sequence[Callable[[], None]]) -> Times:
    wall, cpu = [], []
    for call in calls:
        begun, spent = time.perf_counter(), time.process_time()
        call()
        wall.append(1000 * (time.perf_counter() - begun))
        cpu.append(1000 * (time.process_time() - spent))
    return Times(statistics.median(wall), float(np.quantile(wall, 0.99)), statistics.median(cpu))


@contextmanager
def opened(database: str) -> Iterator[str]:
    """The address of a new, empty database of this kind; it is deleted in the end."""
    with tempfile.TemporaryDirectory(prefix="reflexa-recall-") as folder:
        if database == "sqlite":
            yield f"{folder}/lessons.db"
            return
        from tests.memory.postgres import start_server

        server = start_server(Path(folder))
        yield server.get_uri()
        server.cleanup()


def table(reports: Sequence[Report]) -> str:
    lines = [
        "database    lessons  added/s  B/lesson | words: p50   p99   CPU  found  same | task: p50   p99  found "
        "| vectors: p50   p99   CPU  recall@10  loading s  B/vector"
    ]
    for each in reports:
        same = "    -" if each.same is None else f"{each.same:5.2f}"
        line = (
            f"{each.database:9} {each.lessons:9,} {each.added_per_second:8,.0f} {each.bytes_per_lesson:9,.0f} | "
            f"{each.words.p50:10.1f} {each.words.p99:5.1f} {each.words.cpu_p50:5.1f} {each.found:6.3f} {same} | "
            f"{each.task.p50:9.1f} {each.task.p99:5.1f} {each.found_by_task:6.3f}"
        )
        if each.vectors is not None:
            line += (
                f" | {each.vectors.p50:12.1f} {each.vectors.p99:5.1f} {each.vectors.cpu_p50:5.1f} "
                f"{each.recall_at_10:10.3f} {each.loading_seconds:10.1f} {each.bytes_per_vector:9,.0f}"
            )
        lines.append(line)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000], metavar="N")
    parser.add_argument("--million", action="store_true", help="a million lessons too: minutes of CPU, 3 GB of disk")
    parser.add_argument("--databases", nargs="+", choices=("sqlite", "postgres"), default=["sqlite", "postgres"])
    parser.add_argument("--no-vectors", action="store_true", help="full text alone")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    reports = []
    for lessons in [*arguments.sizes, *([1_000_000] if arguments.million else [])]:
        for database in arguments.databases:
            with opened(database) as url:
                reports.append(measure(database, url, lessons, not arguments.no_vectors))
            print(f"{database} {lessons:,}: done", file=sys.stderr, flush=True)
    print(json.dumps([asdict(each) for each in reports]) if arguments.json else table(reports))


if __name__ == "__main__":
    main()
