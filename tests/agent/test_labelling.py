"""AI preferences over recorded answers: pairs drawn, judged in both orders, recorded as they are made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from reflexa.agent import BenchOptions, Workbench
from reflexa.agent.labelling import LabelOptions, label_runs
from reflexa.errors import TransientVerifierError, UsageError
from reflexa.memory import Store
from reflexa.rows import TrainingRecord
from reflexa.types import Attempt, Completion, Episode, Graded, Message, RunConfig, Task, Verdict
from reflexa.verifiers import Pairwise
from reflexa.verifiers.judging import Panel
from reflexa.verifiers.pairwise import Standard
from tests.verifiers.judges import RuleJudge, pieces

STANDARDS = tuple(Standard(id=name, text=f"The more {name} one.") for name in ("brief", "kind", "true"))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    with Store.open(tmp_path / "a.db") as store, Workbench(store, BenchOptions(concurrency=2)) as bench:
        yield bench


def shorter(prompt: str) -> str:
    _, first, second = pieces(prompt)
    return json.dumps({"reason": "It is shorter.", "better": "first" if len(first) < len(second) else "second"})


def a_judge(rule: RuleJudge | None = None) -> Pairwise:
    return Pairwise("x", STANDARDS, Panel((rule or RuleJudge(shorter),)))


def recorded(store: Store, *tasks: tuple[str, ...]) -> str:
    """A run with a task for each tuple of answers."""
    run = store.create_run(RunConfig(suite="talk", model="scripted", split="train"))
    for number, answers in enumerate(tasks):
        task = Task(
            id=f"t{number}", suite="talk", split="train", prompt=(Message(role="user", content=f"Ask {number}"),)
        )
        store.begin_episode(run.id, task)
        tries = tuple(
            Graded(attempt=Attempt(index=index, answer=answer, completion=Completion(text=answer), policy="scripted"))
            for index, answer in enumerate(answers)
        )
        for graded in tries:
            store.record_attempt(run.id, task.id, graded.attempt)
            store.record_verdict(run.id, task.id, graded.attempt.index, "judge", Verdict(score=0.0, passed=False))
        store.end_episode(run.id, Episode(task=task, strategy="best-of-n", tries=tries, submitted=0))
    store.end_run(run.id, "finished")
    return run.id


def test_labels_name_their_principles_and_are_made_once(bench: Workbench) -> None:
    run = recorded(bench.store, ("a long answer", "short"), ("one", "another one"))
    asked = RuleJudge(shorter)
    labelled = label_runs(bench, [run], a_judge(asked), LabelOptions(principles=2))
    assert (labelled.made, labelled.known, labelled.undecided, labelled.inconsistent) == (2, 0, 0, 0)
    first, second = bench.store.comparisons(run)
    assert (first.a, first.b, first.probability, second.probability) == (0, 1, 0.0, 1.0)
    assert len({label.principle for label in first.principles}) == 2
    assert len(asked.asked) == 8  # two pairs, two principles, two orders
    again = label_runs(bench, [run], a_judge(asked), LabelOptions(principles=2))
    assert (again.made, again.known, len(asked.asked)) == (0, 2, 8)


def test_equal_and_empty_answers_make_no_pair(bench: Workbench) -> None:
    run = recorded(bench.store, ("same", "same", " "), ("one", "two", "three"))
    labelled = label_runs(bench, [run], a_judge(), LabelOptions(pairs=5))
    assert labelled.made == 3
    assert {found.task for found in bench.store.comparisons(run)} == {"t1"}
    with pytest.raises(UsageError, match="best-of-n"):
        label_runs(bench, [recorded(bench.store, ("same", "same"))], a_judge(), LabelOptions())


def test_a_judge_that_goes_by_the_order_is_counted(bench: Workbench) -> None:
    run = recorded(bench.store, ("one", "two"))
    judge = a_judge(RuleJudge(lambda prompt: '{"reason": "The first.", "better": "first"}'))
    labelled = label_runs(bench, [run], judge, LabelOptions())
    assert (labelled.undecided, labelled.inconsistent) == (1, 1)


def test_a_judge_that_cannot_be_read_is_given_up_on_and_one_bad_reply_is_not(bench: Workbench) -> None:
    run = recorded(bench.store, *((f"a {n}", f"longer {n}") for n in range(12)))
    with pytest.raises(TransientVerifierError, match="no readable verdict"):
        label_runs(bench, [run], a_judge(RuleJudge(lambda prompt: "The first one!")), LabelOptions())
    assert bench.store.comparisons(run) == []
    sometimes = RuleJudge(lambda prompt: "Hm." if "Ask 7" in prompt else shorter(prompt))
    labelled = label_runs(bench, [run], a_judge(sometimes), LabelOptions())
    assert (labelled.made, labelled.unlabelled) == (11, 1)


def test_answers_that_were_retracted_are_not_compared(bench: Workbench) -> None:
    run = recorded(bench.store, ("a long answer", "short"), ("one", "another one"))
    bench.store.ancestry.retract(f"{run}/t0/1", "it was copied")
    labelled = label_runs(bench, [run], a_judge(), LabelOptions())
    assert (labelled.made, labelled.known, labelled.retracted) == (1, 0, 1)
    bench.store.ancestry.retract(f"{run}/t1/2")
    assert label_runs(bench, [run], a_judge(), LabelOptions()).retracted == 2


def test_a_judge_that_was_retracted_is_refused(bench: Workbench, tmp_path: Path) -> None:
    run = recorded(bench.store, ("a long answer", "short"))
    folder = tmp_path / "judge"
    bench.store.record_training(
        TrainingRecord(
            id="t1",
            algorithm="sft",
            model="m",
            config={"output": str(folder)},
            datasets=(),
            status="finished",
            created=1.0,
        )
    )
    judge = a_judge(RuleJudge(shorter, name=f"hf:{folder / 'model'}"))
    assert label_runs(bench, [run], judge, LabelOptions()).made == 1
    bench.store.ancestry.retract("t1", "it was taught badly")
    with pytest.raises(UsageError, match=r"is not to judge \(retracted: it was taught badly\)"):
        label_runs(bench, [run], judge, LabelOptions())
    (label,) = bench.store.comparisons(run)
    assert bench.store.ancestry.retracted_labels([label]) == {label}
