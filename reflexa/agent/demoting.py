"""Lessons that hurt are shown no more.

While it is only likely that a lesson hurts, its recall is rarer: its utility is a factor of its rank. Where it is all
but certain, it is put into quarantine by the rule of ``memory.utility.harmful``, with its figures as the reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from reflexa.lessons import Lesson, LessonTrials
from reflexa.memory.lessons.utility import harmful, help_probability
from reflexa.types import RunRecord

if TYPE_CHECKING:
    from reflexa.memory import Store

RULE = "harmful"


def quarantine_harmful(store: Store, lessons: Iterable[Lesson]) -> tuple[Lesson, ...]:
    """Puts into quarantine what of these active lessons hurts, and returns it as it now is."""
    active = [lesson for lesson in lessons if lesson.status == "active"]
    trials = store.lesson_trials([lesson.id for lesson in active])
    found = []
    for lesson in active:
        if harmful(trials[lesson.id]):
            update = {"status": "quarantined", "reason": f"{RULE}: {figures(trials[lesson.id])}"}
            found.append(lesson.model_copy(update=update))
            store.change_lesson(found[-1])
    return tuple(found)


def quarantine_harmful_of(store: Store, run: RunRecord) -> tuple[Lesson, ...]:
    """The same for the lessons that a run recalled."""
    return quarantine_harmful(store, store.recalled_lessons(run_id=run.id)) if run.config.recalls_lessons else ()


def figures(trials: LessonTrials) -> str:
    """``solved 3 of 20 with it and 15 of 22 without, P(helps) 0.001``."""
    counted, several = trials.total, f" in {len(trials.runs)} runs" if len(trials.runs) > 1 else ""
    return (
        f"solved {counted.shown_solved} of {counted.shown} with it and {counted.left_out_solved} of "
        f"{counted.left_out} without{several}, P(helps) {help_probability(trials):.3g}"
    )
