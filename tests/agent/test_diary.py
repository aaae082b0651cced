"""Which run an agent's episode goes to, and what is learnt of the runs that have ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reflexa.agent.budget import Budget, Limits
from reflexa.agent.diary import Diary
from reflexa.agent.distilling import TASK_ID, DistillConfig, Distiller
from reflexa.errors import BudgetExceededError
from reflexa.memory import Store
from reflexa.models.scripted import ScriptedPolicy, ScriptedRow
from reflexa.types import Attempt, Episode, Graded, RunConfig, Task, Verdict
from tests.agent.lessons import lesson, record_use
from tests.agent.support import task

ADD = "ADD: Read which word is wanted before you say one."


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "memory.db") as opened:
        yield opened


def _describe(of: Task) -> RunConfig:
    return RunConfig(suite=of.suite, split=of.split, model="m", memory="suite", explore=0.5)


def _solved(diary: Diary, of: Task) -> str:
    """An episode that ended; its run's id."""
    run = diary.run_for(of)
    verdict = Verdict(score=1.0, passed=True, verifier="v")
    attempt = Attempt(answer="the word")
    diary.store.begin_episode(run.id, of)
    diary.store.record_attempt(run.id, of.id, attempt)
    diary.store.record_verdict(run.id, of.id, 0, "feedback", verdict)
    tries = (Graded(attempt=attempt, feedback=verdict),)
    diary.store.end_episode(run.id, Episode(task=of, strategy="none", tries=tries, submitted=0))
    return run.id


def _distiller(store: Store, config: DistillConfig | None = None, tokens: int | None = None) -> Distiller:
    policy = ScriptedPolicy([ScriptedRow(task=TASK_ID, distill=(ADD,))])
    return Distiller(store, policy, config or DistillConfig(), Budget(Limits(tokens=tokens)))


def test_a_run_holds_tasks_of_one_suite_and_split_and_each_once(store: Store) -> None:
    diary = Diary(store, _describe)
    first = diary.run_for(task("t/0", split="train"))
    assert diary.run_for(task("t/1", split="train")) == first
    assert diary.run_for(task("t/1")).config.split == "test"
    assert diary.run_for(task("t/1", split="train").model_copy(update={"suite": "other"})).config.suite == "other"
    again = diary.run_for(task("t/0", split="train"))
    assert again.id != first.id
    assert diary.run_for(task("t/1", split="train")) == again
    assert {run.id: run.status for run in store.list_runs()}[first.id] == "finished"
    assert sorted(run.status for run in store.list_runs()) == ["finished", "running", "running", "running"]
    diary.end()
    assert {run.status for run in store.list_runs()} == {"finished"}
    assert diary.run_for(task("t/2", split="train")).id not in {first.id, again.id}


def test_what_was_solved_is_learnt_once_and_never_from_a_test_split(store: Store) -> None:
    diary = Diary(store, _describe)
    run = _solved(diary, task("t/0", split="train"))
    held_out = _solved(diary, task("t/1"))
    found = diary.learn(_distiller(store))
    assert [each.run_id for each in found.runs] == [run]
    assert [each.text for each in found.lessons] == ["Read which word is wanted before you say one."]
    assert found.lessons[0].sources[0].run == run
    assert list(store.calls(held_out, TASK_ID)) == []
    assert diary.learn(_distiller(store)).runs == ()

    held_out = _solved(diary, task("t/2"))
    allowed = diary.learn(_distiller(store, DistillConfig(test_split=True)))
    assert [(each.run_id, each.split) for each in allowed.runs] == [(held_out, "test")]


def test_what_a_budget_kept_from_being_learnt_is_learnt_the_next_time(store: Store) -> None:
    diary = Diary(store, _describe)
    run = _solved(diary, task("t/0", split="train"))
    with pytest.raises(BudgetExceededError):
        diary.learn(_distiller(store, tokens=0))
    assert [each.run_id for each in diary.learn(_distiller(store)).runs] == [run]


def test_lessons_that_hurt_are_quarantined_when_their_run_ends(store: Store) -> None:
    store.add_lessons([lesson("l1", "Say the wrong word.")])
    diary = Diary(store, _describe)
    run = diary.run_for(task("t/0", split="train"))
    for number in range(24):
        record_use(store, run.id, "l1", f"t/{number}", shown=number % 2 == 0, solved=number % 2 == 1)
    found = diary.learn(_distiller(store))
    assert [each.id for each in found.quarantined] == ["l1"]
    assert store.find_lesson("l1").status == "quarantined"
