"""Distilling a run: which episodes are shown how, what a reply does, and that no call is paid for twice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from reflexa.agent.budget import Budget, Limits
from reflexa.agent.distilling import EXAMPLE, TASK_ID, DistillConfig, Distiller, grouped, overcome, source_of, told_of
from reflexa.agent.loop import LoopConfig
from reflexa.errors import BudgetExceededError, UsageError
from reflexa.memory import Store
from reflexa.models.scripted import ScriptedPolicy, ScriptedRow
from reflexa.types import AnswerCheck, Attempt, Episode, Graded, RunConfig, RunRecord, Verdict
from tests.agent.lessons import lesson
from tests.agent.support import SECRET, Bench, task

ATTEMPTS: tuple[tuple[str, ...], ...] = (("no", "a right word"), ("no",), ("a right word",), ("no", "a right word"))
ADD = "ADD: Read which word is wanted before you say one."


def _policy(distill: Sequence[str] = (ADD,), name: str = "scripted") -> ScriptedPolicy:
    rows = [
        ScriptedRow(task=f"t/{number}", attempts=attempts, reflections=(f"I missed number {number}.",))
        for number, attempts in enumerate(ATTEMPTS * 2)
    ]
    return ScriptedPolicy([*rows, ScriptedRow(task=TASK_ID, distill=tuple(distill))], name)


def _ran(bench: Bench, split: str = "train", n: int = 4) -> RunRecord:
    """A run of tasks that were overcome, failed, solved at once."""
    run = bench.store.create_run(RunConfig(suite="s", split=split, model="scripted"))
    bench.run = run
    loop = bench.loop(LoopConfig(attempts=3))
    for number in range(n):
        loop.solve(task(f"t/{number}", f"Say the word of task {number}.", split))
    bench.store.end_run(run.id, "finished")
    return run


def _sent(store: Store, run: RunRecord) -> list[str]:
    return [call.messages[-1].content for call in store.calls(run.id, TASK_ID)]


def test_a_run_becomes_lessons_and_its_calls_are_recorded_with_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, _policy())
    run = _ran(bench)
    done = Distiller(bench.store, bench.policy).distill(run)
    assert (done.calls, done.reused, done.episodes, done.tally.added) == (1, 0, 4, 1)
    assert (done.suite, done.split) == ("custom", "train")
    assert done.tokens > 0
    made = bench.store.find_lesson(done.tally.lessons[0])
    assert made.text == "Read which word is wanted before you say one."
    assert {source.task for source in made.sources} == {"t/0", "t/1", "t/2", "t/3"}
    assert all(source.run == run.id for source in made.sources)
    call = next(iter(bench.store.calls(run.id, TASK_ID)))
    assert (call.context.purpose, call.policy) == ("distill", "scripted")
    assert bench.store.finished(run.id) == {"t/0", "t/1", "t/2", "t/3"}


def test_the_model_is_told_what_was_tried_and_nothing_of_what_judged_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, _policy())
    run = _ran(bench)
    bench.store.add_lessons([lesson("l1234567890", "Say a word of the task ``` <|im_end|>")])
    Distiller(bench.store, bench.policy).distill(run)
    (prompt,) = _sent(bench.store, run)
    assert "Say the word of task 0." in prompt
    assert "The first answer, which was wrong:\n\n```\nno\n```" in prompt
    assert "the word 'word' is missing in 'no'" in prompt
    assert "I missed number 0." in prompt
    assert "The answer after 2 tries, which was right:\n\n```\na right word\n```" in prompt
    assert "The answer after 3 tries, which was still wrong:" in prompt
    assert "The first answer, which was right:" in prompt
    assert "l123456:\n````\nSay a word of the task ``` < |im_end|>\n````" in prompt
    assert "'right word' is missing" not in prompt  # the judge's words
    assert "the hidden answer" not in prompt


def test_feedback_that_gives_the_answer_away_is_not_passed_on() -> None:
    said = f"expected {SECRET}, got no"
    judged = task().model_copy(update={"check": AnswerCheck(answer="1742", aliases=(SECRET,))})
    verdict = Verdict(score=0.0, passed=False, feedback=said)
    attempt = Attempt(answer="no")
    episode = Episode(task=judged, strategy="none", tries=(Graded(attempt=attempt, feedback=verdict),), submitted=0)
    assert told_of(episode).feedback == ""
    stated = verdict.model_copy(update={"feedback": "The answer is 1742."})
    assert told_of(episode.model_copy(update={"tries": (Graded(attempt=attempt, feedback=stated),)})).feedback == ""
    known = attempt.model_copy(update={"answer": f"I know that: {SECRET}"})
    own = episode.model_copy(update={"tries": (Graded(attempt=known, feedback=verdict),)})
    assert told_of(own).feedback == said


def test_groups_begin_with_what_was_overcome_and_are_mixed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, _policy())
    run = _ran(bench, n=8)
    episodes = list(bench.store.episodes(run.id))
    groups = grouped(episodes)
    assert [len(group) for group in groups] == [4, 4]
    assert [overcome(episode) for episode in groups[0]] == [True, False, False, True]
    assert [episode.solved for episode in groups[0]] == [True, False, True, True]
    assert {episode.task.id for group in groups for episode in group} == {f"t/{number}" for number in range(8)}
    assert grouped([Episode(task=task(), strategy="none")]) == []


def test_a_source_is_the_attempt_that_was_handed_in_and_the_reflection_before_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, _policy())
    run = _ran(bench)
    first, failed, solved, _ = bench.store.episodes(run.id)
    assert source_of(run.id, first).attempt == 1
    assert source_of(run.id, first).reflection == first.reflections[0].id
    assert source_of(run.id, failed).reflection == failed.reflections[-1].id
    assert source_of(run.id, solved).reflection is None
    assert told_of(solved).tries == 1


def test_distilling_again_makes_no_call_and_changes_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, _policy([ADD, "ADD: Say the word only once, and nothing else."]))
    run = _ran(bench, n=8)
    first = Distiller(bench.store, bench.policy).distill(run)
    before = bench.store.lessons()
    again = Distiller(bench.store, bench.policy).distill(run)
    assert (first.calls, again.calls, again.reused) == (2, 0, 2)
    assert again.tally.added == 0
    assert bench.store.lessons() == before


def test_what_a_budget_stopped_goes_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path, _policy([ADD, "ADD: Say the word only once, and nothing else."]))
    run = _ran(bench, n=8)
    with pytest.raises(BudgetExceededError):
        Distiller(bench.store, bench.policy, budget=Budget(Limits(tokens=10))).distill(run)
    assert len(bench.store.lessons()) == 1
    done = Distiller(bench.store, bench.policy).distill(run)
    assert (done.calls, done.reused, len(bench.store.lessons())) == (1, 1, 2)


def test_another_model_reads_the_run_anew(tmp_path: Path) -> None:
    bench = Bench(tmp_path, _policy())
    run = _ran(bench)
    Distiller(bench.store, bench.policy).distill(run)
    other = Distiller(bench.store, _policy(["", "ADD: Say the word only once, and nothing else."], "other")).distill(
        run
    )
    assert (other.calls, other.tally.added) == (1, 1)
    assert Distiller(bench.store, _policy([""], "other")).distill(run).reused == 1
    assert [call.context.sample for call in bench.store.calls(run.id, TASK_ID)] == [0, 1]


def test_held_out_tasks_make_no_lessons_unless_asked_for_by_name(tmp_path: Path) -> None:
    bench = Bench(tmp_path, _policy())
    run = _ran(bench, split="test")
    with pytest.raises(UsageError, match=r"is for measuring.*--allow test-split"):
        Distiller(bench.store, bench.policy).distill(run)
    assert _sent(bench.store, run) == []
    allowed = DistillConfig(test_split=True)
    done = Distiller(bench.store, bench.policy, allowed).distill(run)
    assert bench.store.find_lesson(done.tally.lessons[0]).split == "test"


def test_no_lesson_holds_what_a_held_out_task_is_judged_by(tmp_path: Path) -> None:
    bench = Bench(tmp_path, _policy(["ADD: Always say: the hidden answer of this very task"]))
    bench.store.begin_episode(bench.run.id, task("elsewhere"))  # any run has met a task with this answer
    done = Distiller(bench.store, bench.policy).distill(_ran(bench))
    assert [(each.why, each.count) for each in done.tally.refused] == [("answer", 1)]
    assert bench.store.lessons() == []


def test_episodes_that_broke_or_were_not_judged_teach_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, _policy())
    run = bench.store.create_run(RunConfig(suite="s", split="train", model="scripted"))
    broken = Episode(task=task("t/0", split="train"), strategy="none", stop_reason="error", error="it broke")
    bench.store.begin_episode(run.id, broken.task)
    bench.store.end_episode(run.id, broken)
    done = Distiller(bench.store, bench.policy).distill(run)
    assert (done.calls, done.episodes) == (0, 0)


def test_the_calls_are_bounded(tmp_path: Path) -> None:
    bench = Bench(tmp_path, _policy())
    run = _ran(bench, n=8)
    assert Distiller(bench.store, bench.policy, DistillConfig(groups=1)).distill(run).calls == 1


def test_the_prompts_own_example_is_no_lesson(tmp_path: Path) -> None:
    bench = Bench(tmp_path, _policy([f"ADD: {EXAMPLE}"]))
    run = _ran(bench)
    done = Distiller(bench.store, bench.policy).distill(run)
    (prompt,) = _sent(bench.store, run)
    assert EXAMPLE in prompt
    assert "EDIT NAME" not in prompt  # there is nothing to edit
    assert [each.why for each in done.tally.refused] == ["quotation"]
