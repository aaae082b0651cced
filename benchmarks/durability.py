"""What the store keeps when things go wrong: processes killed, files cut, disks full, databases locked.

    python benchmarks/durability.py [CHECK ...] [--scale 0.1] [--json]

Each check is named after the promise that it tests, and uses real processes, which are forked from this one while it
holds no database. ``--scale`` shortens all of them; at 1 they are as long as promised. Exit code 1 where one fails.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.durability_support import (
    CONFIG,
    Outcome,
    call,
    fork,
    hold_lock,
    intact,
    new_run,
    open_files,
    peak_memory,
    recorded,
    succeeded,
    table_count,
    task,
)
from reflexa.errors import StoreError
from reflexa.memory.store import Store
from reflexa.types import Attempt, Completion, Episode, Graded, Verdict


def many_writers(folder: Path, scale: float) -> Outcome:
    """R6: 32 processes, 1,000 rows each."""
    path, writers, rows = folder / "writers.db", max(4, round(32 * scale)), max(25, round(1000 * scale))
    run_id = new_run(path)

    def write(first: int) -> None:
        with Store.open(path) as store:
            for number in range(first, first + rows):
                store.record_call(run_id, call(number))

    begun = time.perf_counter()
    pids = [fork(partial(write, writer * rows)) for writer in range(writers)]
    failed = sum(not succeeded(pid) for pid in pids)
    rate = writers * rows / (time.perf_counter() - begun)
    lost = writers * rows - len(set(recorded(path, run_id)))
    return Outcome(
        "R6 many writers",
        failed == 0 and lost == 0 and intact(path),
        f"{writers} writers × {rows} rows: {failed} failed, {lost} lost, {rate:.0f} commits/s",
    )


def killed_writers(folder: Path, scale: float) -> Outcome:
    """R7: a writer killed 200 times; what it had acknowledged must be there."""
    path, kills, chance = folder / "kills.db", max(3, round(200 * scale)), random.Random(7)
    run_id, acknowledged, damaged = new_run(path), 0, 0
    for _ in range(kills):
        reader, writer = os.pipe()
        first = acknowledged
        pid = fork(partial(write_and_tell, path, run_id, first, writer))
        os.close(writer)
        with os.fdopen(reader, "rb") as told:
            told.read(8)  # the first one: the writer is at work
            time.sleep(chance.random() * 0.05)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            acknowledged += 1 + len(told.read()) // 8
        damaged += not intact(path)
    present = recorded(path, run_id)
    lost = acknowledged - len(set(present) & set(range(acknowledged)))
    doubled = len(present) - len(set(present))
    return Outcome(
        "R7 killed writers",
        lost == 0 and doubled == 0 and damaged == 0,
        f"{kills} kills, {acknowledged} acknowledged: {lost} lost, {doubled} doubled, {damaged} damaged",
    )


def write_and_tell(path: Path, run_id: str, first: int, pipe: int) -> None:
    with Store.open(path) as store:
        for number in range(first, first + 100_000):
            store.record_call(run_id, call(number))
            os.write(pipe, number.to_bytes(8))


def cut_log(folder: Path, scale: float) -> Outcome:
    """R8: the write-ahead log cut at 500 places; what is left must be exactly the first so many commits."""
    path, cuts, chance = folder / "cut.db", max(20, round(500 * scale)), random.Random(8)
    run_id = new_run(path)
    with Store.open(path) as store:
        for number in range(60):
            store.record_call(run_id, call(number))
        main, log = path.read_bytes(), path.with_name("cut.db-wal").read_bytes()
    wrong, lengths = 0, set[int]()
    for _ in range(cuts):
        copy = folder / "cut"
        copy.mkdir()
        (copy / "cut.db").write_bytes(main)
        (copy / "cut.db-wal").write_bytes(log[: chance.randrange(len(log) + 1)])
        present = recorded(copy / "cut.db", run_id)
        wrong += present != list(range(len(present))) or not intact(copy / "cut.db")
        lengths.add(len(present))
        shutil.rmtree(copy)
    return Outcome(
        "R8 log cut", wrong == 0, f"{cuts} cuts: {wrong} not a prefix; {len(lengths)} different lengths seen"
    )


def full_disk(folder: Path, scale: float) -> Outcome:
    """R9: files may not grow beyond a limit, as on a full disk; then they may again."""
    path = folder / "full.db"
    run_id = new_run(path)
    limit = path.stat().st_size + round(2_000_000 * scale) + 200_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    written, message = 0, ""
    with Store.open(path) as store:
        try:
            while True:
                store.record_call(run_id, call(written))
                written += 1
        except StoreError as error:
            message = str(error)
        before = recorded(path, run_id)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        for number in range(written, written + 10):
            store.record_call(run_id, call(number))
    after = recorded(path, run_id)
    held = before == list(range(written)) and after == list(range(written + 10)) and intact(path)
    return Outcome(
        "R9 full disk", held, f"{written} kept, 10 more once freed; said: {message.replace(str(path), 'FILE')}"
    )


def locked(folder: Path, scale: float) -> Outcome:
    """R10: locked by another for 20 s: waits; for 120 s: a clear error after 60 s, and the result is kept."""
    path = folder / "locked.db"
    run_id = new_run(path)
    with Store.open(path, lock_timeout=60 * scale) as store:
        holder = hold_lock(path, 20 * scale)
        begun = time.perf_counter()
        store.record_call(run_id, call(0))
        waited = time.perf_counter() - begun
        succeeded(holder)
        holder = hold_lock(path, 120 * scale)
        message = ""
        try:
            store.record_call(run_id, call(1))
        except StoreError as error:
            message = str(error)
        succeeded(holder)
    present = recorded(path, run_id)
    return Outcome(
        "R10 locked",
        present == [0, 1] and "locked" in message and "kept" in message,
        f"waited {waited:.1f} s for {20 * scale:g} s; then {message.replace(str(path), 'FILE')}; recorded: {present}",
    )


def killed_migration(folder: Path, scale: float) -> Outcome:
    """R16: killed while a new database gets its schema, 50 times; two more processes then open it at once."""
    kills, chance, halves, empty, failed = max(5, round(50 * scale)), random.Random(16), 0, 0, 0
    new_run(folder / "warm.db")  # imports alembic, before any fork
    begun = time.perf_counter()
    new_run(folder / "timing.db")
    longest = time.perf_counter() - begun
    for kill in range(kills):
        path = folder / f"migrated{kill}.db"
        pid = fork(partial(open_and_close, path))
        time.sleep(chance.random() * longest)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        tables = table_count(path)
        empty += tables == 0
        halves += tables not in (0, table_count(folder / "timing.db"))
        pids = [fork(partial(open_and_close, path)) for _ in range(2)]
        failed += sum(not succeeded(pid) for pid in pids) + (not intact(path))
    return Outcome(
        "R16 killed migration",
        halves == 0 and failed == 0,
        f"{kills} kills: {empty} left no schema, {halves} half of one; {failed} failed to open afterwards",
    )


def open_and_close(path: Path) -> None:
    Store.open(path).close()


def many_episodes(folder: Path, scale: float) -> Outcome:
    """R18: 10,000 episodes recorded and read back in one process: its memory and its files stay."""
    count = max(300, round(10_000 * scale))
    with Store.open(folder / "episodes.db") as store:
        run_id = store.create_run(CONFIG).id
        record_episodes(store, run_id, 0, count // 10)
        memory, files = peak_memory(), open_files()
        record_episodes(store, run_id, count // 10, count)
        seen = sum(episode.solved for episode in store.episodes(run_id))
        grown, more_files = peak_memory() - memory, open_files() - files
    return Outcome(
        "R18 many episodes",
        grown <= 10e6 and more_files == 0 and seen == count,
        f"{seen} episodes: memory +{grown / 1e6:.1f} MB after warm-up, file descriptors +{more_files}",
    )


def record_episodes(store: Store, run_id: str, first: int, last: int) -> None:
    verdict = Verdict(score=1.0, passed=True, verifier="tests")
    for number in range(first, last):
        about = task(number)
        attempt = Attempt(messages=about.prompt, completion=Completion(text=f"answer {number}"), answer=f"{number}")
        store.begin_episode(run_id, about)
        store.record_attempt(run_id, about.id, attempt)
        store.record_verdict(run_id, about.id, 0, "judge", verdict)
        tries = (Graded(attempt=attempt, judged=verdict),)
        store.end_episode(run_id, Episode(task=about, strategy="none", tries=tries, submitted=0))


def started_twice(folder: Path, scale: float) -> Outcome:
    """R20: two processes start the same run at once; one works, the other is told so, and nothing is doubled."""
    path, rounds, wrong = folder / "twice.db", max(5, round(50 * scale)), 0
    run_id = new_run(path)
    for number in range(rounds):
        pids = [fork(partial(claim_and_work, path, run_id, number)) for _ in range(2)]
        wrong += sum(succeeded(pid) for pid in pids) != 1
    present = recorded(path, run_id)
    return Outcome(
        "R20 started twice",
        wrong == 0 and present == list(range(rounds)),
        f"{rounds} rounds: {wrong} not worked by exactly one; {len(present) - rounds} doubled or missing",
    )


def claim_and_work(path: Path, run_id: str, number: int) -> None:
    """Fails, quietly, where another process has the run."""
    with Store.open(path) as store:
        try:
            with store.claim(run_id):
                store.record_call(run_id, call(number))
                time.sleep(0.3)  # the other one comes meanwhile
        except StoreError:
            os._exit(1)


CHECKS: tuple[Callable[[Path, float], Outcome], ...] = (
    many_writers,
    killed_writers,
    cut_log,
    full_disk,
    locked,
    killed_migration,
    many_episodes,
    started_twice,
)


def main() -> int:
    names = [check.__name__ for check in CHECKS]
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("check", nargs="*", help=f"any of {', '.join(names)}; all where none is named")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is as long as promised")
    parser.add_argument("--folder", type=Path, help="where the databases are made; a temporary folder by default")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    unknown = set(arguments.check) - set(names)
    if unknown:
        parser.error(f"unknown check {', '.join(sorted(unknown))}: choose from {', '.join(names)}")
    outcomes = []
    for check in CHECKS:
        if not arguments.check or check.__name__ in arguments.check:
            with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
                outcomes.append(check(Path(folder), arguments.scale))
            if not arguments.json:
                print(
                    f"{'held  ' if outcomes[-1].held else 'BROKEN'}  {outcomes[-1].check:22} {outcomes[-1].figure}",
                    flush=True,
                )
    if arguments.json:
        print(json.dumps([asdict(outcome) for outcome in outcomes]))
    return 0 if all(outcome.held for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
