"""Carries out what a model asked to be done with lessons, as far as it is allowed, and counts what was refused.

A lesson's text never changes under its id: its outcomes are those of a text. Words that are edited or merged are a new
lesson, and the ones that it replaces name it as their successor.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from reflexa.agent.operations import Operation, Reading, Refusal
from reflexa.agent.vetting import Vetting
from reflexa.errors import UsageError
from reflexa.lessons import TEST_SPLITS, Lesson, LessonSource, LessonStatus, RecallQuery
from reflexa.memory.lessons.utility import HARMFUL, help_probability
from reflexa.memory.lessons.words import similarity
from reflexa.types import Frozen, RunRecord

if TYPE_CHECKING:
    from reflexa.memory import Store

Done = Literal["added", "edited", "merged", "dropped", "repeated"]

SOURCES = 64
"""Sources that a lesson keeps at most: the first ones."""
ALIKE = 0.75
"""From which share of common words on two lessons are one, or contradict each other where one of them negates."""
_NEGATION = re.compile(r"\b(?:not|never|avoid|without|no|cannot|\w+n['’]t)\b", re.IGNORECASE)


class Refused(Frozen):
    """How often operations were refused for one reason."""

    why: Refusal
    count: int


class Tally(Frozen):
    """What became of operations. ``repeated`` said again what a lesson said already, and became a source of it."""

    added: int = 0
    edited: int = 0
    merged: int = 0
    dropped: int = 0
    repeated: int = 0
    refused: tuple[Refused, ...] = ()
    lessons: tuple[str, ...] = ()
    """The new lessons' ids."""


@dataclass
class Curator:
    """Keeps the lessons of one suite while a run is distilled. Doing the same operations again changes nothing."""

    store: Store
    run: RunRecord
    suite: str
    vetting: Vetting
    policy: str
    counts: Counter[Done | Refusal] = field(default_factory=Counter)
    made: list[str] = field(default_factory=list)

    @property
    def tally(self) -> Tally:
        return Tally(
            added=self.counts["added"],
            edited=self.counts["edited"],
            merged=self.counts["merged"],
            dropped=self.counts["dropped"],
            repeated=self.counts["repeated"],
            refused=tuple(Refused(why=why, count=self.counts[why]) for why in get_args(Refusal) if self.counts[why]),
            lessons=tuple(self.made),
        )

    def carry_out(self, reading: Reading, sources: tuple[LessonSource, ...], shown: Sequence[str]) -> None:
        """Does what a reply asks for. ``shown`` are the untrusted pieces that its model had before it."""
        self.counts.update(reading.refused)
        for operation in reading.operations:
            why = None if operation.kind == "drop" else self.vetting.refusal(operation.text, shown)
            self.counts[why or self._do(operation, sources)] += 1

    def _do(self, operation: Operation, sources: tuple[LessonSource, ...]) -> Done | Refusal:
        named = [self._named(label) for label in operation.lessons]
        lessons = [lesson for lesson in named if lesson is not None]
        if len(lessons) < len(named):
            return "unknown lesson"
        if operation.kind == "add":
            return self._add(operation.text, sources)
        if operation.kind == "drop":
            return self._drop(lessons[0], operation.text)
        return self._replace(lessons, operation, sources)

    def _named(self, label: str) -> Lesson | None:
        try:
            lesson = self.store.find_lesson(label)
        except UsageError:
            return None
        return lesson if lesson.suite == self.suite else None

    def _add(self, text: str, sources: tuple[LessonSource, ...]) -> Done | Refusal:
        new = self._lesson(text, sources)
        known = self._known(new)
        if known is None:
            self._keep(new)
            return "added"
        if known.status in _WITHDRAWN:
            return "withdrawn"
        if known.status == "merged":
            return "repeated"
        if not _says_the_same(known, new):
            if self._protected(known):
                return "protected"
            return self._supersede([known], new, "contradicted since", "merged")
        if known.trust == "own":
            self.store.change_lesson(known.model_copy(update={"sources": _joined(known.sources, sources)}))
        return "repeated"

    def _known(self, new: Lesson) -> Lesson | None:
        """The lesson that says what the new one says, or an active one that says the contrary."""
        kept = [lesson for status in _WITHDRAWN for lesson in self.store.lessons(suite=self.suite, status=status)]
        withdrawn = (lesson for lesson in kept if lesson.trust != "imported" and _says_the_same(lesson, new))
        return next(withdrawn, None) or next(iter(self._alike(new)), None) or self._named(new.id)

    def _alike(self, new: Lesson) -> list[Lesson]:
        """The active lessons that are about the same, the most relevant first."""
        query = RecallQuery(text=new.text, k=10, tokens=4000, suite=self.suite)
        return [each.lesson for each in self.store.recall_lessons(query) if _about_the_same(each.lesson, new)]

    def _replace(
        self, lessons: Sequence[Lesson], operation: Operation, sources: tuple[LessonSource, ...]
    ) -> Done | Refusal:
        new = self._lesson(operation.text, tuple(dict.fromkeys((*_sources(lessons), *sources))))
        if all(lesson.successor == new.id or lesson.id == new.id for lesson in lessons):
            return "repeated"
        if any(lesson.status != "active" for lesson in lessons):
            return "unknown lesson"
        if any(map(self._protected, lessons)):
            return "protected"
        split = next((lesson.split for lesson in lessons if lesson.split in TEST_SPLITS), new.split)
        done: Done = "edited" if operation.kind == "edit" else "merged"
        others = [lesson for lesson in self._alike(new) if lesson not in lessons and not self._protected(lesson)]
        new = new.model_copy(update={"split": split})
        return self._supersede((*lessons, *others), new, f"{done} by {self.policy}", done)

    def _supersede(self, lessons: Sequence[Lesson], new: Lesson, reason: str, done: Done) -> Done | Refusal:
        known = self._named(new.id)
        if known is not None and known.status != "active":
            return "withdrawn"
        self._keep(new)
        for lesson in lessons:
            if lesson.id != new.id:
                update = {"status": "merged", "successor": new.id, "reason": reason}
                self.store.change_lesson(lesson.model_copy(update=update))
        return done

    def _drop(self, lesson: Lesson, why: str) -> Done | Refusal:
        if lesson.status == "dropped":
            return "repeated"
        if lesson.status != "active":
            return "unknown lesson"
        if self._protected(lesson):
            return "protected"
        self.store.change_lesson(lesson.model_copy(update={"status": "dropped", "reason": f"{self.policy}: {why}"}))
        return "dropped"

    def _protected(self, lesson: Lesson) -> bool:
        """Whether a person stands behind the lesson, or what became of the tasks that were shown it."""
        helps = help_probability(self.store.lesson_trials([lesson.id])[lesson.id])
        return lesson.trust != "own" or helps >= HARMFUL

    def _lesson(self, text: str, sources: tuple[LessonSource, ...]) -> Lesson:
        """A new lesson. The same words for the same suite are the same lesson, whenever they are said."""
        digest = hashlib.sha256(f"{self.suite}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()
        return Lesson(
            id=f"l{digest[:14]}",
            text=text,
            suite=self.suite,
            split=self.run.config.split,
            sources=sources[:SOURCES],
            policy=self.policy,
            created=time.time(),
        )

    def _keep(self, new: Lesson) -> None:
        self.store.add_lessons([new])
        self.made.append(new.id)


_WITHDRAWN: tuple[LessonStatus, ...] = ("quarantined", "dropped", "retracted")


def _about_the_same(first: Lesson, second: Lesson) -> bool:
    return similarity(_NEGATION.sub(" ", first.text), _NEGATION.sub(" ", second.text)) >= ALIKE


def _says_the_same(first: Lesson, second: Lesson) -> bool:
    """Whether neither contradicts the other, either: whether both negate, or none does."""
    return _about_the_same(first, second) and _negates(first.text) == _negates(second.text)


def _negates(text: str) -> bool:
    return len(_NEGATION.findall(text)) % 2 == 1


def _sources(lessons: Sequence[Lesson]) -> tuple[LessonSource, ...]:
    return tuple(source for lesson in lessons for source in lesson.sources)


def _joined(first: Sequence[LessonSource], second: Sequence[LessonSource]) -> tuple[LessonSource, ...]:
    return tuple(dict.fromkeys((*first, *second)))[:SOURCES]
