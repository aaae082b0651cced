from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from reflexa.memory.database import Database
from reflexa.memory.sharing.claims import LEASE_SECONDS, RunClaim
from reflexa.memory.sharing.leases import Turn
from reflexa.memory.sharing.processes import this_process
from reflexa.memory.sharing.schema import claims, leases
from reflexa.memory.store import Store
from tests.memory.support import CONFIG, a_task, an_episode

TASKS = [f"Sums/{number}" for number in range(5)]


def left(database: Database) -> set[str]:
    return database.read(lambda connection: set(connection.execute(select(leases.c.task_id)).scalars()))


def test_tasks_are_taken_in_their_order_and_each_by_one(store: Store, database: Database) -> None:
    run = store.create_run(CONFIG)
    with store.claim(run.id, TASKS) as first, RunClaim(database, run.id, TASKS, shared=True) as second:
        taken = [first.next().task_id, second.next().task_id, first.next().task_id]
        assert taken == TASKS[:3]
        assert first.next(TASKS[0]).task_id == TASKS[3]
        assert left(database) == set(TASKS[1:])
        assert [first.next().task_id, first.next().over] == [TASKS[4], False]  # the second one has a task still
        assert second.next(TASKS[1]) == Turn()
        for task in (TASKS[2], TASKS[3]):
            assert first.next(task) == Turn(over=True)
        assert store.find_run(run.id).status == "running"
        assert first.next(TASKS[4]) == Turn(over=True)
        assert store.find_run(run.id).status == "finished"
        assert second.next() == Turn(over=True)


def test_what_a_claim_had_is_free_when_it_ends(store: Store, database: Database) -> None:
    run = store.create_run(CONFIG)
    with store.claim(run.id, TASKS) as first:
        with RunClaim(database, run.id, shared=True) as second:
            assert [second.next().task_id, second.next().task_id] == TASKS[:2]
            assert first.next().task_id == TASKS[2]
        assert first.next().task_id == TASKS[0]


@pytest.mark.parametrize("host", ["here", "elsewhere"])
def test_what_the_dead_had_is_taken_over(store: Store, database: Database, host: str) -> None:
    run = store.create_run(CONFIG)
    dead = replace(this_process(), host="elsewhere") if host == "elsewhere" else replace(this_process(), started="then")
    with store.claim(run.id, TASKS[:1]) as first, RunClaim(database, run.id, TASKS, shared=True) as second:
        assert second.next().task_id == TASKS[0]
        assert first.next() == Turn()
        theirs = update(claims).where(claims.c.token == second._token)
        identity = {"host": dead.host, "started": dead.started}
        database.write(lambda connection: connection.execute(theirs.values(identity)))
        if host == "elsewhere":
            assert first.next() == Turn()
            late = time.time() - LEASE_SECONDS - 5
            database.write(lambda connection: connection.execute(theirs.values(renewed=late)))
        assert first.next().task_id == TASKS[0]


def test_a_task_that_was_given_in_a_commit_that_seemed_lost_is_given_again(store: Store, database: Database) -> None:
    run = store.create_run(CONFIG)
    with store.claim(run.id, TASKS) as claim:
        database.write(
            lambda connection: connection.execute(
                update(leases).where(leases.c.task_id == TASKS[0]).values(token=claim._token)
            )
        )
        assert [claim.next().task_id for _ in TASKS] == TASKS
        assert claim.next().over


def test_it_is_said_whether_something_may_be_recorded_of_a_task(store: Store) -> None:
    run = store.create_run(CONFIG)
    store.begin_episode(run.id, a_task(TASKS[0]))
    with store.claim(run.id, TASKS) as claim:
        assert [claim.next().begun, claim.next().begun] == [True, False]


def test_a_task_that_had_ended_when_its_process_died_is_not_given_again(store: Store) -> None:
    run = store.create_run(CONFIG)
    with store.claim(run.id, TASKS) as claim:
        store.end_episode(run.id, an_episode(TASKS[0]))
        assert claim.next().task_id == TASKS[1]


def test_errors_are_tried_again_by_who_resumes_alone(store: Store, database: Database) -> None:
    run = store.create_run(CONFIG)
    broken = an_episode(TASKS[0]).model_copy(update={"stop_reason": "error", "error": "PolicyError: x"})
    store.end_episode(run.id, broken)
    with store.claim(run.id, TASKS[:2], shared=True) as claim:
        assert claim.next().task_id == TASKS[1]
        store.end_episode(run.id, an_episode(TASKS[1]))
        assert claim.next(TASKS[1]).over
    with store.claim(run.id, TASKS[:2]) as claim:
        assert claim.next() == Turn(task_id=TASKS[0], begun=True)
        with RunClaim(database, run.id, TASKS[:2], shared=True) as other:
            store.end_episode(run.id, broken)
            assert claim.next(TASKS[0]).over
            assert other.next().over


def test_many_threads_of_many_claims_race_for_few_tasks(store: Store, url: str) -> None:
    run = store.create_run(CONFIG)
    tasks, taken = [f"Sums/{number}" for number in range(24)], Counter[str]()

    def work(claim: RunClaim) -> None:
        turn = claim.next()
        while not turn.over:
            if turn.task_id is None:
                time.sleep(0.01)
                turn = claim.next()
            else:
                taken[turn.task_id] += 1
                turn = claim.next(turn.task_id)

    with ExitStack() as stack:
        stores = [stack.enter_context(Store.open(url)) for _ in range(4)]
        held = [stack.enter_context(one.claim(run.id, tasks, shared=True)) for one in stores]
        threads = [threading.Thread(target=work, args=(claim,)) for claim in held for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert taken == Counter(tasks)
    assert store.find_run(run.id).status == "finished"
