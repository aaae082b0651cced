"""Any callable as a verifier."""

from __future__ import annotations

from typing import Any

import pytest

from reflexa.errors import UsageError, VerifierError
from reflexa.types import Attempt, Message, Task, Verdict
from reflexa.verifiers import as_verifier

_TASK = Task(id="t", prompt=(Message(role="user", content="say hello"),))


def _judge(function: Any, answer: str = "hello") -> Verdict:
    return as_verifier(function).verify(_TASK, Attempt(answer=answer))


@pytest.mark.parametrize(
    ("said", "score", "passed", "feedback"),
    [
        (True, 1.0, True, ""),
        (False, 0.0, False, ""),
        (0.25, 0.25, False, ""),
        (1, 1.0, True, ""),
        ("", 1.0, True, ""),
        ("too short", 0.0, False, "too short"),
    ],
)
def test_what_a_callable_may_say(said: object, score: float, passed: bool, feedback: str) -> None:
    verdict = _judge(lambda answer: said)
    assert (verdict.score, verdict.passed, verdict.feedback) == (score, passed, feedback)


def test_one_argument_is_the_answer_and_two_are_task_and_attempt() -> None:
    assert _judge(lambda answer: answer == "hello").passed
    assert _judge(lambda task, attempt: (task.id, attempt.answer) == ("t", "hello")).passed
    assert _judge(lambda answer, tolerance=0.1: answer == "hello").passed
    assert _judge(lambda *both: len(both) == 2).passed
    with pytest.raises(UsageError, match="task and the attempt"):
        as_verifier(lambda a, b, c: True)


@pytest.mark.parametrize("said", [None, 1.5, -0.1, float("nan"), [True], object()])
def test_anything_else_is_an_error(said: object) -> None:
    with pytest.raises(VerifierError, match="expected a bool"):
        _judge(lambda answer: said)


def test_exceptions_are_errors_of_the_verifier() -> None:
    def broken(answer: str) -> bool:
        raise KeyError(answer)

    with pytest.raises(VerifierError, match="broken raised KeyError"):
        _judge(broken)


def test_verdicts_pass_through_with_the_verifiers_name() -> None:
    def strict(answer: str) -> Verdict:
        return Verdict(score=0.5, passed=False, feedback="half")

    verdict = _judge(strict)
    assert (verdict.score, verdict.feedback, verdict.verifier) == (0.5, "half", "strict")


def test_verifiers_stay_as_they_are() -> None:
    class Always:
        name = "always"
        version = "2"

        def verify(self, task: Task, attempt: Attempt) -> Verdict:
            return Verdict(score=1.0, passed=True)

    verifier = Always()
    assert as_verifier(verifier) is verifier
    with pytest.raises(UsageError, match="got int"):
        as_verifier(3)  # type: ignore[arg-type]  # the wrong type is the test


def test_feedback_is_escaped() -> None:
    assert _judge(lambda answer: "\x1b[31m\ud800").feedback == "\\x1b[31m\\ud800"
