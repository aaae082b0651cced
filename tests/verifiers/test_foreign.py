"""Verdicts by the scorers of other frameworks, in processes of their own."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reflexa.agent import Bench
from reflexa.errors import TransientVerifierError, UsageError, VerifierError
from reflexa.tasks import load_suite
from reflexa.types import AnswerCheck, Attempt, Task
from reflexa.verifiers.foreign import ForeignScorers
from tests.verifiers.cheats import IGNORANT, Target

SUPPORT = Path(__file__).parents[1] / "support"
FILE = SUPPORT / "inspect_examples.py"
EXAMPLES = SUPPORT / "verifiers_examples"


def first(name: str) -> Task:
    return load_suite(f"inspect:{FILE}@{name}").tasks[0]


@pytest.fixture(scope="module")
def sums() -> Iterator[ForeignScorers]:
    opened = ForeignScorers("inspect", f"{FILE}@sums")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def moods() -> Iterator[ForeignScorers]:
    opened = ForeignScorers("inspect", f"{FILE}@moods", seconds=1)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def single() -> Iterator[ForeignScorers]:
    opened = ForeignScorers("inspect", f"{FILE}@moods", seconds=30, workers=1)
    yield opened
    opened.close()


def test_every_scorer_is_kept_and_all_must_give_full_marks(sums: ForeignScorers) -> None:
    right = sums.verify(first("sums"), Attempt(answer="2 and 3 are five.\nANSWER: 5"))
    assert (right.passed, right.score, right.feedback) == (True, 1.0, "")
    assert [(check.name, check.passed) for check in right.checks] == [("match", True), ("includes", True)]
    half = sums.verify(first("sums"), Attempt(answer="5 is near, but ANSWER: 6"))
    assert (half.passed, half.score) == (False, 0.5)
    assert half.checks[0].detail == "value 0; read as: 6"
    assert half.verifier == "inspect"
    assert half.version.startswith("1+inspect-ai-")


def test_answers_that_know_nothing_do_not_pass(sums: ForeignScorers) -> None:
    task = first("sums")
    target = Target(task.prompt[-1].content, "5", ("4", "8"))
    for name, make in IGNORANT.items():
        assert not sums.verify(task, Attempt(answer=make(target))).passed, name


def test_a_bench_opens_it_by_the_suite_and_never_for_feedback() -> None:
    suite = load_suite(f"inspect:{FILE}@capitals")
    with Bench() as bench:
        verifier = bench.verifier(suite.judge)
        assert verifier.verify(suite.tasks[0], Attempt(answer="ANSWER: B")).passed
        assert not verifier.verify(suite.tasks[0], Attempt(answer="ANSWER: C")).passed
        with pytest.raises(UsageError, match="oracle"):
            bench.verifier(suite.judge, blind=True)


def test_a_score_of_several_numbers_gives_a_check_for_each(moods: ForeignScorers) -> None:
    verdict = moods.verify(first("moods"), Attempt(answer="several"))
    assert verdict.score == 0.625
    assert [(check.name, check.passed) for check in verdict.checks] == [
        ("moody: form", True),
        ("moody: content", False),
    ]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("break", "RuntimeError: out of ink"),
        ("nothing", "no scorer"),
        ("nan", "unscored"),
        ("7", "gave 7; expected a value of at most 1"),
    ],
)
def test_what_is_no_verdict_is_an_error_and_never_a_score(moods: ForeignScorers, answer: str, error: str) -> None:
    with pytest.raises(VerifierError, match=error):
        moods.verify(first("moods"), Attempt(answer=answer))


def test_a_scorer_that_hangs_is_given_up_and_the_next_answer_is_judged(moods: ForeignScorers) -> None:
    with pytest.raises(TransientVerifierError, match="did not answer in 1 s"):
        moods.verify(first("moods"), Attempt(answer="hang"))
    assert moods.verify(first("moods"), Attempt(answer="0.5")).score == 0.5


def test_threads_share_it_and_each_gets_its_own_answer(single: ForeignScorers) -> None:
    values = [n / 20 for n in range(20)]
    with ThreadPoolExecutor(4) as threads:
        verdicts = list(threads.map(lambda value: single.verify(first("moods"), Attempt(answer=str(value))), values))
    assert [verdict.score for verdict in verdicts] == values


def test_text_that_is_no_valid_unicode_reaches_the_scorer(single: ForeignScorers) -> None:
    with pytest.raises(VerifierError, match="could not convert string to float"):
        single.verify(first("moods"), Attempt(answer="\ud800 \x00"))


def test_a_process_that_ends_is_a_transient_error_and_is_replaced(single: ForeignScorers) -> None:
    with pytest.raises(TransientVerifierError, match="ended before it answered"):
        single.verify(first("moods"), Attempt(answer="die"))
    assert single.verify(first("moods"), Attempt(answer="1")).passed


def test_one_left_in_the_middle_gives_its_answer_to_nobody_else(single: ForeignScorers) -> None:
    task = first("moods")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    timer = threading.Timer(1, os.kill, [os.getpid(), signal.SIGUSR1])
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            single.verify(task, Attempt(answer="hang"))
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)
    assert single.verify(task, Attempt(answer="0.25")).score == 0.25


def test_what_cannot_be_loaded_is_said_when_it_is_opened() -> None:
    with pytest.raises(UsageError, match="there is no file gone"):
        ForeignScorers("inspect", "gone.py@task")


def test_tasks_of_other_suites_are_not_judged(sums: ForeignScorers) -> None:
    other = first("sums").model_copy(update={"check": AnswerCheck(answer="5")})
    for task in (other, first("capitals")):
        with pytest.raises(VerifierError, match="not one of inspect:"):
            sums.verify(task, Attempt(answer="5"))


def test_it_is_named_with_its_task() -> None:
    with pytest.raises(UsageError, match="inspect:…"):
        ForeignScorers("inspect", "")


@pytest.fixture(scope="module")
def rewards() -> Iterator[ForeignScorers]:
    sys.path.insert(0, str(EXAMPLES))
    opened = ForeignScorers("verifiers", "toy-sums,n=2")
    yield opened
    opened.close()
    sys.path.remove(str(EXAMPLES))


def test_rewards_count_by_their_weights(rewards: ForeignScorers) -> None:
    task = load_suite("verifiers:toy-sums,n=2").tasks[1]
    scores = {
        answer: (verdict.score, verdict.passed)
        for answer in (r"please: \boxed{4}", r"\boxed{4}", "please", "", r"please \boxed{4}" + "!" * 200, "!" * 201)
        if (verdict := rewards.verify(task, Attempt(answer=answer)))
    }
    assert list(scores.values()) == [(1, True), (0.75, False), (0.25, False), (0, False), (0.875, False), (0, False)]
    penalty = rewards.verify(task, Attempt(answer="!" * 201)).checks[-1]
    assert (penalty.name, penalty.passed, penalty.detail) == ("wordy", False, "value 1, weight -0.5")


def test_a_reward_that_breaks_or_knows_no_bounds_is_an_error(rewards: ForeignScorers) -> None:
    task = load_suite("verifiers:toy-sums,n=2").tasks[0]
    with pytest.raises(VerifierError, match="RuntimeError: boom"):
        rewards.verify(task, Attempt(answer="explode"))
    with pytest.raises(VerifierError, match="polite gave 7; expected a value of at most 1"):
        rewards.verify(task, Attempt(answer="seven"))


def test_answers_that_know_nothing_earn_no_reward(rewards: ForeignScorers) -> None:
    task = load_suite("verifiers:toy-sums,n=2").tasks[0]
    target = Target(task.prompt[-1].content, "3", ("4", "8"))
    for name, make in IGNORANT.items():
        assert not rewards.verify(task, Attempt(answer=make(target))).passed, name
