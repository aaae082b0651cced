"""One process per run: a claim is held by a living process and renewed while it lives.

The claim of a process that died on this host is taken over at once; that of another host when it was not renewed
for ``LEASE_SECONDS``.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from reflexa.errors import StoreError
from reflexa.memory.database import Database
from reflexa.memory.processes import Identity, is_gone, this_process
from reflexa.memory.schema import claims, runs

LEASE_SECONDS = 60.0
RENEW_SECONDS = 15.0


class RunClaim:
    """The right to continue a run, held from ``with`` to its end. Raises ``StoreError`` where a living process has it.

    ``lost`` is called at most once, from another thread, where the claim went to another process after all: this
    one was stopped, or cut off from the database, for longer than the lease.
    """

    def __init__(
        self, database: Database, run_id: str, lost: Callable[[], None], renew_seconds: float = RENEW_SECONDS
    ) -> None:
        self._database, self._run_id, self._lost = database, run_id, lost
        self._renew_seconds = renew_seconds
        self._token = secrets.token_hex(8)
        self._over = threading.Event()
        self._renewer = threading.Thread(target=self._renew_until_over, name=f"claim-{run_id}", daemon=True)

    def __enter__(self) -> RunClaim:
        self._database.write(self._take)
        self._renewer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._renewer.join()
        mine = delete(claims).where(claims.c.run_id == self._run_id, claims.c.token == self._token)
        try:
            self._database.write(lambda connection: connection.execute(mine))
        except StoreError:
            if error is None:
                raise  # else the first error says more, and a dead process's claim is taken over anyway

    def _take(self, connection: Connection) -> None:
        connection.execute(select(runs.c.id).where(runs.c.id == self._run_id).with_for_update())
        now = _now(connection)
        held = connection.execute(select(claims).where(claims.c.run_id == self._run_id)).one_or_none()
        if held is not None and held.token != self._token:
            if not _is_free(held, now):
                raise StoreError(_in_use(held))
            connection.execute(delete(claims).where(claims.c.run_id == self._run_id))
        row = {"run_id": self._run_id, "token": self._token, "since": now, "renewed": now} | asdict(this_process())
        connection.execute(self._database.insert(claims).on_conflict_do_nothing(), row)

    def _renew_until_over(self) -> None:
        while not self._over.wait(self._renew_seconds):
            try:
                still_ours = self._database.write(self._renew)
            except StoreError:
                continue  # locked or out of reach: the lease is longer than several renewals
            if not still_ours:
                self._lost()
                return

    def _renew(self, connection: Connection) -> bool:
        mine = update(claims).where(claims.c.run_id == self._run_id, claims.c.token == self._token)
        return connection.execute(mine.values(renewed=_now(connection))).rowcount == 1


def _now(connection: Connection) -> float:
    """The time by the one clock that all claimants share: the server's, or this host's for a file."""
    if connection.dialect.name != "postgresql":
        return time.time()
    return float(connection.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one())


def _is_free(held: Row[Any], now: float) -> bool:
    holder = Identity(host=held.host, boot=held.boot, pid=held.pid, started=held.started)
    return now - held.renewed > LEASE_SECONDS if holder.host != this_process().host else is_gone(holder)


def _in_use(held: Row[Any]) -> str:
    since = datetime.fromtimestamp(held.since).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    return (
        f"run {held.run_id} is in use by process {held.pid} on {held.host.partition(' ')[0]} since {since}: "
        "wait for it or stop it, then resume"
    )
