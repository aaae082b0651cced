"""The runner: tallies, errors, budgets, and stopping."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reflexa.agent.budget import Budget, Limits
from reflexa.agent.loop import Loop
from reflexa.agent.runner import Runner, Tally
from reflexa.errors import VerifierError
from reflexa.models.scripted import ScriptedPolicy, ScriptedRow
from reflexa.types import Attempt, Task, Verdict
from tests.agent.support import Bench, task


def _bench(folder: Path, n: int = 20) -> Bench:
    rows = [
        ScriptedRow(
            task=f"t/{i}", attempts=("no", "a right word" if i % 4 else "a word"), reflections=("Think of the word.",)
        )
        for i in range(n)
    ]
    return Bench(folder, ScriptedPolicy(rows))


def _tasks(n: int = 20) -> list[Task]:
    return [task(f"t/{i}") for i in range(n)]


@pytest.mark.parametrize("concurrency", [1, 8])
def test_every_task_is_solved_once_whatever_the_concurrency(tmp_path: Path, concurrency: int) -> None:
    bench = _bench(tmp_path)
    seen: list[Tally] = []
    outcome = Runner(bench.loop(), concurrency, seen.append).run(_tasks())
    assert outcome.status == "finished"
    assert (outcome.tally.solved, outcome.tally.failed, outcome.tally.errors) == (15, 5, 0)
    assert bench.store.finished(bench.run.id) == {f"t/{i}" for i in range(20)}
    assert seen[-1] == outcome.tally
    assert max(tally.retrying for tally in seen) >= 1
    assert outcome.tally.retrying == 0
    assert outcome.tally.usage == sum(
        (call.completion.usage for call in bench.store.calls(bench.run.id)), Tally(total=0).usage
    )


def test_a_budget_ends_the_run_cleanly_and_the_rest_can_be_resumed(tmp_path: Path) -> None:
    bench = _bench(tmp_path)
    limited = replace(bench.loop(), budget=Budget(Limits(tokens=1000)))
    outcome = Runner(limited, 4).run(_tasks())
    assert outcome.status == "budget"
    assert "1,000 tokens" in outcome.detail
    done = bench.store.finished(bench.run.id)
    assert 0 < len(done) < 20
    rest = [task for task in _tasks() if task.id not in done]
    outcome = Runner(bench.loop(), 4).run(rest, already_done=len(done))
    assert outcome.status == "finished"
    assert len(list(bench.store.episodes(bench.run.id))) == 20
    contexts = [call.context for call in bench.store.calls(bench.run.id)]
    assert len(contexts) == len(set(contexts)) == 60


class _SometimesBroken:
    name = "sometimes-broken"
    version = "1"

    def verify(self, task: Task, attempt: Attempt) -> Verdict:
        if task.id == "t/7":
            raise VerifierError("broke")
        return Verdict(score=1.0, passed=True)


def test_one_broken_check_is_one_error_and_the_others_go_on(tmp_path: Path) -> None:
    bench = _bench(tmp_path)
    outcome = Runner(replace(bench.loop(), judge=_SometimesBroken()), 4).run(_tasks())
    assert (outcome.status, outcome.tally.errors, outcome.tally.solved) == ("finished", 1, 19)
    assert bench.store.finished(bench.run.id) == {f"t/{i}" for i in range(20) if i != 7}


class _Bug(Exception):
    pass


class _Buggy:
    name = "buggy"
    version = "1"

    def verify(self, task: Task, attempt: Attempt) -> Verdict:
        raise _Bug("not one of ours")


def test_what_is_not_expected_stops_the_run_and_is_raised(tmp_path: Path) -> None:
    bench = _bench(tmp_path)
    loop: Loop = replace(bench.loop(), judge=_Buggy())
    with pytest.raises(_Bug):
        Runner(loop, 4).run(_tasks())
    assert loop.stop.is_set()


def test_no_tasks_are_a_finished_run(tmp_path: Path) -> None:
    outcome = Runner(_bench(tmp_path).loop()).run([], already_done=3)
    assert (outcome.status, outcome.tally.total) == ("finished", 3)
