"""What a SQLite file keeps when things go wrong with it: cut, full, locked, read-only, killed in its making."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import kill
from benchmarks.durability_support import (
    CONFIG,
    Outcome,
    Site,
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
from reflexa.memory.schema import HEAD
from reflexa.memory.store import Store
from reflexa.types import Attempt, Completion, Episode, Graded, Verdict
from tests.memory import old_files

NOBODY = 65534


def cut_log(site: Site, scale: float) -> Outcome:
    """R8: the write-ahead log cut at 500 places; what is left must be exactly the first so many commits."""
    path, cuts, chance = site.folder / "cut.db", max(20, round(500 * scale)), random.Random(8)
    run_id = new_run(path)
    with Store.open(path) as store:
        for number in range(60):
            store.record_call(run_id, call(number))
        main, log = path.read_bytes(), path.with_name("cut.db-wal").read_bytes()
    wrong, lengths = 0, set[int]()
    for _ in range(cuts):
        copy = site.folder / "cut"
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


def full_disk(site: Site, scale: float) -> Outcome:
    """R9: files may not grow beyond a limit, as on a full disk; then they may again."""
    path = site.folder / "full.db"
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


def full_disk_run(site: Site, scale: float) -> Outcome:
    """R9: the disk fills up in mid-run: the run stops and says so; once there is space, it goes on to the same end."""
    tasks, folder = max(8, round(60 * scale)), site.folder / "run"
    alone = site.folder / "alone"
    expected = kill.table(kill.command(alone, tasks, resume=False), alone, tasks)
    begin = kill.command(folder, tasks, resume=False)
    with Store.open(folder / "runs.db"):
        pass
    limit = (folder / "runs.db").stat().st_size + 60_000  # neither the log nor the database may grow beyond
    stopped = subprocess.run(
        begin,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )
    before = kill.recorded(folder)
    same = kill.table(kill.command(folder, tasks, resume=True), folder, tasks) == expected
    after = kill.recorded(folder)
    lost, changed = len(before.calls - after.calls) + before.lost(after), before.changed(after)
    repaid = kill.paid(folder) - len(after.calls)
    said = stopped.stderr.strip().replace(str(folder), "")
    held = stopped.returncode == 1 and "disk is full" in said and same and 0 <= repaid <= 4
    return Outcome(
        "R9 disk full in mid-run",
        held and lost == 0 and changed == 0 and len(before.calls) > 0,
        f"{tasks} tasks: stopped at {len(before.calls)} calls; {lost} lost, {changed} changed, {repaid} paid for twice "
        f"(at most 4), same table: {same}; said: {said[-330:]!r}",
    )


def read_only(site: Site, scale: float) -> Outcome:
    """R9: the file and its folder lose their write permission; then they get it back."""
    rows = max(5, round(100 * scale))
    with tempfile.TemporaryDirectory() as name:  # others may enter it, unlike the site's folder perhaps
        Path(name).chmod(0o755)
        folder, told = Path(name) / "readonly", Path(name) / "told"
        folder.mkdir()
        told.touch()
        told.chmod(0o666)
        path = folder / "a.db"
        new_run(path)
        if os.geteuid() == 0:  # root may write everywhere: the work is done by somebody else
            for each in (folder, path):
                os.chown(each, NOBODY, NOBODY)
        opened = _written(path, 0, rows, told)
        path.chmod(0o444)
        folder.chmod(0o555)
        refused = not _written(path, rows, rows + 1, told)
        message = told.read_text(encoding="utf-8").replace(str(path), "FILE")
        folder.chmod(0o755)
        path.chmod(0o600)
        resumed = _written(path, rows, rows + 10, told)
        with Store.open(path) as store:
            present = [made.context.attempt for made in store.calls(store.list_runs()[0].id)]
    held = opened and refused and resumed and present == list(range(rows + 10)) and "write permission" in message
    return Outcome("R9 read-only", held, f"{rows} kept, 10 more once writable; said: {message}")


def _written(path: Path, first: int, last: int, told: Path) -> bool:
    return succeeded(fork(partial(_as_nobody, partial(write_rows, path, first, last, told))))


def _as_nobody(work: Callable[[], None]) -> None:
    if os.geteuid() == 0:
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    work()


def write_rows(path: Path, first: int, last: int, told: Path) -> None:
    """Records calls in the database's one run; what it could not do is written to ``told``."""
    try:
        with Store.open(path) as store:
            run_id = store.list_runs()[0].id
            for number in range(first, last):
                store.record_call(run_id, call(number))
    except StoreError as error:
        told.write_text(str(error), encoding="utf-8")
        os._exit(1)


def locked(site: Site, scale: float) -> Outcome:
    """R10: locked by another for 20 s: waits; for 120 s: a clear error after 60 s, and the result is kept."""
    path = site.folder / "locked.db"
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


def killed_migration(site: Site, scale: float) -> Outcome:
    """R16: killed while a database, new or of an earlier version, gets its schema, 50 times; two more then open it."""
    kills, chance, halves, before, failed = max(5, round(50 * scale)), random.Random(16), 0, 0, 0
    new_run(site.folder / "warm.db")  # imports alembic, before any fork
    begun = time.perf_counter()
    new_run(site.folder / "timing.db")
    longest, whole = time.perf_counter() - begun, table_count(site.folder / "timing.db")
    for number in range(kills):
        path = site.folder / f"migrated{number}.db"
        if number % 2:
            old_files.unpack(f"{1 + number // 2 % (int(HEAD) - 1):04}", path)
        tables = table_count(path)
        pid = fork(partial(open_and_close, path))
        time.sleep(chance.random() * longest)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        before += table_count(path) == tables
        halves += table_count(path) not in (tables, whole)
        pids = [fork(partial(open_and_close, path)) for _ in range(2)]
        failed += sum(not succeeded(pid) for pid in pids) + (not intact(path)) + (table_count(path) != whole)
        with Store.open(path) as store:
            failed += number % 2 != sum(1 for run in store.list_runs() for _ in store.episodes(run.id))
    return Outcome(
        "R16 killed migration",
        halves == 0 and failed == 0,
        f"{kills} kills: {before} left the old schema, {halves} half of one; {failed} failed or lost rows afterwards",
    )


def open_and_close(path: Path) -> None:
    Store.open(path).close()


def many_episodes(site: Site, scale: float) -> Outcome:
    """R18: 10,000 episodes recorded and read back in one process: its memory and its files stay."""
    count = max(300, round(10_000 * scale))
    with Store.open(site.folder / "episodes.db") as store:
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
