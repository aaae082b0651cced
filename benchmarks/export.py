"""How fast attempts become rows, and in how much memory.

    python benchmarks/export.py [--attempts 100000] [--kind sft] [--suffix .jsonl] [--database FILE]

Fills a database with episodes of five attempts each; a file that is there already is used as it is. Exports an empty
database and then this one, each in a process of its own, and prints rows and attempts a second and the largest memory
of both.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from reflexa.export import ExportOptions, Measuring, export_rows
from reflexa.memory import Store
from reflexa.memory.database import Database
from reflexa.memory.episodes.encoding import Write, episode_rows
from reflexa.memory.episodes.recorder import Recorder
from reflexa.memory.location import locate
from reflexa.types import (
    AnswerCheck,
    Attempt,
    Completion,
    Episode,
    Graded,
    Message,
    Reflection,
    RunConfig,
    Task,
    Usage,
    Verdict,
)

ATTEMPTS = 5
EPISODES_AT_ONCE = 100
HELD_OUT = 1000
SYLLABLES = ("ba", "ke", "lo", "mi", "nu", "ra", "se", "ti", "vo", "wu")
WORDS = ["".join(each) for each in product(SYLLABLES, repeat=3)]


@dataclass(frozen=True)
class Exported:
    """What one process did. ``cpu`` is in seconds, ``megabytes`` the largest memory that it ever had."""

    rows: int
    attempts: int
    seconds: float
    cpu: float
    megabytes: float


def words(chance: random.Random, n: int) -> str:
    return " ".join(chance.choices(WORDS, k=n))


def task(number: int, split: str) -> Task:
    chance = random.Random(f"{split}{number}")
    question = f"{words(chance, 40)}: what is {number} and {number * 7 % 1000}?"
    return Task(
        id=f"{split}/{number}",
        suite="bench",
        split=split,
        prompt=(Message(role="system", content="Answer in a few words."), Message(role="user", content=question)),
        check=AnswerCheck(answer=words(chance, 4)),
    )


def episode(number: int) -> Episode:
    """A failing attempt, a lesson, and so on; the last passes where the number is even."""
    chance, asked = random.Random(number), task(number, "train")
    lessons = [
        Reflection(id=f"{number}-{i}", task_id=asked.id, attempt=i, text=words(chance, 30), split="train")
        for i in range(ATTEMPTS - 1)
    ]
    tries = []
    for index in range(ATTEMPTS):
        shown = lessons[max(0, index - 3) : index]
        notes = "\n".join(lesson.text for lesson in shown)
        answer = words(chance, 60)
        passed = index == ATTEMPTS - 1 and number % 2 == 0
        attempt = Attempt(
            index=index,
            messages=(asked.prompt[0], Message(role="user", content=f"{notes}\n\n{asked.prompt[1].content}")),
            completion=Completion(text=answer, usage=Usage(input_tokens=300, output_tokens=90)),
            answer=answer,
            policy="embedded",
            recalled=tuple(lesson.id for lesson in shown),
        )
        score = 1.0 if passed else index / 10
        tries.append(Graded(attempt=attempt, judged=Verdict(score=score, passed=passed, verifier="exact")))
    return Episode(task=asked, strategy="reflexion", tries=tuple(tries), reflections=tuple(lessons), submitted=0)


def fill(path: Path, attempts: int) -> None:
    """Records the episodes, a hundred to a transaction."""
    with Store.open(path) as store:
        run = store.create_run(RunConfig(suite="bench", split="train", model="embedded")).id
    database = Database(locate(path), lock_timeout=60.0)
    recorder = Recorder(database, None)
    episodes = attempts // ATTEMPTS
    for start in range(0, episodes, EPISODES_AT_ONCE):
        write = Write(())
        for number in range(start, min(episodes, start + EPISODES_AT_ONCE)):
            write += episode_rows(run, episode(number))
        recorder.commit(write)
    database.close()


def held_out() -> Iterator[Task]:
    return (task(number, "test") for number in range(HELD_OUT))


def measure(database: Path, options: ExportOptions, out: Path) -> Exported:
    """An export, in this process."""
    measuring = Measuring(tuple(held_out()))
    with Store.open(database) as store:
        began, cpu = time.perf_counter(), time.process_time()
        card = export_rows(store, options, out, measuring=measuring)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Exported(card.rows, card.attempts, seconds, cpu, largest)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--attempts", type=int, default=100_000)
    parser.add_argument("--kind", default="sft")
    parser.add_argument("--suffix", default=".jsonl")
    parser.add_argument("--database", type=Path)
    parser.add_argument("--dedupe", action="store_true")
    asked = parser.parse_args()
    options = ExportOptions.model_validate({"kind": asked.kind, "dedupe": asked.dedupe})
    with (
        tempfile.TemporaryDirectory() as name,
        multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool,
    ):
        folder = Path(name)
        database = asked.database or folder / "filled.db"
        if not database.exists():
            began = time.perf_counter()
            pool.apply(fill, (database, asked.attempts))
            print(f"filled with {asked.attempts:,} attempts in {time.perf_counter() - began:.0f} s")
        empty, full = (
            pool.apply(measure, (path, options, folder / f"{path.stem}{asked.suffix}"), {})
            for path in (folder / "empty.db", database)
        )
    print(f"{asked.kind}{asked.suffix}: {full.rows:,} rows of {full.attempts:,} attempts in {full.seconds:.1f} s")
    print(f"{full.attempts / full.seconds:,.0f} attempts/s, {full.rows / full.seconds:,.0f} rows/s")
    print(f"{full.cpu:.1f} CPU-seconds: {full.attempts / full.cpu:,.0f} attempts per CPU-second")
    print(f"largest memory {full.megabytes:.0f} MB; of an empty database {empty.megabytes:.0f} MB")


if __name__ == "__main__":
    main()
