"""Tasks that are played, for online training: worlds as the policy's partners, verdicts as rewards."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from reflexa.agent import ActingLimits, Bench, Budget, Cast
from reflexa.agent.acting import Player, close, opening
from reflexa.agent.desk import Desk
from reflexa.agent.journal import NoJournal
from reflexa.agent.transcript import seen
from reflexa.errors import UsageError
from reflexa.tasks import Suite
from reflexa.training.online.playing import Dialogue
from reflexa.training.online.rollouts import OnlinePrompt
from reflexa.types import Attempt, CallContext, Completion, Message, Sampling, Task, Usage, Verdict

LOGIT_LIMIT = 16.0
"""The largest logit of a score, either way: what scores 0, as no answer at all does, would have none."""
Worth = Callable[[Verdict], float]
"""What a verdict is worth as a reward."""


def score(verdict: Verdict) -> float:
    """The score, in [0, 1]."""
    return verdict.score


def passed(verdict: Verdict) -> float:
    """1 for a pass, 0 for a failure."""
    return float(verdict.passed)


def logit(verdict: Verdict) -> float:
    """ln(s / (1 - s)) of the score s, within ±``LOGIT_LIMIT``: a reward model's own raw score."""
    if 0 < verdict.score < 1:
        return max(-LOGIT_LIMIT, min(LOGIT_LIMIT, math.log(verdict.score / (1 - verdict.score))))
    return LOGIT_LIMIT if verdict.score else -LOGIT_LIMIT


class TaskPlayer:
    """Plays a suite's tasks, and ``others``, as ``reflexa run`` plays them: one player and one world for each sample.

    What the verdict on the attempt is ``worth`` is the reward. Raises ``WorldError`` where a world breaks,
    ``VerifierError`` where the verifier cannot tell.
    """

    def __init__(
        self,
        bench: Bench,
        suite: Suite,
        verifier: str | None = None,
        model: str = "embedded",
        *,
        worth: Worth = score,
        others: Sequence[Task] = (),
    ) -> None:
        self._bench, self._worth = bench, worth
        self._tasks = {task.id: task for task in (*suite.tasks, *others)}
        self._verifier = bench.verifier(verifier or suite.judge, model)
        self.name = self._verifier.name

    def __call__(self, dialogue: Dialogue) -> float:
        """What the rest of the dialogue comes to."""
        task = self._tasks[dialogue.prompt.id]
        partner = _Partner(dialogue)
        desk = Desk(task, Cast(partner, partner, partner), NoJournal(), Budget())
        world = self._bench.environment(task)
        try:
            player = Player(desk, world, ActingLimits(), lambda: float("inf"), "text")
            context = CallContext(task_id=task.id, purpose="attempt", attempt=dialogue.sample)
            played = player.play(context, task.prompt, Sampling())
        finally:
            close(world)
        attempt = Attempt(
            index=dialogue.sample,
            messages=played.messages,
            completion=played.last,
            steps=played.steps,
            answer=played.answer,
        )
        return self._worth(self._verifier.verify(task, attempt))


def played_prompts(bench: Bench, suite: Suite) -> tuple[OnlinePrompt, ...]:
    """The tasks with what their worlds show first. Every task's world is opened once."""
    return tuple(OnlinePrompt(id=task.id, prompt=_opening(bench, task)) for task in suite.tasks)


def most_turns(suite: Suite) -> int:
    """The most turns that a task of the suite may take."""
    return max(task.play.steps for task in suite.tasks if task.play is not None)


def _opening(bench: Bench, task: Task) -> tuple[Message, ...]:
    if task.play is None:
        raise UsageError(
            f"task {task.id} is not played, and others of its suite are: they cannot be learnt on together"
        )
    world = bench.environment(task)
    try:
        return opening(task.prompt, task.play, seen(world.reset(task)))
    finally:
        close(world)


class _Partner:
    """A policy that says what the dialogue says: its first turn as it is, and each later one after an observation.

    Where no turn fits any more it says nothing, which a player counts as a turn that cannot be read.
    """

    def __init__(self, dialogue: Dialogue) -> None:
        self.name = "the policy that is trained"
        self._dialogue, self._begun = dialogue, False

    def generate(self, messages: Sequence[Message], sampling: Sampling, n: int = 1) -> list[Completion]:
        """The next turn; ``sampling`` is the run's own, whatever is asked for."""
        said: str | None = self._dialogue.text
        if self._begun:
            said = self._dialogue.continue_with(messages[-1].content)
        self._begun = True
        finished = said is not None and self._dialogue.finished
        return [Completion(text=said or "", finish_reason="stop" if finished else "length", usage=Usage())] * n

    def close(self) -> None:
        """Nothing is held here."""
