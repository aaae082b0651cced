"""What recording costs: an attempt with its verdict through the store, beside the bare driver's inserts.

    python benchmarks/store.py [--episodes N] [--postgres] [--json]

The bare driver (sqlite3, or psycopg) writes the same texts into two plain tables of a database, with the same
durability (WAL, ``synchronous=FULL``; a server as it is installed) and the same number of commits: what the store adds
is redaction, escaping, keys, foreign keys, indices, each prompt stored once, and as in a run the proof that no other
process has taken it over. Rounds alternate between the two, and the median of their ratios counts.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from reflexa.memory.store import Store
from reflexa.types import (
    Attempt,
    Call,
    CallContext,
    CheckResult,
    Completion,
    Message,
    RunConfig,
    Sampling,
    Task,
    Usage,
    Verdict,
)

ROUNDS = 5
ATTEMPTS = 4
THREADS = 64
CODE = "def separate(text):\n    depth, groups, current = 0, [], []\n" + "    for letter in text:\n        ...\n" * 20
FEEDBACK = "test 3 of 7 failed: separate('(()) ()') gave ['(())'], expected ['(())', '()']\n" * 6
PROMPT = "Write the body of this function. Return only code, in one fenced block.\n" * 20


@dataclass(frozen=True)
class Cost:
    """Seconds for one attempt with its verdict."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Report:
    """What was measured. Ratios are the store's cost over the bare driver's."""

    attempts: int
    wall_ratio: float
    cpu_ratio: float
    store_ms: float
    driver_ms: float
    store_cpu_ms: float
    driver_cpu_ms: float
    commits_per_second: float
    commits_per_second_64_threads: float
    bytes_per_attempt: float
    bytes_per_attempt_driver: float
    text_bytes_per_attempt: float


def task(number: int) -> Task:
    return Task(id=f"Bench/{number}", suite="bench", prompt=(Message(role="user", content=f"{PROMPT}{number}"),))


def attempt(number: int, index: int) -> Attempt:
    history = "".join(f"{CODE}# {number}.{earlier}\n{FEEDBACK}" for earlier in range(max(0, index - 1), index))
    text = f"```python\n{CODE}# {number}.{index}\n```"
    return Attempt(
        index=index,
        messages=(Message(role="system", content=PROMPT), Message(role="user", content=f"{PROMPT}{number}{history}")),
        completion=Completion(text=text, usage=Usage(input_tokens=900, output_tokens=250)),
        answer=text[10:-4],
        policy="embedded",
        seconds=1.5,
    )


def verdict(number: int, index: int) -> Verdict:
    checks = tuple(CheckResult(name=f"test {each}", passed=each != 3) for each in range(7))
    return Verdict(score=6 / 7, passed=False, feedback=f"{FEEDBACK}{number}.{index}", checks=checks, verifier="tests")


def call(number: int, index: int) -> Call:
    made = attempt(number, index)
    assert made.completion is not None
    return Call(
        context=CallContext(task_id=f"Bench/{number}", purpose="attempt", attempt=index),
        policy="embedded",
        messages=made.messages,
        sampling=Sampling(),
        completion=made.completion,
    )


def with_store(where: str, episodes: int) -> Cost:
    with Store.open(where) as store:
        run = store.create_run(RunConfig(suite="bench", model="embedded"))
        with store.claim(run.id):
            return _recorded(store, run.id, episodes)


def _recorded(store: Store, run_id: str, episodes: int) -> Cost:
    for number in range(episodes):
        store.begin_episode(run_id, task(number))
    made = [(f"Bench/{n}", attempt(n, i), verdict(n, i)) for n in range(episodes) for i in range(ATTEMPTS)]

    def write() -> None:
        for task_id, tried, judged in made:
            store.record_attempt(run_id, task_id, tried)
            store.record_verdict(run_id, task_id, tried.index, "judge", judged)

    return timed(write, len(made))


def with_driver(where: str, episodes: int) -> Cost:
    insert, close = _server_inserts(where) if where.startswith("postgresql:") else _file_inserts(where)
    for table in TABLES:
        insert(table, ())
    made = [(f"Bench/{n}", attempt(n, i), verdict(n, i)) for n in range(episodes) for i in range(ATTEMPTS)]

    def write() -> None:
        for task_id, tried, judged in made:
            messages = json.dumps([dict(message) for message in tried.messages])
            completion = tried.completion.model_dump_json() if tried.completion else ""
            row = (task_id, tried.index, messages, completion, tried.answer, tried.seconds)
            insert("INSERT INTO bare_attempts VALUES (?, ?, ?, ?, ?, ?)", row)
            checks = json.dumps([dict(check) for check in judged.checks])
            given = (task_id, tried.index, judged.score, judged.passed, judged.feedback, checks)
            insert("INSERT INTO bare_verdicts VALUES (?, ?, ?, ?, ?, ?)", given)

    cost = timed(write, len(made))
    close()
    return cost


TABLES = (
    "DROP TABLE IF EXISTS bare_attempts",
    "DROP TABLE IF EXISTS bare_verdicts",
    "CREATE TABLE bare_attempts (task TEXT, idx INTEGER, messages TEXT, completion TEXT, answer TEXT, seconds REAL)",
    "CREATE TABLE bare_verdicts (task TEXT, idx INTEGER, score REAL, passed BOOLEAN, feedback TEXT, checks TEXT)",
)
Insert = Callable[[str, tuple[object, ...]], None]


def _file_inserts(where: str) -> tuple[Insert, Callable[[], None]]:
    """Each statement in a transaction of its own."""
    connection = sqlite3.connect(where.removeprefix("sqlite:///"), isolation_level=None)
    connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")

    def insert(statement: str, row: tuple[object, ...]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(statement, row)
        connection.execute("COMMIT")

    return insert, connection.close


def _server_inserts(where: str) -> tuple[Insert, Callable[[], None]]:
    import psycopg

    connection = psycopg.connect(where)

    def insert(statement: str, row: tuple[object, ...]) -> None:
        connection.execute(statement.replace("?", "%s").encode(), row)
        connection.commit()

    return insert, connection.close


def timed(write: Callable[[], None], count: int) -> Cost:
    wall, cpu = time.perf_counter(), time.process_time()
    write()
    return Cost(wall=(time.perf_counter() - wall) / count, cpu=(time.process_time() - cpu) / count)


def commit_rate(where: str, threads: int, commits: int) -> float:
    """Calls recorded per second, one commit each, by this many threads."""
    with Store.open(where) as store:
        run = store.create_run(RunConfig(suite="bench", model="embedded"))

        def write(thread: int) -> None:
            for number in range(commits // threads):
                store.record_call(run.id, call(thread * commits + number, 0))

        workers = [threading.Thread(target=write, args=(number,)) for number in range(threads)]
        begun = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return commits // threads * threads / (time.perf_counter() - begun)


def full_episodes(path: Path, episodes: int) -> float:
    """Bytes of database per attempt when its call is recorded too, as a run does."""
    with Store.open(path) as store:
        run = store.create_run(RunConfig(suite="bench", model="embedded"))
        for number in range(episodes):
            store.begin_episode(run.id, task(number))
            for index in range(ATTEMPTS):
                store.record_call(run.id, call(number, index))
                store.record_attempt(run.id, f"Bench/{number}", attempt(number, index))
                store.record_verdict(run.id, f"Bench/{number}", index, "judge", verdict(number, index))
    return path.stat().st_size / episodes / ATTEMPTS


def text_size(episodes: int) -> float:
    """Bytes of text per attempt as it is handed to the store: the call's prompt and answer, the attempt's, feedback."""
    sizes = [
        2 * len(attempt(n, i).model_dump_json()) - len(attempt(n, i).answer) + len(verdict(n, i).model_dump_json())
        for n in range(episodes)
        for i in range(ATTEMPTS)
    ]
    return statistics.mean(sizes)


def measure(folder: Path, episodes: int, server: str | None = None) -> Report:
    """In files, or in the database of a server. Bytes are those of files."""

    def where(name: str) -> str:
        return server or f"sqlite:///{folder}/{name}.db"

    with_store(where("warm"), 2)
    pairs = [
        (with_store(where(f"store{n}"), episodes), with_driver(where(f"driver{n}"), episodes)) for n in range(ROUNDS)
    ]
    stores, drivers = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    if server is not None:  # for its bytes
        with_driver(f"sqlite:///{folder}/driver0.db", episodes)
    return Report(
        attempts=ROUNDS * episodes * ATTEMPTS,
        wall_ratio=statistics.median(ours.wall / bare.wall for ours, bare in pairs),
        cpu_ratio=statistics.median(ours.cpu / bare.cpu for ours, bare in pairs),
        store_ms=1000 * statistics.median(cost.wall for cost in stores),
        driver_ms=1000 * statistics.median(cost.wall for cost in drivers),
        store_cpu_ms=1000 * statistics.median(cost.cpu for cost in stores),
        driver_cpu_ms=1000 * statistics.median(cost.cpu for cost in drivers),
        commits_per_second=commit_rate(where("one"), 1, 1000),
        commits_per_second_64_threads=commit_rate(where("many"), THREADS, 1024),
        bytes_per_attempt=full_episodes(folder / "full.db", episodes),
        bytes_per_attempt_driver=(folder / "driver0.db").stat().st_size / episodes / ATTEMPTS,
        text_bytes_per_attempt=text_size(episodes),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=50, help="episodes of 4 attempts in each round")
    parser.add_argument("--postgres", action="store_true", help="on a server that is started for it")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, ExitStack() as stack:
        server: str | None = None
        if arguments.postgres:
            from tests.memory.postgres import start_server

            started = start_server(Path(folder), durable=True)
            stack.callback(started.cleanup)
            server = started.get_uri()
        report = measure(Path(folder), arguments.episodes, server)
    if arguments.json:
        print(json.dumps(asdict(report)))
        return
    for name, value in asdict(report).items():
        print(f"{name.replace('_', ' '):32} {value:10,.2f}")


if __name__ == "__main__":
    main()
