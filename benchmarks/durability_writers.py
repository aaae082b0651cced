"""What a database keeps of many writers, of killed ones, and while it is copied. On SQLite and PostgreSQL."""

from __future__ import annotations

import json
import os
import random
import signal
import struct
import time
from functools import partial
from pathlib import Path

from benchmarks.durability_support import Outcome, Site, call, fork, intact, new_run, recorded, succeeded
from reflexa.errors import StoreError
from reflexa.memory.backups import backup, restore
from reflexa.memory.store import Store

STEP = 1_000_000
"""Between the first numbers of two writers."""
WRITERS = 32


def many_writers(site: Site, scale: float) -> Outcome:
    """R6: 32 processes, 1,000 rows each."""
    where, writers, rows = site.new("writers"), max(4, round(WRITERS * scale)), max(25, round(1000 * scale))
    run_id = new_run(where)

    def write(first: int) -> None:
        with Store.open(where) as store:
            for number in range(first, first + rows):
                store.record_call(run_id, call(number))

    begun = time.perf_counter()
    pids = [fork(partial(write, writer * rows)) for writer in range(writers)]
    failed = sum(not succeeded(pid) for pid in pids)
    rate = writers * rows / (time.perf_counter() - begun)
    lost = writers * rows - len(set(recorded(where, run_id)))
    return Outcome(
        f"R6 many writers, {site.kind}",
        failed == 0 and lost == 0 and intact(where),
        f"{writers} writers × {rows} rows: {failed} failed, {lost} lost, {rate:.0f} commits/s",
    )


def one_minute(site: Site, scale: float) -> Outcome:
    """R6: 32 processes that write for a minute."""
    where, seconds = site.new("minute"), max(1.5, 60 * scale)
    run_id = new_run(where)

    def write(writer: int) -> None:
        took: list[float] = []
        with Store.open(where) as store:
            while time.time() < until:
                begun = time.perf_counter()
                store.record_call(run_id, call(writer * STEP + len(took)))
                took.append(time.perf_counter() - begun)
        (site.folder / f"took{writer}").write_text(json.dumps(took), encoding="utf-8")

    until = time.time() + seconds
    pids = [fork(partial(write, writer)) for writer in range(WRITERS)]
    failed = sum(not succeeded(pid) for pid in pids)
    made = [json.loads((site.folder / f"took{writer}").read_text(encoding="utf-8")) for writer in range(WRITERS)]
    expected = {writer * STEP + number for writer, took in enumerate(made) for number in range(len(took))}
    present = recorded(where, run_id)
    lost, doubled = len(expected - set(present)), len(present) - len(expected)
    times = sorted(time for took in made for time in took)
    return Outcome(
        f"R6 a minute, {site.kind}",
        failed == 0 and lost == 0 and doubled == 0 and intact(where),
        f"{WRITERS} writers for {seconds:g} s: {failed} failed, {lost} lost, {doubled} doubled, "
        f"{len(times) / seconds:.0f} commits/s, p99 {1000 * times[int(0.99 * len(times))]:.0f} ms",
    )


def killed_writers(site: Site, scale: float) -> Outcome:
    """R7: a writer killed 200 times; what it had acknowledged must be there."""
    where, kills, chance = site.new("kills"), max(3, round(200 * scale)), random.Random(7)
    run_id, acknowledged, damaged = new_run(where), 0, 0
    for _ in range(kills):
        reader, writer = os.pipe()
        first = acknowledged
        pid = fork(partial(write_and_tell, where, run_id, first, writer))
        os.close(writer)
        with os.fdopen(reader, "rb") as told:
            told.read(8)  # the first one: the writer is at work
            time.sleep(chance.random() * 0.05)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            acknowledged += 1 + len(told.read()) // 8
        damaged += not intact(where)
    present = recorded(where, run_id)
    lost = acknowledged - len(set(present) & set(range(acknowledged)))
    doubled = len(present) - len(set(present))
    return Outcome(
        f"R7 killed writers, {site.kind}",
        lost == 0 and doubled == 0 and damaged == 0,
        f"{kills} kills, {acknowledged} acknowledged: {lost} lost, {doubled} doubled, {damaged} damaged",
    )


def write_and_tell(where: str, run_id: str, first: int, pipe: int) -> None:
    with Store.open(where) as store:
        for number in range(first, first + 100_000):
            store.record_call(run_id, call(number))
            os.write(pipe, number.to_bytes(8))


def started_twice(site: Site, scale: float) -> Outcome:
    """R20: two processes start the same run at once; one works, the other is told so, and nothing is doubled."""
    where, rounds, wrong = site.new("twice"), max(5, round(50 * scale)), 0
    run_id = new_run(where)
    for number in range(rounds):
        pids = [fork(partial(claim_and_work, where, run_id, number)) for _ in range(2)]
        wrong += sum(succeeded(pid) for pid in pids) != 1
    present = recorded(where, run_id)
    return Outcome(
        f"R20 started twice, {site.kind}",
        wrong == 0 and present == list(range(rounds)),
        f"{rounds} rounds: {wrong} not worked by exactly one; {len(present) - rounds} doubled or missing",
    )


def claim_and_work(where: str, run_id: str, number: int) -> None:
    """Fails, quietly, where another process has the run."""
    with Store.open(where) as store:
        try:
            with store.claim(run_id):
                store.record_call(run_id, call(number))
                time.sleep(0.3)  # the other one comes meanwhile
        except StoreError:
            os._exit(1)


def backed_up(site: Site, scale: float) -> Outcome:
    """A copy taken while 32 processes write: of each exactly what it had committed at one moment; put back whole."""
    where, seconds, ledger = site.new("live"), max(2.0, 20 * scale), site.folder / "ledger"
    run_id = new_run(where)
    ledger.write_bytes(bytes(8 * WRITERS))
    pids = [fork(partial(write_and_note, where, run_id, writer, ledger, seconds)) for writer in range(WRITERS)]
    time.sleep(seconds / 4)
    before, begun = _noted(ledger), time.perf_counter()
    copied = backup(where, site.folder / "copy.db")
    took, after = time.perf_counter() - begun, _noted(ledger)
    failed = sum(not succeeded(pid) for pid in pids)
    present = recorded(str(copied.file), run_id)
    parts = [[number % STEP for number in present if number // STEP == writer] for writer in range(WRITERS)]
    torn = sum(sorted(part) != list(range(len(part))) for part in parts)
    outside = sum(not low <= len(part) <= high + 1 for part, low, high in zip(parts, before, after, strict=True))
    other = site.new("restored")
    restored = restore(copied.file, other).rows == copied.rows and sorted(recorded(other, run_id)) == sorted(present)
    return Outcome(
        f"backup, {site.kind}",
        failed == 0 and torn == 0 and outside == 0 and restored and intact(str(copied.file)),
        f"{len(present)} of {sum(_noted(ledger))} rows in {took:.1f} s, {sum(after) - sum(before)} written meanwhile "
        f"by {WRITERS} writers: {failed} failed, {torn} torn, {outside} out of time; restored whole: {restored}",
    )


def write_and_note(where: str, run_id: str, writer: int, ledger: Path, seconds: float) -> None:
    """Writes for some seconds, and notes in the ledger how many commits were acknowledged."""
    until, number, descriptor = time.time() + seconds, 0, os.open(ledger, os.O_WRONLY)
    with Store.open(where) as store:
        while time.time() < until:
            store.record_call(run_id, call(writer * STEP + number))
            number += 1
            os.pwrite(descriptor, struct.pack("<q", number), 8 * writer)


def _noted(ledger: Path) -> list[int]:
    return list(struct.unpack(f"<{WRITERS}q", ledger.read_bytes()))
