"""What the agent may learn from while it works: visible examples, its own tests, or, marked as such, the judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reflexa.agent.desk import Desk
from reflexa.agent.prompting import last_user_text, render, with_last_user_message
from reflexa.errors import UsageError
from reflexa.protocols import Verifier
from reflexa.tasks.answers import assertions
from reflexa.types import Attempt, CallContext, CodeSpec, FeedbackSource, Sampling, Task, Verdict
from reflexa.verifiers import VisibleExamples, WrittenTests

if TYPE_CHECKING:
    from reflexa.sandbox import Sandbox

TESTS_WRITTEN = 6
"""How many tests the model is asked for (the paper: at most about 6)."""


class OracleFeedback:
    """The judge as feedback, reduced to its bit: its words may quote hidden tests and never reach a prompt."""

    def __init__(self, judge: Verifier) -> None:
        self._judge = judge
        self.name = f"oracle:{judge.name}"
        self.version = judge.version

    def verify(self, task: Task, attempt: Attempt) -> Verdict:
        verdict = self._judge.verify(task, attempt)
        words = "" if verdict.passed else "The answer is wrong. The judge does not say why."
        return verdict.model_copy(update={"feedback": words, "checks": (), "verifier": self.name})


@dataclass(frozen=True)
class Feedback:
    """Chooses a task's feedback verifier.

    ``own`` stands in for every source where the caller brought a verifier; ``usual`` is the suite's own, for tasks
    that show no examples.
    """

    source: FeedbackSource
    judge: Verifier | None = None
    sandbox: Callable[[], Sandbox] | None = None
    own: Verifier | None = None
    usual: Verifier | None = None
    max_new_tokens: int = 512

    def verifier(self, task: Task, desk: Desk, attempts: int) -> Verifier | None:
        """The verifier for this task, or None where nothing can be learnt.

        Asks the policy for tests, once, where there are none and ``attempts`` leave something to be learnt from them.
        """
        if self.own is not None:
            return self.own
        if self.source == "oracle":
            return OracleFeedback(self._required_judge())
        if task.examples and self.source in ("visible", "auto"):
            return VisibleExamples(self._required_sandbox())
        if self.source == "auto" and self.usual is not None:
            return self.usual
        if self.source == "visible" or task.code is None or attempts < 2:
            return None
        tests = self._written_tests(task.code, desk)
        return WrittenTests(self._required_sandbox(), tests) if tests else None

    def _written_tests(self, code: CodeSpec, desk: Desk) -> tuple[str, ...]:
        task = desk.task
        content = render("tests", task=last_user_text(task.prompt), entry_point=code.entry_point, limit=TESTS_WRITTEN)
        completion = desk.ask(
            CallContext(task_id=task.id, purpose="tests"),
            with_last_user_message(task.prompt, content),
            Sampling(max_tokens=self.max_new_tokens),
        )
        return assertions(completion.text, code, limit=TESTS_WRITTEN)

    def _required_judge(self) -> Verifier:
        if self.judge is None:
            raise UsageError("feedback 'oracle' needs a judge: this suite has none; choose visible, self-tests or auto")
        return self.judge

    def _required_sandbox(self) -> Sandbox:
        if self.sandbox is None:
            raise UsageError("this task's feedback runs code: open a sandbox, or pass a verifier of your own")
        return self.sandbox()
