"""What became of a task: attempts, verdicts, reflections, and the episode that holds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from reflexa.types.base import Frozen
from reflexa.types.calls import Completion, Message, Usage
from reflexa.types.tasks import Task

SandboxLevel = Literal["double", "strong", "external", "weak"]
VerdictRole = Literal["feedback", "judge"]
StopReason = Literal["passed", "attempts", "no_feedback", "calls", "error"]
"""Why an episode ended: the feedback passed, the attempts or calls ran out, nothing could be learnt, or it broke."""


class Step(Frozen):
    """One observe/act turn of an environment, or one reasoning step, within an attempt."""

    thought: str = ""
    action: str = ""
    observation: str = ""
    reward: float | None = None


class Attempt(Frozen):
    """One try at a task. ``index`` counts from 0; ``recalled`` names the reflections that stood in its prompt.

    Where the task is played, ``messages`` are what the attempt began with, and ``completion`` is its last reply with
    the usage of all.
    """

    index: int = Field(default=0, ge=0)
    messages: tuple[Message, ...] = ()
    completion: Completion | None = None
    steps: tuple[Step, ...] = ()
    answer: str = ""
    policy: str = ""
    seconds: float = 0.0
    recalled: tuple[str, ...] = ()


class CheckResult(Frozen):
    """One test or criterion of a verdict."""

    name: str
    passed: bool
    detail: str = ""


class Verdict(Frozen):
    """A judgement of one attempt.

    ``feedback`` is text that the agent may read. ``gameable`` marks a verdict whose tests ran where the
    candidate could reach them. A broken verifier raises ``VerifierError``: it never scores 0.
    """

    score: float = Field(ge=0.0, le=1.0)
    passed: bool
    feedback: str = ""
    checks: tuple[CheckResult, ...] = ()
    step_scores: tuple[float, ...] = ()
    verifier: str = ""
    version: str = "1"
    sandbox: SandboxLevel | None = None
    gameable: bool = False
    seconds: float = 0.0


class Reflection(Frozen):
    """A lesson in words. ``attempt`` is the index of the failed attempt that it came from."""

    id: str
    task_id: str
    attempt: int
    text: str
    split: str = "test"
    policy: str = ""


class Graded(Frozen):
    """An attempt with what the feedback verifier and, after the episode, the judge said of it."""

    attempt: Attempt
    feedback: Verdict | None = None
    judged: Verdict | None = None


class Episode(Frozen):
    """A task, its attempts with verdicts and reflections, and why it stopped: the unit stored, shown, exported.

    ``submitted`` is the index of the attempt that stands as the answer, chosen without the judge.
    """

    task: Task
    strategy: str
    tries: tuple[Graded, ...] = ()
    reflections: tuple[Reflection, ...] = ()
    submitted: int | None = None
    stop_reason: StopReason = "attempts"
    error: str | None = None
    usage: Usage = Usage()
    calls: int = 0
    seconds: float = 0.0

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        return tuple(graded.attempt for graded in self.tries)

    @property
    def answer(self) -> str:
        """The submitted attempt's answer; empty where there is none."""
        return "" if self.submitted is None else self.tries[self.submitted].attempt.answer

    @property
    def verdict(self) -> Verdict | None:
        """What counts for the submitted attempt: the judge's verdict, or the feedback's where no judge was given."""
        if self.submitted is None:
            return None
        graded = self.tries[self.submitted]
        return graded.judged or graded.feedback

    @property
    def solved(self) -> bool:
        verdict = self.verdict
        return verdict is not None and verdict.passed


def choose_submitted(feedback: Sequence[Verdict | None]) -> int | None:
    """The index of the attempt that is handed in, chosen by feedback alone.

    The first whose feedback passed; else the highest feedback score, ties to the latest; None without attempts.
    """
    passed = next((i for i, verdict in enumerate(feedback) if verdict is not None and verdict.passed), None)
    if passed is not None:
        return passed
    scores = [-1.0 if verdict is None else verdict.score for verdict in feedback]
    return max(range(len(scores)), key=lambda i: (scores[i], i), default=None)
