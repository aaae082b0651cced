"""Feedback: who judges while the agent works, and that the judge's words never do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reflexa.agent.budget import Budget
from reflexa.agent.desk import Cast, Desk
from reflexa.agent.feedback import Feedback, OracleFeedback
from reflexa.agent.journal import NoJournal
from reflexa.errors import UsageError
from reflexa.models.scripted import ScriptedPolicy, ScriptedRow
from reflexa.sandbox import Sandbox
from reflexa.types import Attempt, CodeSpec, Example, FeedbackSource, Message, Task, TestCheck
from reflexa.verifiers import HiddenTests

STUB = 'def double(x):\n    """Twice x."""\n'
RIGHT, WRONG = "def double(x):\n    return 2 * x\n", "def double(x):\n    return x * x\n"


def _task(examples: bool = True) -> Task:
    return Task(
        id="d/0",
        prompt=(Message(role="user", content=f"Complete this.\n{STUB}"),),
        answer_kind="python",
        code=CodeSpec(entry_point="double", stub=STUB),
        examples=(Example(input="double(3)", output="6"),) if examples else (),
        check=TestCheck(source="def check(candidate):\n    assert candidate(5) == 10  # CANARY-d0\n"),
    )


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox.open(slots=1) as opened:
        yield opened


def _desk(task: Task, tests: str = "") -> Desk:
    policy = ScriptedPolicy([ScriptedRow(task=task.id, tests=(tests,))])
    return Desk(task, Cast(policy, policy, policy), NoJournal(), Budget())


def _named(source: FeedbackSource, task: Task, sandbox: Sandbox, tests: str = "", attempts: int = 2) -> str | None:
    feedback = Feedback(source, HiddenTests(sandbox), lambda: sandbox)
    verifier = feedback.verifier(task, _desk(task, tests), attempts)
    return None if verifier is None else verifier.name


OWN_TESTS = "```python\nassert double(2) == 4\nassert double(0) == 0\n```"


@pytest.mark.parametrize(
    ("source", "examples", "tests", "name"),
    [
        ("visible", True, "", "visible-examples"),
        ("visible", False, OWN_TESTS, None),
        ("auto", True, OWN_TESTS, "visible-examples"),
        ("auto", False, OWN_TESTS, "self-tests"),
        ("auto", False, "I cannot write tests.", None),
        ("self-tests", True, OWN_TESTS, "self-tests"),
        ("oracle", True, "", "oracle:hidden-tests"),
    ],
)
def test_who_gives_feedback(
    sandbox: Sandbox, source: FeedbackSource, examples: bool, tests: str, name: str | None
) -> None:
    assert _named(source, _task(examples), sandbox, tests) == name


def test_own_tests_cost_one_call_and_are_asked_without_solving(sandbox: Sandbox) -> None:
    task = _task(examples=False)
    desk = _desk(task, OWN_TESTS)
    verifier = Feedback("auto", None, lambda: sandbox).verifier(task, desk, 2)
    assert verifier is not None
    assert (desk.calls, desk.solving_calls) == (1, 0)
    assert verifier.verify(task, Attempt(answer=RIGHT)).passed
    failed = verifier.verify(task, Attempt(answer="def double(x):\n    return 7\n"))
    assert not failed.passed
    assert "double(2)" in failed.feedback


def test_the_oracle_says_a_bit_and_no_word_of_the_hidden_tests(sandbox: Sandbox) -> None:
    verdict = OracleFeedback(HiddenTests(sandbox)).verify(_task(), Attempt(answer=WRONG))
    assert not verdict.passed
    assert verdict.checks == ()
    for private in ("CANARY", "candidate", "10", "25"):
        assert private not in verdict.feedback


def test_what_is_missing_is_said() -> None:
    task = _task()
    with pytest.raises(UsageError, match="needs a judge"):
        Feedback("oracle").verifier(task, _desk(task), 2)
    with pytest.raises(UsageError, match="runs code"):
        Feedback("visible").verifier(task, _desk(task), 2)


def test_a_single_attempt_is_not_worth_a_call_for_tests(sandbox: Sandbox) -> None:
    assert _named("auto", _task(examples=False), sandbox, OWN_TESTS, attempts=1) is None
    assert _named("auto", _task(), sandbox, attempts=1) == "visible-examples"
