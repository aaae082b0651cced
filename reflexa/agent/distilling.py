"""Distils lessons from ended episodes: what one task taught, in words that help on another.

After ExpeL (Zhao et al. 2023) and ReasoningBank (Ouyang et al. 2025): a few episodes at a time, of failures that were
overcome, failures that were not, and successes, are shown to a model beside the lessons so far, and the model asks for
operations on these. Whether an episode succeeded is what the judge said of it, so that held-out tasks make no lessons
unless they are asked for by name; nothing else that the judge knows is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from threading import Event
from typing import TYPE_CHECKING

from reflexa.agent.budget import Budget
from reflexa.agent.curating import Curator, Tally
from reflexa.agent.desk import Cast, Desk
from reflexa.agent.exposure import gives_away
from reflexa.agent.journal import StoreJournal
from reflexa.agent.operations import OPERATIONS, read_operations
from reflexa.agent.prompting import render, task_text
from reflexa.agent.transcript import told
from reflexa.agent.vetting import Vetting
from reflexa.errors import UsageError
from reflexa.lessons import TEST_SPLITS, LessonSource, RecallQuery
from reflexa.protocols import Policy
from reflexa.tasks.leaks import LeakGuard
from reflexa.types import CallContext, Episode, Frozen, Graded, Message, RunRecord, Sampling, Task

if TYPE_CHECKING:
    from reflexa.memory import Store

TASK_ID = "distill"
"""What the calls are recorded under, beside the run's tasks."""
EPISODES_AT_ONCE = 4
LESSONS_SHOWN = 8
EXAMPLE = "When a loop changes the list that it runs over, let it run over a copy."
"""What the prompt shows as a lesson; whoever repeats it has learnt nothing."""
LABEL = 7
"""Characters of an id that a prompt names a lesson by."""


class Record(Frozen):
    """An episode as the model is told of it."""

    task: str
    first: str
    first_right: bool
    feedback: str
    reflection: str
    last: str
    tries: int
    solved: bool

    @property
    def pieces(self) -> tuple[str, ...]:
        """What of it may not be copied."""
        return (self.task, self.first, self.feedback, self.last)


class DistillConfig(Frozen):
    """``groups`` bounds the calls. A test split makes lessons only where ``test_split`` allows it."""

    groups: int = 16
    max_new_tokens: int = 400
    test_split: bool = False


class Distilled(Frozen):
    """What became of a run's episodes: calls made (``reused`` were recorded before), tokens, and the operations."""

    run_id: str
    suite: str
    split: str
    episodes: int
    calls: int
    reused: int
    tokens: int
    tally: Tally


@dataclass
class Distiller:
    """Distils one run at a time, under the run's claim. Calls that were recorded before are not made again."""

    store: Store
    policy: Policy
    config: DistillConfig = field(default_factory=DistillConfig)
    budget: Budget = field(default_factory=Budget)
    stop: Event = field(default_factory=Event)

    def distill(self, run: RunRecord) -> Distilled:
        """Raises ``UsageError`` for a test split that is not allowed, ``PolicyError`` where the model cannot answer."""
        split = run.config.split
        if split in TEST_SPLITS and not self.config.test_split:
            raise UsageError(
                f"run {run.id} is of the split {split!r}, which is for measuring, and what was learnt from it measures "
                "nothing: distil a run of another split, or allow it with --allow test-split"
            )
        with self.store.claim(run.id):
            return self._distil(run)

    def _distil(self, run: RunRecord) -> Distilled:
        episodes = [episode for episode in self.store.episodes(run.id) if episode.verdict and not episode.error]
        parts = grouped(episodes)[: self.config.groups]
        suite = episodes[0].task.suite if episodes else run.config.suite
        held_out = (task for name in sorted(TEST_SPLITS) for task in self.store.tasks(name))
        vetting = Vetting([episode.task for episode in episodes], held_out)
        desk, sample = self._desk(run, suite)
        before = self.budget.spent.tokens
        curator = Curator(self.store, run, suite, vetting, self.policy.name)
        made = 0
        for number, part in enumerate(parts):
            context = CallContext(task_id=TASK_ID, purpose="distill", attempt=number, sample=sample)
            made += not desk.recorded(context)
            self._learn(desk, context, curator, part)
        return Distilled(
            run_id=run.id,
            suite=suite,
            split=run.config.split,
            episodes=sum(map(len, parts)),
            calls=made,
            reused=len(parts) - made,
            tokens=self.budget.spent.tokens - before,
            tally=curator.tally,
        )

    def _desk(self, run: RunRecord, suite: str) -> tuple[Desk, int]:
        """The desk with what was recorded, and the sample that is this policy's: another model's is another."""
        journal = StoreJournal(self.store, run.id)
        task = Task(id=TASK_ID, suite=suite, split=run.config.split, prompt=(Message(role="user", content="distil"),))
        desk = Desk(task, Cast(self.policy, self.policy, self.policy), journal, self.budget, run.config.seed, self.stop)
        calls = [call for call in journal.calls(TASK_ID) if call.context.purpose == "distill"]
        desk.restore(calls)
        ours = [call.context.sample for call in calls if call.policy == self.policy.name]
        others = [call.context.sample + 1 for call in calls]
        return desk, max(ours, default=max(others, default=0))

    def _learn(self, desk: Desk, context: CallContext, curator: Curator, part: Sequence[Episode]) -> None:
        records = [told_of(episode) for episode in part]
        known = self._known(curator, part)
        prompt = render("distill", records=records, lessons=tuple(known.items()), limit=OPERATIONS, example=EXAMPLE)
        sampling = Sampling(max_tokens=self.config.max_new_tokens)
        reply = desk.ask(context, (Message(role="user", content=prompt),), sampling)
        sources = tuple(source_of(curator.run.id, episode) for episode in part)
        pieces = (EXAMPLE, *(piece for record in records for piece in record.pieces))
        curator.carry_out(read_operations(reply.text), sources, pieces)

    def _known(self, curator: Curator, part: Sequence[Episode]) -> dict[str, str]:
        """The lessons that fit these episodes best, by the labels that the reply may name them by."""
        query = RecallQuery(
            text=" ".join(task_text(episode.task) for episode in part),
            k=LESSONS_SHOWN,
            tokens=100 * LESSONS_SHOWN,
            suite=curator.suite,
            split="train",
        )
        found = (recalled.lesson for recalled in self.store.recall_lessons(query))
        return {lesson.id[:LABEL]: lesson.text for lesson in found}


def grouped(episodes: Iterable[Episode]) -> list[tuple[Episode, ...]]:
    """Episodes a few at a time, in each group as many as there are of those overcome, those failed, those solved.

    What is learnt most from comes first: failures that were overcome, then failures, then successes.
    """
    kinds: tuple[list[Episode], ...] = ([], [], [])
    for episode in episodes:
        if episode.tries:
            kinds[0 if overcome(episode) else 2 if episode.solved else 1].append(episode)
    dealt = [episode for row in zip_longest(*kinds) for episode in row if episode is not None]
    return [tuple(dealt[start : start + EPISODES_AT_ONCE]) for start in range(0, len(dealt), EPISODES_AT_ONCE)]


def overcome(episode: Episode) -> bool:
    """Whether the episode began with a wrong answer and was solved after all."""
    return episode.solved and not _right(episode.tries[0])


def told_of(episode: Episode) -> Record:
    first, last = episode.tries[0], episode.tries[episode.submitted if episode.submitted is not None else -1]
    reflections = [reflection.text for reflection in episode.reflections if reflection.text]
    return Record(
        task=task_text(episode.task),
        first=told(first.attempt),
        first_right=_right(first),
        feedback=_feedback(episode, first),
        reflection=reflections[-1] if reflections else "",
        last=told(last.attempt),
        tries=len(episode.tries),
        solved=episode.solved,
    )


def source_of(run_id: str, episode: Episode) -> LessonSource:
    """The attempt that was handed in, with the last reflection before it."""
    attempt = len(episode.tries) - 1 if episode.submitted is None else episode.submitted
    reflections = [reflection.id for reflection in episode.reflections if reflection.attempt <= attempt]
    return LessonSource(
        run=run_id, task=episode.task.id, attempt=attempt, reflection=reflections[-1] if reflections else None
    )


def _feedback(episode: Episode, graded: Graded) -> str:
    """What was said of an attempt, but nothing that only the judge may know: a last attempt's was never sent."""
    text = graded.feedback.feedback if graded.feedback else ""
    guard = LeakGuard(episode.task)
    for attempt in episode.attempts:
        guard.allow(told(attempt))
    return "" if guard.holds(text) or gives_away(episode.task, text) else text


def _right(graded: Graded) -> bool:
    verdict = graded.judged or graded.feedback
    return verdict is not None and verdict.passed
