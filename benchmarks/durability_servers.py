"""What a run keeps when its PostgreSQL server restarts, drops its connections, turns read-only, or cannot grow."""

from __future__ import annotations

import json
import os
import random
import resource
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg

from benchmarks import kill
from benchmarks.durability_support import Outcome, Site, call, new_run, recorded
from reflexa.errors import StoreError
from reflexa.memory.store import Store
from tests.memory.postgres import start_server

NAME = "faulty"
PATIENCE = 300.0
SLOW = os.environ | {"CALL_SECONDS": "0.1"}


def restarted(site: Site, scale: float) -> Outcome:
    """R19: a server of its own is stopped in mid-run, and started again."""
    tasks, stops = max(6, round(60 * scale)), max(1, round(4 * scale))
    server = start_server(site.folder)
    waits: list[float] = []

    def disturb(underway: Callable[[], int], process: subprocess.Popen[bytes]) -> None:
        def grows_by(more: int) -> Callable[[], bool]:
            now = underway()
            return lambda: underway() >= now + more

        for _ in range(stops):
            _until(grows_by(3), process)
            server.stop()
            time.sleep(1.0)
            server.ensure_postgres_running()
            begun = time.perf_counter()
            _until(grows_by(1), process)
            waits.append(time.perf_counter() - begun)

    try:
        found = _run(site, server.get_uri(), server.get_uri(), tasks, disturb)
    finally:
        server.cleanup()
    longest = max(waits, default=0.0)
    return Outcome(
        "R19 restarted", found.kept and longest < 30, f"{found.figure}; at work {longest:.1f} s after the server was"
    )


def dropped(site: Site, scale: float) -> Outcome:
    """The connections to the server are cut again and again, as by a network that fails."""
    tasks, cuts = max(8, round(60 * scale)), max(4, round(30 * scale))
    assert site.server is not None
    where, chance = site.new("dropped"), random.Random(19)

    with _proxy(where) as (through, cut):

        def disturb(underway: Callable[[], int], process: subprocess.Popen[bytes]) -> None:
            for _ in range(cuts):
                time.sleep(chance.uniform(0.05, 0.4))
                cut(chance.uniform(0.0, 0.6))

        found = _run(site, through, where, tasks, disturb)
    return Outcome("connections dropped", found.kept, f"{cuts} cuts: {found.figure}")


def read_only_server(site: Site, scale: float) -> Outcome:
    """The database turns read-only in mid-run, as that of a server that was demoted; then it is written to again."""
    rows, where = max(10, round(200 * scale)), site.new("demoted")
    run_id, message = new_run(where), ""
    with Store.open(where) as store:
        _record(store, run_id, 0, rows)
        _switch(where, "on")
        try:
            store.record_call(run_id, call(rows))
        except StoreError as error:
            message = str(error)
        before = recorded(where, run_id) if _switch(where, "off") else []
        _record(store, run_id, rows, rows + 10)
    after = recorded(where, run_id)
    held = before == list(range(rows)) and after == list(range(rows + 10)) and "read-only" in message
    return Outcome("read-only server", held, f"{rows} kept, 10 more once writable; said: {_without(message, where)}")


def full_server(site: Site, scale: float) -> Outcome:
    """The files of a server of its own may not grow beyond a limit, as on a full disk; started again, they may."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000_000, resource.RLIM_INFINITY))
    try:
        server = start_server(site.folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    where, message, written = server.get_uri(), "", 0
    run_id = new_run(where)
    try:
        with Store.open(where) as store:
            try:
                for written in range(100):
                    store.record_call(run_id, _large(written))
            except StoreError as error:
                message = str(error)
            kept = [made.context.attempt for made in store.calls(run_id)]
            server.stop()
            server.ensure_postgres_running()
            store.record_call(run_id, _large(written))
            more = [made.context.attempt for made in store.calls(run_id)]
    finally:
        server.cleanup()
    held = bool(message) and kept == list(range(written)) and more == list(range(written + 1))
    return Outcome("full server", held, f"{written} kept, 1 more once freed; said: {_without(message, where)}")


def _large(number: int) -> Any:
    """A call whose answer is a megabyte that cannot be compressed."""
    made = call(number)
    return made.model_copy(
        update={"completion": made.completion.model_copy(update={"text": secrets.token_hex(500_000)})}
    )


def _record(store: Store, run_id: str, first: int, last: int) -> None:
    for number in range(first, last):
        store.record_call(run_id, call(number))


def _switch(where: str, read_only: str) -> bool:
    name = urlsplit(where).path.strip("/")
    with psycopg.connect(where, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {read_only}'.encode())
        others = "pid <> pg_backend_pid() AND datname = current_database()"
        connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}".encode())
    return True


def _without(message: str, where: str) -> str:
    """The message without the place of the socket."""
    return message.replace(where.partition("?")[2], "…")


class _Found:
    """What became of a disturbed run."""

    def __init__(self, kept: bool, figure: str) -> None:
        self.kept, self.figure = kept, figure


Disturb = Callable[[Callable[[], int], "subprocess.Popen[bytes]"], None]


def _run(site: Site, through: str, where: str, tasks: int, disturb: Disturb) -> _Found:
    """One run of the command line, which reaches its database by ``through``; held against one that nobody disturbs."""
    alone, answers = site.folder / "alone", site.folder / "answers.jsonl"
    alone.mkdir()
    for path in (alone / answers.name, answers):
        kill.write_answers(path, tasks)
    expected = kill.table(_command(alone / answers.name, tasks, f"sqlite:///{alone}/runs.db"), alone, tasks)
    paid = kill.meter(answers)

    def underway() -> int:
        return len(paid.read_bytes().splitlines()) if paid.exists() else 0

    command = _command(answers, tasks, through)
    with subprocess.Popen(command, env=SLOW, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            _until(lambda: underway() > 0, process)
            disturb(underway, process)
            out, err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    if process.returncode:
        return _Found(False, f"the run ended with code {process.returncode}: {err.decode().strip()[-300:]}")
    report = json.loads(out)
    same = [report[name] for name in ("solved_by_attempt", "n_tasks", "solved", "calls", "tokens")] == expected
    with Store.open(where) as store:
        run = store.find_run(NAME)
        calls = [made.context for made in store.calls(run.id)]
        lost = tasks - len(store.finished(run.id))
    repaid = underway() - len(calls)
    kept = same and lost == 0 and repaid == 0 and len(calls) == len(set(calls))
    return _Found(kept, f"{tasks} tasks, {lost} lost, {repaid} answers paid for twice, same table: {same}")


def _command(answers: Path, tasks: int, url: str) -> list[str]:
    what = ["--task", "humaneval", "--limit", str(tasks), "--name", NAME, "--model", f"metered:{answers}"]
    return [sys.executable, kill.__file__, "--child", "run", *what, "--concurrency", "4", "--database", url, "--json"]


def _until(true: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Waits until something is so, or the run has ended."""
    deadline = time.monotonic() + PATIENCE
    while not true() and process.poll() is None:
        if time.monotonic() > deadline:
            raise RuntimeError(f"nothing happened for {PATIENCE:g} s")
        time.sleep(0.02)


@contextmanager
def _proxy(where: str) -> Iterator[tuple[str, Callable[[float], None]]]:
    """A way to the server over TCP on the loopback, and what cuts all its connections for so many seconds."""
    parts = urlsplit(where)
    target = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"
    listener = socket.create_server(("127.0.0.1", 0))
    open_now: set[socket.socket] = set()
    closed_until = 0.0

    def cut(seconds: float) -> None:
        nonlocal closed_until
        closed_until = time.monotonic() + seconds
        for each in list(open_now):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while block := source.recv(65536):
                sink.sendall(block)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def serve(client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(target)
            open_now.update((client, server))
            back = threading.Thread(target=pump, args=(server, client), daemon=True)
            back.start()
            pump(client, server)
            back.join()
            open_now.difference_update((client, server))

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                if time.monotonic() < closed_until:
                    client.close()
                else:
                    threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    name = parts.path.strip("/")
    try:
        yield f"postgresql://postgres@127.0.0.1:{listener.getsockname()[1]}/{name}?sslmode=disable", cut
    finally:
        listener.close()
        cut(0.0)
