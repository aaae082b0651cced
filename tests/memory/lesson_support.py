"""Lessons to keep and find."""

from __future__ import annotations

from typing import Any

from reflexa.lessons import Lesson, LessonSource
from reflexa.memory.store import Store
from reflexa.types import Episode
from tests.memory.support import AWKWARD, a_task, an_episode

SOURCE = LessonSource(run="abc12345", task="Sums/9", attempt=1, reflection="Sums/9.1")


def a_lesson(number: int = 0, text: str = "Add the numbers from the smallest to the largest.", **given: Any) -> Lesson:
    defaults: dict[str, Any] = {"suite": "sums", "split": "train", "sources": (SOURCE,), "created": float(number)}
    return Lesson(id=f"l{number:04}", text=text, **defaults | given)


def awkward_lesson(number: int = 0) -> Lesson:
    """Every field filled, and awkward text in all that take any."""
    return a_lesson(
        number,
        text=AWKWARD,
        suite=AWKWARD,
        split="validation",
        trust="imported",
        status="quarantined",
        sources=(SOURCE, LessonSource(run=AWKWARD, task=AWKWARD, attempt=0)),
        successor=AWKWARD,
        policy=AWKWARD,
        pack=AWKWARD,
        reason=AWKWARD,
        created=1 / 3,
    )


def play(store: Store, run_id: str, number: int, *, solved: bool, error: str | None = None) -> str:
    """Records an episode that had ended; its task's id."""
    episode: Episode = an_episode(f"Sums/{number}", attempts=1)
    tries = episode.tries if solved else ()
    changed = {"task": a_task(f"Sums/{number}"), "tries": tries, "submitted": 0 if solved else None, "error": error}
    store.begin_episode(run_id, episode.task)
    for graded in tries:
        store.record_attempt(run_id, episode.task.id, graded.attempt)
    store.end_episode(run_id, episode.model_copy(update=changed))
    return episode.task.id
