"""Lessons: short advice, general enough to be shown on tasks that it did not come from.

An episode's own reflections are read within the episode. A lesson is distilled from several episodes and recalled on
other tasks, so it has to say where it came from, how far it is trusted, and what it was worth where it was shown.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from reflexa.types import Frozen

Trust = Literal["own", "imported", "checked"]
"""Distilled from this database's runs; brought from elsewhere; read and accepted by a person."""
LessonStatus = Literal["active", "quarantined", "merged", "dropped", "retracted"]
"""Only an ``active`` lesson is ever recalled. ``merged`` ones live on in ``Lesson.successor``."""
Scope = Literal["suite", "all"]
"""Whose lessons a recall may find: those of the task's own suite, or of every suite."""
TEST_SPLITS = frozenset({"test"})
"""Splits that measure: nothing learnt from one of their tasks may be shown on another, or trained on, unasked."""
LONGEST = 4_000
"""Characters in a lesson's text at most: a lesson is short, and it is paid for in each prompt it stands in."""


class LessonSource(Frozen):
    """An attempt that a lesson came from, and the reflection that was written on it, where one was."""

    run: str
    task: str
    attempt: int = Field(ge=0)
    reflection: str | None = None


def _of_fitting_length(text: str) -> str:
    """pydantic's own bounds refuse lone surrogates, which a model's broken bytes may leave in its text."""
    if not 1 <= len(text) <= LONGEST:
        raise ValueError(f"got {len(text):,} characters, expected 1 to {LONGEST:,}: a lesson is short")
    return text


class Lesson(Frozen):
    """One lesson. ``split`` is that of its sources: one from a test split is never recalled into it.

    ``policy`` wrote it; ``pack`` names what it was imported with; ``reason`` says why it has its status. ``created`` is
    in seconds since the epoch, UTC.
    """

    id: str
    text: Annotated[str, AfterValidator(_of_fitting_length)]
    suite: str
    split: str = "train"
    trust: Trust = "own"
    status: LessonStatus = "active"
    sources: tuple[LessonSource, ...] = ()
    successor: str | None = None
    policy: str = ""
    pack: str | None = None
    reason: str = ""
    created: float = 0.0


class LessonOutcomes(Frozen):
    """What became of the episodes for which a lesson was recalled: those that were shown it, and those from which it
    was left out at random.
    """

    shown: int = Field(default=0, ge=0)
    shown_solved: int = Field(default=0, ge=0)
    left_out: int = Field(default=0, ge=0)
    left_out_solved: int = Field(default=0, ge=0)

    def __add__(self, other: LessonOutcomes) -> LessonOutcomes:
        return LessonOutcomes(
            shown=self.shown + other.shown,
            shown_solved=self.shown_solved + other.shown_solved,
            left_out=self.left_out + other.left_out,
            left_out_solved=self.left_out_solved + other.left_out_solved,
        )


class LessonTrials(Frozen):
    """The same in those runs alone that showed the lesson in some episodes and left it out of others, run by run.

    Within a run nothing but the lot decided which. Between runs the model, the strategy and the share that is left out
    may differ, so that counts of several runs together (``total``) say nothing of what the lesson did.
    """

    runs: tuple[LessonOutcomes, ...] = ()

    @classmethod
    def of(cls, runs: Iterable[LessonOutcomes]) -> LessonTrials:
        """Of any runs those that chance chose in."""
        return cls(runs=tuple(counts for counts in runs if counts.shown and counts.left_out))

    @property
    def total(self) -> LessonOutcomes:
        return sum(self.runs, LessonOutcomes())


class Recalled(Frozen):
    """A lesson that a recall found, with why it stands where it stands.

    ``relevance`` is the fused reciprocal rank, ``utility`` the factor that its outcomes earned it, ``score`` their
    product.
    """

    lesson: Lesson
    relevance: float
    utility: float
    score: float


class RecallQuery(Frozen):
    """What to recall: the ``k`` lessons that fit ``text`` best, together at most ``tokens`` (4 characters each).

    ``suite``, ``split`` and ``task_id`` are those of the task that they are recalled for. Lessons of a test split are
    never recalled for a task of one, nor is what came from the task itself where it is of a test split.
    """

    text: str
    k: int = Field(default=5, ge=1)
    tokens: int = Field(default=400, ge=1)
    scope: Scope = "suite"
    suite: str
    split: str = "train"
    task_id: str = ""


def new_lesson_id() -> str:
    """The letter l and 14 hexadecimal digits at random: a million lessons, and none is likely to share one."""
    return f"l{secrets.token_hex(7)}"
