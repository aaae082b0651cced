"""Lessons, and episodes that were shown them, for the tests of what is learnt across tasks."""

from __future__ import annotations

from reflexa.lessons import Lesson
from reflexa.memory import Store
from reflexa.types import Attempt, Episode, Graded, Verdict
from tests.agent.support import task


def lesson(lesson_id: str, text: str, **more: object) -> Lesson:
    return Lesson.model_validate({"id": lesson_id, "text": text, "suite": "custom", **more})


def record_use(store: Store, run_id: str, lesson_id: str, task_id: str, *, shown: bool, solved: bool) -> None:
    """An ended episode for which the lesson was recalled."""
    of = task(task_id, split="train")
    verdict = Verdict(score=float(solved), passed=solved, verifier="judge")
    attempt = Attempt(answer="an answer")
    store.begin_episode(run_id, of)
    store.record_lesson_uses(run_id, task_id, *([[lesson_id], []] if shown else [[], [lesson_id]]))
    store.record_attempt(run_id, task_id, attempt)
    store.record_verdict(run_id, task_id, 0, "judge", verdict)
    tries = (Graded(attempt=attempt, judged=verdict),)
    store.end_episode(run_id, Episode(task=of, strategy="none", tries=tries, submitted=0))
