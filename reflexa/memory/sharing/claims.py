"""Who works on a run: a claim is held by a living process and renewed while it lives.

A claim is one process's alone, or shared: then several processes, on any number of machines, work on one run, each
on the tasks that it has leased (``reflexa.memory.sharing.leases``). The claim of a process that died on this host is
free at once, with its leases; that of another host when it was not renewed for ``LEASE_SECONDS``.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from reflexa.errors import StoreError
from reflexa.memory.database import Database
from reflexa.memory.episodes.schema import runs
from reflexa.memory.sharing.leases import Leases, Turn
from reflexa.memory.sharing.processes import Identity, is_gone, this_process
from reflexa.memory.sharing.schema import claims
from reflexa.types import RunStatus

LEASE_SECONDS = 60.0
RENEW_SECONDS = 15.0


class RunClaim:
    """The right to continue a run, held from ``with`` to its end. Raises ``StoreError`` where a living process has it.

    ``tasks`` are the run's, in its order: those that are left are leased one by one. A ``shared`` claim can be held
    beside others; it leaves tasks alone that ended in an error, which whoever resumes the run alone tries again.
    ``held`` is told once the claim is ours.
    """

    def __init__(
        self,
        database: Database,
        run_id: str,
        tasks: Sequence[str] = (),
        *,
        shared: bool = False,
        renew_seconds: float = RENEW_SECONDS,
        held: Callable[[RunClaim], None] = lambda claim: None,
    ) -> None:
        self._database, self._run_id, self._tasks, self._shared = database, run_id, tasks, shared
        self._renew_seconds, self._held = renew_seconds, held
        self._token = secrets.token_hex(8)
        mine = select(claims.c.token).where(claims.c.token == self._token)
        self._mine = mine.with_for_update(read=True, key_share=True)
        self._renewed = 0.0
        self._ended: RunStatus | None = None
        self._leases = Leases(database, run_id, self._token)
        self._over = threading.Event()
        self._renewer = threading.Thread(target=self._renew_until_over, name=f"claim-{run_id}", daemon=True)

    def __enter__(self) -> RunClaim:
        begun = time.time()
        self._database.write(self._take)
        self._renewed = begun
        self._held(self)
        self._renewer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._renewer.join()
        self._ended = self._ended or "finished"
        try:
            self._database.write(self._drop)
        except StoreError:
            if error is None:
                raise  # else the first error says more, and a dead process's claim is taken over anyway

    def next(self, done: str | None = None) -> Turn:
        """Gives back the lease of the task that is ``done``, and takes the next one that is free.

        Where this leaves nothing of the run, its end is recorded. Raises ``StoreError`` where the claim was lost.
        """
        return self._leases.next(done, self.check, self._prune)

    def end(self, status: RunStatus) -> None:
        """Gives the claim up. The run gets the status, except where others still work on it or all of it has ended.

        After an interrupt or a failure threads may have been left behind: they record nothing more.
        """
        self._over.set()
        self._renewed, self._ended = 0.0, status
        self._database.write(lambda connection: self._end(connection, status))

    @property
    def needed(self) -> str | None:
        """The token of the claim that must stand when something is recorded; None once the run has ended with it."""
        return None if self._ended in ("finished", "budget") else self._token

    def check(self, connection: Connection) -> None:
        """Holds the claim to the end of the transaction. Raises ``StoreError`` where it went to another process.

        A transaction that writes to a SQLite file keeps all others out: there it is enough that nobody was allowed to
        take the claim until then.
        """
        if self.needed is None:
            return
        if connection.dialect.name == "sqlite" and time.time() - self._renewed < LEASE_SECONDS / 2:
            return
        if connection.execute(self._mine).first() is None:
            raise StoreError(
                f"run {self._run_id} was given up, or taken over by another process while this one did not answer: "
                "leave it to that one, or resume it"
            )

    def _take(self, connection: Connection) -> None:
        known = select(runs.c.id).where(runs.c.id == self._run_id).with_for_update(key_share=True)
        if connection.execute(known).first() is None:
            raise StoreError(f"there is no run {self._run_id!r} to work on: create it first")
        self._drop(connection)
        others = self._prune(connection)
        if others and not self._shared:
            raise StoreError(_in_use(others[0]))
        now = _now(connection)
        row = {"run_id": self._run_id, "token": self._token, "since": now, "renewed": now} | asdict(this_process())
        connection.execute(self._database.insert(claims), row)
        if not self._shared:
            self._leases.fill(connection, self._tasks, errors=True)
        elif not others and not self._leases.left(connection):
            self._leases.fill(connection, self._tasks, errors=False)
        running = update(runs).where(runs.c.id == self._run_id, runs.c.status != "running")
        if self._leases.left(connection):
            connection.execute(running.values(status="running", finished=None))

    def _drop(self, connection: Connection) -> None:
        connection.execute(delete(claims).where(claims.c.token == self._token))

    def _prune(self, connection: Connection) -> list[Row[Any]]:
        """Removes the run's claims that are free, and returns those that others hold."""
        rows = connection.execute(select(claims).where(claims.c.run_id == self._run_id, claims.c.token != self._token))
        others = rows.all()
        if not others:
            return []
        now = _now(connection)
        free = [row.token for row in others if _is_free(row, now)]
        if free:
            gone = select(claims.c.token).where(claims.c.token.in_(free)).with_for_update(skip_locked=True)
            connection.execute(delete(claims).where(claims.c.token.in_(connection.execute(gone).scalars().all())))
        return [row for row in others if row.token not in free]

    def _end(self, connection: Connection, status: RunStatus) -> None:
        connection.execute(select(runs.c.id).where(runs.c.id == self._run_id).with_for_update(key_share=True))
        self._drop(connection)
        if self._prune(connection):
            return
        if status != "failed" and not self._leases.left(connection):
            status = "finished"
        ending = update(runs).where(runs.c.id == self._run_id, runs.c.status != status)
        connection.execute(ending.values(status=status, finished=time.time()))

    def _renew_until_over(self) -> None:
        while not self._over.wait(self._renew_seconds):
            begun = time.time()
            try:
                still_ours = self._database.write(self._renew)
            except StoreError:
                continue  # locked or out of reach: the lease is longer than several renewals
            self._renewed = begun if still_ours else 0.0
            if not still_ours:
                return

    def _renew(self, connection: Connection) -> bool:
        mine = update(claims).where(claims.c.token == self._token)
        ours = connection.execute(mine.values(renewed=_now(connection))).rowcount == 1
        if ours:
            self._prune(connection)
        return ours


def _now(connection: Connection) -> float:
    """The time by the one clock that all claimants share: the server's, or this host's for a file."""
    if connection.dialect.name != "postgresql":
        return time.time()
    return float(connection.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one())


def _is_free(held: Row[Any], now: float) -> bool:
    holder = Identity(host=held.host, boot=held.boot, pid=held.pid, started=held.started)
    return now - held.renewed > LEASE_SECONDS if holder.host != this_process().host else is_gone(holder)


def require_unused(connection: Connection) -> None:
    """Raises ``StoreError`` where a living process works on any run."""
    now = _now(connection)
    for row in connection.execute(select(claims)):
        if not _is_free(row, now):
            raise StoreError(f"{_holder(row)}: wait for it or stop it")


def _in_use(held: Row[Any]) -> str:
    return (
        f"{_holder(held)}: wait for it or stop it, then resume; "
        f"or work on it together: reflexa run --join {held.run_id}"
    )


def _holder(held: Row[Any]) -> str:
    since = datetime.fromtimestamp(held.since).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    return f"run {held.run_id} is in use by process {held.pid} on {held.host.partition(' ')[0]} since {since}"
