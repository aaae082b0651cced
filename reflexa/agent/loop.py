"""The Reflexion loop: recall, attempt, verify, reflect, retry; then the judge grades every attempt.

The loop is a small state machine over the recorded ``Episode``: each step looks at what is there, does the next
thing, commits it, and returns the episode with it. A run that was killed at any moment therefore resumes in the
middle of an episode, and a step that was committed is never done twice.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from threading import Event

from reflexa.agent.acting import ActingLimits, Player, close
from reflexa.agent.budget import Budget
from reflexa.agent.desk import Cast, Desk
from reflexa.agent.feedback import Feedback
from reflexa.agent.hearing import hearing
from reflexa.agent.journal import Journal
from reflexa.agent.prompting import with_notes
from reflexa.agent.remembering import Remembering
from reflexa.agent.strategies import Strategy, words_only
from reflexa.errors import ContextOverflowError, PolicyError, UsageError, VerifierError, WorldError
from reflexa.protocols import Environment, Verifier
from reflexa.tasks.answers import extract_answer, extract_for
from reflexa.types import (
    Attempt,
    CallContext,
    Episode,
    Frozen,
    Graded,
    Message,
    Reflection,
    Sampling,
    StopReason,
    Task,
    ToolForm,
    Verdict,
    VerdictRole,
    choose_submitted,
)


class LoopConfig(Frozen):
    """What bounds an episode.

    ``reflections`` is how many are kept in the prompt; ``calls_per_task`` bounds attempts and lessons together, not
    the writing of tests; a temperature of None is the strategy's own. ``tools`` is how tasks with tools are played.
    """

    attempts: int = 5
    reflections: int = 3
    calls_per_task: int | None = None
    temperature: float | None = None
    max_new_tokens: int = 512
    seed: int = 0
    acting: ActingLimits = ActingLimits()
    tools: ToolForm = "auto"


@dataclass(frozen=True)
class Loop:
    """Solves tasks, one episode a call, from any number of threads.

    ``environments`` opens a new environment for each attempt at a task that is played. ``remembering`` brings lessons
    from other tasks.
    """

    cast: Cast
    strategy: Strategy
    feedback: Feedback
    judge: Verifier | None
    journal: Journal
    config: LoopConfig = field(default_factory=LoopConfig)
    budget: Budget = field(default_factory=Budget)
    stop: Event = field(default_factory=Event)
    progress: Callable[[Episode], None] = lambda episode: None
    environments: Callable[[Task], Environment] | None = None
    remembering: Remembering | None = None

    def solve(self, task: Task, lessons: tuple[Reflection, ...] = ()) -> Episode:
        """Runs a task's episode to its end.

        A failure of policy, verifier or environment ends it with ``error`` set, which is not a score. Where no call of
        the run has succeeded yet, the policy's error is raised instead: the model cannot be used at all.
        """
        return _Run(self, task, lessons).to_end()


class _Run:
    """One episode under way."""

    def __init__(self, loop: Loop, task: Task, lessons: tuple[Reflection, ...]) -> None:
        self.loop = loop
        self.task = task
        self.lessons = lessons
        self.began = time.monotonic()
        self.desk = Desk(task, loop.cast, loop.journal, loop.budget, loop.config.seed, loop.stop)
        self.attempts = loop.strategy.limit(loop.config.attempts)
        self.lesson = loop.strategy.lesson_where(loop.config.reflections)
        self.verifier: Verifier | None = None
        self.notes: tuple[str, ...] = ()

    def to_end(self) -> Episode:
        recorded = self.loop.journal.begin(self.task)
        if recorded is not None:
            self._restore(recorded)
        episode = Episode(task=self.task, strategy=self.loop.strategy.name)
        if recorded is not None:
            episode = episode.model_copy(update={"tries": recorded.tries, "reflections": recorded.reflections})
        if self.loop.remembering is not None:
            self.notes = self.loop.remembering.notes(self.task, begun=self.desk.calls > 0)
        try:
            episode = self._judge(self._attempts(episode))
        except (PolicyError, VerifierError, WorldError) as error:
            if self._model_unusable(error):
                raise
            episode = self._outcome(self._so_far, "error", f"{type(error).__name__}: {error}")
        self.loop.journal.end(episode)
        return episode

    def _model_unusable(self, error: Exception) -> bool:
        overflow = isinstance(error, ContextOverflowError)
        return isinstance(error, PolicyError) and not overflow and self.loop.budget.calls == 0

    def _restore(self, recorded: Episode) -> None:
        self.desk.restore(self.loop.journal.calls(self.task.id))
        for graded in recorded.tries:
            for text in (graded.attempt.answer, *(step.observation for step in graded.attempt.steps)):
                self.desk.allow(text)

    def _attempts(self, episode: Episode) -> Episode:
        self._so_far = episode
        self.verifier = self.loop.feedback.verifier(self.task, self.desk, self.attempts)
        while (step := self._next(episode)) is not None:
            self._so_far = episode = step(episode)
            self.loop.progress(episode)
        return episode

    def _next(self, episode: Episode) -> Callable[[Episode], Episode] | None:
        """The step that the episode's state asks for; None where it is over."""
        if not episode.tries:
            return self._attempt
        last = episode.tries[-1]
        if last.feedback is None and self.verifier is not None:
            return partial(self._graded, index=last.attempt.index, role="feedback", verifier=self.verifier)
        if self._stop_reason(episode) is not None:
            return None
        learnt = any(reflection.attempt == last.attempt.index for reflection in episode.reflections)
        if self.lesson and not learnt and self._calls_left() >= 2 and not _passed(last):
            return self._learn
        return self._attempt

    def _stop_reason(self, episode: Episode) -> StopReason | None:
        strategy = self.loop.strategy
        if strategy.stops_on_pass and episode.tries and _passed(episode.tries[-1]):
            return "passed"
        if len(episode.tries) >= self.attempts:
            return "attempts"
        if self.verifier is None and strategy.needs_feedback:
            return "no_feedback"
        return "calls" if self._calls_left() < 1 else None

    def _calls_left(self) -> float:
        limit = self.loop.config.calls_per_task
        return float("inf") if limit is None else limit - self.desk.solving_calls

    def _attempt(self, episode: Episode) -> Episode:
        loop, index = self.loop, len(episode.tries)
        recalled = (*self.lessons, *loop.strategy.recalled(episode, loop.config.reflections))
        if loop.config.reflections:
            recalled = recalled[-loop.config.reflections :]
        messages = with_notes(loop.strategy.prompt(episode, recalled), self.notes)
        temperature = (
            loop.config.temperature if loop.config.temperature is not None else loop.strategy.temperature(index)
        )
        context = CallContext(task_id=self.task.id, purpose="attempt", attempt=index)
        sampling = Sampling(temperature=temperature, max_tokens=loop.config.max_new_tokens)
        began = time.monotonic()
        make = self._answered if self.task.play is None else self._played
        attempt = make(context, messages, sampling).model_copy(
            update={
                "policy": loop.cast.actor.name,
                "seconds": time.monotonic() - began,
                "recalled": tuple(reflection.id for reflection in recalled),
            }
        )
        self.desk.allow(attempt.answer)
        loop.journal.attempt(self.task.id, attempt)
        return episode.model_copy(update={"tries": (*episode.tries, Graded(attempt=attempt))})

    def _answered(self, context: CallContext, messages: tuple[Message, ...], sampling: Sampling) -> Attempt:
        """An attempt in one answer."""
        completion = self.desk.ask(context, messages, sampling)
        answer = extract_for(self.task, completion.text)
        return Attempt(index=context.attempt, messages=messages, completion=completion, answer=answer)

    def _played(self, context: CallContext, messages: tuple[Message, ...], sampling: Sampling) -> Attempt:
        """An attempt in an environment, in many calls. An interrupted one is played again from its recorded calls."""
        if self.loop.environments is None:
            raise UsageError(f"task {self.task.id} is played: give the loop `environments`, which open its environment")
        environment = self.loop.environments(self.task)
        try:
            config = self.loop.config
            player = Player(self.desk, environment, config.acting, self._calls_left, config.tools)
            played = player.play(context, messages, sampling)
        finally:
            close(environment)
        return Attempt(
            index=context.attempt,
            messages=played.messages,
            completion=played.last,
            steps=played.steps,
            answer=played.answer,
        )

    def _learn(self, episode: Episode) -> Episode:
        """Writes what the failed attempt teaches: a reflection, or a critique to revise by."""
        loop, last = self.loop, episode.tries[-1]
        purpose = self.lesson or "reflection"
        index = last.attempt.index
        content = loop.strategy.lesson_prompt(episode, loop.config.reflections)
        completion = self.desk.ask(
            CallContext(task_id=self.task.id, purpose=purpose, attempt=index),
            (Message(role="user", content=content),),
            Sampling(
                temperature=loop.config.temperature or 0.0, max_tokens=min(loop.config.max_new_tokens, LESSON_TOKENS)
            ),
        )
        words = extract_answer(completion.text)
        reflection = Reflection(
            id=uuid.uuid4().hex[:12],
            task_id=self.task.id,
            attempt=index,
            text=words_only(words, content) if purpose == "reflection" else words,
            split=self.task.split,
            policy=loop.cast.reflector.name,
        )
        loop.journal.reflection(reflection)
        return episode.model_copy(update={"reflections": (*episode.reflections, reflection)})

    def _judge(self, episode: Episode) -> Episode:
        """Grades every attempt, after the episode; nothing of it reaches a prompt."""
        reason = self._stop_reason(episode) or "attempts"
        self._so_far = episode
        if self.loop.judge is not None:
            for index, graded in enumerate(episode.tries):
                if graded.judged is None:
                    self._so_far = episode = self._graded(episode, index, "judge", self.loop.judge)
        return self._outcome(episode, reason)

    def _graded(self, episode: Episode, index: int, role: VerdictRole, verifier: Verifier) -> Episode:
        """The episode with one more verdict. The same answer gets the same verdict, without another check."""
        attempt = episode.tries[index].attempt
        done = (attempt.answer, attempt.steps)
        key = "judged" if role == "judge" else "feedback"
        known: list[Verdict | None] = [
            getattr(graded, key) for graded in episode.tries if (graded.attempt.answer, graded.attempt.steps) == done
        ]
        verdict = next((verdict for verdict in known if verdict is not None), None)
        if verdict is None:
            with hearing(self.desk, role, index):
                verdict = verifier.verify(self.task, attempt)
        self.loop.journal.verdict(self.task.id, index, role, verdict)
        tries = list(episode.tries)
        tries[index] = tries[index].model_copy(update={key: verdict})
        return episode.model_copy(update={"tries": tuple(tries)})

    def _outcome(self, episode: Episode, reason: StopReason, error: str | None = None) -> Episode:
        return episode.model_copy(
            update={
                "submitted": choose_submitted([graded.feedback for graded in episode.tries]),
                "stop_reason": reason,
                "error": error,
                "usage": self.desk.usage,
                "calls": self.desk.calls,
                "seconds": time.monotonic() - self.began,
            }
        )


LESSON_TOKENS = 256
"""New tokens that a reflection or a critique may take."""


def _passed(graded: Graded) -> bool:
    return graded.feedback is not None and graded.feedback.passed
