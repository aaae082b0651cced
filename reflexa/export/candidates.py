"""Which recorded attempts may become rows, and why the others may not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from reflexa.errors import LeakError
from reflexa.export.options import ExportOptions
from reflexa.rows import Lineage, Source, plain_text
from reflexa.tasks.leaks import LeakGuard
from reflexa.types import Attempt, Episode, Graded, Message, Task, Verdict, VerdictRole

if TYPE_CHECKING:
    from reflexa.memory.episodes.gathering import TaskAttempts
    from reflexa.memory.lineage.datasets import AttemptKey

TRUSTED_SANDBOXES = (None, "double", "strong")
"""Where a verdict's tests ran for it to count unasked; None is a verdict that ran nothing."""
_ORACLE = "oracle:"


@dataclass(frozen=True, eq=False)
class Candidate:
    """One attempt that may become rows, with the verdict that decides. ``place`` orders a task's attempts."""

    story: Story
    graded: Graded
    verdict: Verdict
    role: VerdictRole
    text: str
    place: tuple[int, int]

    @property
    def attempt(self) -> Attempt:
        return self.graded.attempt

    @property
    def was_played(self) -> bool:
        """Whether the attempt is a sequence of turns in an environment."""
        return bool(self.attempt.steps)

    @property
    def source(self) -> Source:
        return Source(
            run=self.story.run,
            task=self.story.task.id,
            attempt=self.attempt.index,
            verifier=self.verdict.verifier,
            verifier_version=self.verdict.version,
            score=self.verdict.score,
            policy=self.attempt.policy,
            role=self.role,
            gameable=self.verdict.gameable,
        )

    @property
    def prompt(self) -> tuple[Message, ...]:
        """The messages that were sent; the task's own where none were recorded."""
        return self.attempt.messages or self.story.task.prompt


@dataclass(frozen=True, eq=False)
class Story:
    """One episode of a run. ``task_guard`` is the leak check that all episodes of the task share."""

    run: str
    episode: Episode
    oracle: bool
    task_guard: LeakGuard

    @property
    def task(self) -> Task:
        return self.episode.task

    @cached_property
    def guard(self) -> LeakGuard:
        """The task's leak check, which lets pass what model and environment said in this episode."""
        guard = LeakGuard(self.task)
        for attempt in self.episode.attempts:
            for text in (attempt.answer, answer_text(attempt), *(step.observation for step in attempt.steps)):
                guard.allow(text)
            if attempt.steps and not attempt.recalled and attempt.index == 0:
                guard.allow(plain_text(attempt.messages))  # with the environment's first observation
        for reflection in self.episode.reflections:
            guard.allow(reflection.text)
        return guard

    def quotes_tests(self, text: str) -> bool:
        """Whether what the policy said holds a line of the hidden tests."""
        return self.task_guard.quotes_tests(text)

    def tells_private(self, prompt: tuple[Message, ...]) -> bool:
        """Whether a prompt says what only the judge may know."""
        if prompt == self.task.prompt:
            return False
        try:
            self.guard.check(prompt)
        except LeakError:
            return True
        return False


@dataclass(frozen=True)
class TaskCandidates:
    """What may become rows of one task: its stories, and their admitted attempts in order."""

    task: Task
    stories: tuple[Story, ...]
    candidates: tuple[Candidate, ...]


Retracted = Callable[[Sequence["AttemptKey"]], Collection["AttemptKey"]]
"""Those of some attempts that were retracted, or grew from what was."""


@dataclass
class Admission:
    """Decides attempt by attempt, and counts what it read and refused, by reason."""

    options: ExportOptions
    oracle_runs: Collection[str]
    retracted: Retracted = lambda keys: ()
    read: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    def admit(self, gathered: TaskAttempts) -> TaskCandidates:
        stories, candidates = [], []
        task_guard = LeakGuard(gathered.task)
        retracted = self._retracted(gathered)
        for number, (run, episode) in enumerate(gathered.episodes):
            story = Story(run, episode, run in self.oracle_runs or _heard_oracle(episode), task_guard)
            stories.append(story)
            for graded in episode.tries:
                self.read += 1
                verdict = graded.judged or graded.feedback
                if verdict is None:
                    self.dropped["no verdict"] += 1
                elif (run, graded.attempt.index) in retracted:
                    self.dropped["retracted"] += 1
                elif (reason := self._refusal(story, graded.attempt, verdict)) is not None:
                    self.dropped[reason] += 1
                else:
                    candidates.append(_candidate(story, graded, verdict, number))
        return TaskCandidates(gathered.task, tuple(stories), tuple(candidates))

    def refuse(self, gathered: TaskAttempts, reason: str) -> None:
        """Drops all attempts of a task."""
        n = sum(len(episode.tries) for _, episode in gathered.episodes)
        self.read += n
        self.dropped[reason] += n

    def _retracted(self, gathered: TaskAttempts) -> set[tuple[str, int]]:
        """Run and index of the attempts that are not to be learnt from any more."""
        from reflexa.memory.lineage.datasets import AttemptKey

        if "retracted" in self.options.allow:
            return set()
        task = gathered.task.id
        keys = [
            AttemptKey(run, task, attempt.index) for run, episode in gathered.episodes for attempt in episode.attempts
        ]
        return {(key.run, key.attempt) for key in self.retracted(keys)}

    def _refusal(self, story: Story, attempt: Attempt, verdict: Verdict) -> str | None:
        allow = self.options.allow
        if story.episode.error is not None and "broken" not in allow:
            return "broken"
        if story.oracle and "oracle" not in allow:
            return "oracle"
        if verdict.gameable and "gameable" not in allow:
            return "gameable"
        if verdict.sandbox not in TRUSTED_SANDBOXES and "weak-sandbox" not in allow:
            return "weak-sandbox"
        text = answer_text(attempt)
        if not text.strip():
            return "no answer"
        return "hidden tests" if story.quotes_tests(text) else None


def answer_text(attempt: Attempt) -> str:
    """What the policy said; the answer where no completion was recorded."""
    return attempt.answer if attempt.completion is None else attempt.completion.text


def lineage(oracle: bool, task: Task, *candidates: Candidate, teaches: tuple[str, ...] = ()) -> Lineage:
    """Where a row made from these attempts came from; ``teaches`` are reflections that are the row's own answer."""
    recalled = (name for candidate in candidates for name in candidate.attempt.recalled)
    return Lineage(
        suite=task.suite,
        split=task.split,
        oracle=oracle,
        sources=tuple(candidate.source for candidate in candidates),
        reflections=tuple(dict.fromkeys((*teaches, *recalled))),
    )


def _candidate(story: Story, graded: Graded, verdict: Verdict, number: int) -> Candidate:
    return Candidate(
        story=story,
        graded=graded,
        verdict=verdict,
        role="feedback" if graded.judged is None else "judge",
        text=answer_text(graded.attempt),
        place=(number, graded.attempt.index),
    )


def _heard_oracle(episode: Episode) -> bool:
    return any(graded.feedback is not None and graded.feedback.verifier.startswith(_ORACLE) for graded in episode.tries)
