from __future__ import annotations

import os
import socket
import time
from contextlib import nullcontext
from dataclasses import asdict, replace

import pytest
from sqlalchemy import delete, func, select, update

from reflexa.errors import StoreError
from reflexa.memory.database import Database
from reflexa.memory.sharing.claims import LEASE_SECONDS, RunClaim
from reflexa.memory.sharing.processes import Identity, this_process
from reflexa.memory.sharing.schema import claims
from reflexa.memory.store import Store
from reflexa.types import RunStatus
from tests.memory.support import CONFIG, a_call

PATIENCE = 30.0


def held_by(database: Database, run_id: str, holder: Identity, renewed: float) -> None:
    row = asdict(holder) | {"run_id": run_id, "token": "theirs", "since": renewed, "renewed": renewed}
    database.write(lambda connection: connection.execute(database.insert(claims), row))


def count(database: Database) -> int:
    return database.read(lambda connection: connection.execute(select(func.count()).select_from(claims)).scalar_one())


def test_a_run_is_claimed_by_one_at_a_time(store: Store, url: str) -> None:
    run, other = store.create_run(CONFIG), store.create_run(CONFIG)
    with store.claim(run.id), Store.open(url) as second:
        with pytest.raises(StoreError) as error, second.claim(run.id):
            pass
        with second.claim(other.id):
            pass
    said = str(error.value)
    assert f"run {run.id} is in use by process {os.getpid()} on {socket.gethostname()} since " in said
    assert "wait for it or stop it, then resume" in said
    with store.claim(run.id):
        pass


def test_a_claim_ends_with_its_block_whatever_happens(store: Store, database: Database) -> None:
    run = store.create_run(CONFIG)

    def fail_within() -> None:
        with store.claim(run.id):
            assert count(database) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_within()
    assert count(database) == 0


def test_a_run_that_does_not_exist_cannot_be_claimed(store: Store) -> None:
    with pytest.raises(StoreError), store.claim("nothing"):
        pass


@pytest.mark.parametrize(
    "dead",
    [replace(this_process(), started="earlier"), replace(this_process(), boot="earlier")],
    ids=["ended", "reboot"],
)
def test_the_claim_of_a_dead_process_is_taken_over_at_once(store: Store, database: Database, dead: Identity) -> None:
    run = store.create_run(CONFIG)
    held_by(database, run.id, dead, renewed=time.time())
    with store.claim(run.id):
        store.record_call(run.id, a_call())


def test_another_hosts_claim_is_respected_until_its_lease_ends(store: Store, database: Database) -> None:
    run, elsewhere = store.create_run(CONFIG), replace(this_process(), host="elsewhere")
    held_by(database, run.id, elsewhere, renewed=time.time() - LEASE_SECONDS / 2)
    with pytest.raises(StoreError, match="on elsewhere since"), store.claim(run.id):
        pass
    database.write(lambda connection: connection.execute(delete(claims)))
    held_by(database, run.id, elsewhere, renewed=time.time() - LEASE_SECONDS - 5)
    with store.claim(run.id):
        pass


def test_a_claim_is_renewed_while_it_is_held(store: Store, database: Database) -> None:
    run = store.create_run(CONFIG)

    def renewed() -> float:
        return float(database.read(lambda connection: connection.execute(select(claims.c.renewed)).scalar_one()))

    with RunClaim(database, run.id, renew_seconds=0.02):
        first, deadline = renewed(), time.monotonic() + PATIENCE
        while renewed() == first and time.monotonic() < deadline:
            time.sleep(0.02)
        assert renewed() > first


def test_who_renews_removes_the_dead(store: Store, database: Database) -> None:
    run = store.create_run(CONFIG)
    with RunClaim(database, run.id, renew_seconds=0.02):
        held_by(database, run.id, replace(this_process(), started="earlier"), renewed=time.time())
        deadline = time.monotonic() + PATIENCE
        while count(database) == 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert count(database) == 1


def test_who_lost_a_claim_writes_no_more(store: Store, database: Database) -> None:
    run, other = store.create_run(CONFIG), store.create_run(CONFIG)
    with store.claim(run.id, ["Sums/0"]) as claim:
        store.record_call(run.id, a_call())
        database.write(lambda connection: connection.execute(update(claims).values(token="theirs")))
        claim._renewed -= LEASE_SECONDS  # nobody may take a claim before that
        for refused in (lambda: store.record_call(run.id, a_call(attempt=1)), claim.next):
            with pytest.raises(StoreError, match=f"run {run.id} .*taken over by another process"):
                refused()
        store.record_call(other.id, a_call())
    assert [call.context.attempt for call in store.calls(run.id)] == [0]
    assert count(database) == 1  # theirs


@pytest.mark.parametrize(("status", "refused"), [("interrupted", True), ("failed", True), ("finished", False)])
def test_threads_that_were_left_behind_record_nothing_more(store: Store, status: RunStatus, refused: bool) -> None:
    run = store.create_run(CONFIG)
    with store.claim(run.id, ["Sums/0"]) as claim:
        store.record_call(run.id, a_call())
        claim.end(status)
    with pytest.raises(StoreError, match="was given up") if refused else nullcontext():
        store.record_call(run.id, a_call(attempt=1))
    with store.claim(run.id, ["Sums/0"]):
        store.record_call(run.id, a_call(attempt=2))
    store.record_call(run.id, a_call(attempt=3))
    assert [call.context.attempt for call in store.calls(run.id)] == ([0, 2, 3] if refused else [0, 1, 2, 3])


def test_shared_claims_stand_side_by_side_and_keep_out_who_wants_to_be_alone(store: Store, url: str) -> None:
    run = store.create_run(CONFIG)
    with store.claim(run.id), Store.open(url) as second:
        with second.claim(run.id, shared=True):
            pass
        with pytest.raises(StoreError, match=f"work on it together: reflexa run --join {run.id}"), second.claim(run.id):
            pass
        store.record_call(run.id, a_call())  # who was refused took nothing from who has it


@pytest.mark.parametrize(("status", "recorded"), [("interrupted", "interrupted"), ("failed", "failed")])
def test_the_last_to_leave_says_how_the_run_ended(store: Store, url: str, status: RunStatus, recorded: str) -> None:
    run = store.create_run(CONFIG)
    with store.claim(run.id, ["a"]) as first, Store.open(url) as other, other.claim(run.id, shared=True) as second:
        first.end("budget")
        assert store.find_run(run.id).status == "running"
        second.end(status)
    assert store.find_run(run.id).status == recorded
    with store.claim(run.id, ["a"]):
        assert store.find_run(run.id).status == "running"
        assert store.find_run(run.id).finished is None


def test_a_run_of_which_nothing_is_left_is_finished_however_its_last_process_ended(store: Store) -> None:
    run = store.create_run(CONFIG)
    with store.claim(run.id, ["a"]) as claim:
        assert claim.next().task_id == "a"
        assert claim.next("a").over
        finished = store.find_run(run.id).finished
        claim.end("interrupted")
    assert store.find_run(run.id).status == "finished"
    assert store.find_run(run.id).finished == finished
