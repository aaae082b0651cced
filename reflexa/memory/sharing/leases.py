"""The tasks of a run that have not ended, each leased to one process at a time.

A row stands for a task that is left; it goes when the task has ended. A lease lasts as long as the claim of the
process that has it: where that claim is removed, the database itself frees the lease.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, delete, or_, select, update

from reflexa.memory.database import Database
from reflexa.memory.episodes.schema import episodes, runs
from reflexa.memory.sharing.schema import leases


@dataclass(frozen=True)
class Turn:
    """What a process does next: the task that it has leased, if any.

    ``begun`` says that something may be recorded of the task. Without a task the run is ``over`` for this process's
    other threads at least; or other processes still have tasks, which are free again should one of them die.
    """

    task_id: str | None = None
    begun: bool = False
    over: bool = False


class Leases:
    """One process's view of what a run has left. Safe for any number of threads."""

    def __init__(self, database: Database, run_id: str, token: str) -> None:
        self._database, self._run_id, self._token = database, run_id, token
        self._of_run = leases.c.run_id == run_id
        self._held: set[str] = set()
        self._turn = threading.Lock()

    def fill(self, connection: Connection, tasks: Sequence[str], *, errors: bool) -> None:
        """Adds the run's tasks that have not ended; those too that ended in an error, where ``errors``."""
        ended = select(episodes.c.task_id).where(episodes.c.run_id == self._run_id, episodes.c.ended.is_not(None))
        if errors:
            ended = ended.where(episodes.c.error.is_(None))
        done = set(connection.execute(ended).scalars())
        rows = [
            {"run_id": self._run_id, "task_id": name, "place": place, "token": None}
            for place, name in enumerate(tasks)
            if name not in done
        ]
        if rows:
            connection.execute(self._database.insert(leases).on_conflict_do_nothing(), rows)

    def left(self, connection: Connection) -> bool:
        """Whether anything of the run is left."""
        return connection.execute(select(leases.c.task_id).where(self._of_run).limit(1)).first() is not None

    def next(
        self, done: str | None, check: Callable[[Connection], None], prune: Callable[[Connection], object]
    ) -> Turn:
        """Gives back what is done and takes what is free, where ``check`` finds that our claim holds.

        ``prune`` removes the claims of the dead.
        """

        def take(connection: Connection) -> Turn:
            check(connection)
            return self._next(connection, done, prune)

        with self._turn:  # one thread at a time: what the last one was given is then known to be held
            turn = self._database.write(take)
            self._held.discard(done or "")
            if turn.task_id is not None:
                self._held.add(turn.task_id)
        return turn

    def _next(self, connection: Connection, done: str | None, prune: Callable[[Connection], object]) -> Turn:
        if done is not None:
            mine = leases.c.task_id == done, leases.c.token == self._token
            connection.execute(delete(leases).where(self._of_run, *mine))
        turn = self._lease(connection)
        if turn is None and self._others_have(connection):
            prune(connection)
            turn = self._lease(connection)
        if turn is not None:
            return turn
        if self._others_have(connection):
            return Turn()
        if not self.left(connection):
            ending = update(runs).where(runs.c.id == self._run_id, runs.c.status == "running")
            connection.execute(ending.values(status="finished", finished=time.time()))
        return Turn(over=True)

    def _lease(self, connection: Connection) -> Turn | None:
        """The first free task, now ours. One that is ours and not held was given in a commit that seemed lost."""
        forgotten = and_(leases.c.token == self._token, leases.c.task_id.not_in(self._held))
        episode = and_(episodes.c.run_id == leases.c.run_id, episodes.c.task_id == leases.c.task_id)
        free = (
            select(leases.c.task_id, episodes.c.begun, episodes.c.ended, episodes.c.error)
            .join(episodes, episode, isouter=True)
            .where(self._of_run, or_(leases.c.token.is_(None), forgotten))
            .order_by(leases.c.place)
            .limit(1)
            .with_for_update(of=leases, skip_locked=True)
        )
        while (row := connection.execute(free).first()) is not None:
            this = self._of_run, leases.c.task_id == row.task_id
            if row.ended is None or row.error is not None:
                connection.execute(update(leases).where(*this).values(token=self._token))
                return Turn(task_id=row.task_id, begun=row.begun is not None)
            connection.execute(delete(leases).where(*this))  # its process died between its end and the lease's
        return None

    def _others_have(self, connection: Connection) -> bool:
        """Whether tasks are left that are not ours: leased by others, or in this moment being leased."""
        foreign = or_(leases.c.token.is_(None), leases.c.token != self._token)
        return connection.execute(select(leases.c.task_id).where(self._of_run, foreign).limit(1)).first() is not None
