"""Audits: references that fail, feedback that errs on either side."""

from __future__ import annotations

import pytest

from reflexa.agent.audit import audit_attempts, audit_references, validate
from reflexa.errors import VerifierError
from reflexa.tasks import Suite
from reflexa.types import AnswerCheck, Attempt, Episode, Graded, Message, Task, Verdict
from tests.agent.support import Contains


def _suite(*references: str | None) -> Suite:
    tasks = tuple(
        Task(
            id=f"t/{i}", prompt=(Message(role="user", content="x"),), check=AnswerCheck(answer="a", reference=reference)
        )
        for i, reference in enumerate(references)
    )
    return Suite(name="s", split="test", tasks=tasks, description="", source="", digest="")


def test_validation_names_the_references_that_fail() -> None:
    validation = validate(_suite("a word", "nothing", "word", None), Contains("word"))
    assert (validation.n, validation.passed, validation.failed) == (3, 2, ("t/1",))


def test_a_suite_without_references_cannot_be_validated() -> None:
    with pytest.raises(VerifierError, match="no reference solutions"):
        validate(_suite(None), Contains("word"))


def test_feedback_that_rejects_a_reference_is_a_false_failure() -> None:
    audit = audit_references(
        _suite("a word", "nothing", "word"), lambda task: None if task.id == "t/2" else Contains("word", "visible")
    )
    assert (audit.n, audit.agree, audit.false_failures, audit.undecided) == (2, 1, ("t/1",), 1)


def _graded(index: int, feedback: bool | None, judged: bool) -> Graded:
    def verdict(passed: bool) -> Verdict:
        return Verdict(score=float(passed), passed=passed, verifier="visible")

    return Graded(
        attempt=Attempt(index=index), feedback=None if feedback is None else verdict(feedback), judged=verdict(judged)
    )


def test_recorded_attempts_show_both_kinds_of_error() -> None:
    task = Task(id="t/0", prompt=(Message(role="user", content="x"),))
    tries = (_graded(0, False, True), _graded(1, True, False), _graded(2, True, True), _graded(3, None, True))
    audit = audit_attempts([Episode(task=task, strategy="retry", tries=tries)])
    assert (audit.n, audit.agree, audit.undecided) == (3, 1, 1)
    assert (audit.false_failures, audit.false_passes) == (("t/0#1",), ("t/0#2",))
