"""Lessons that other tasks taught: which an episode's prompts show, and which are left out to learn their worth."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reflexa.agent.exposure import gives_away
from reflexa.agent.prompting import fenced, task_text
from reflexa.lessons import Lesson, RecallQuery
from reflexa.tasks.leaks import LeakGuard
from reflexa.types import RunConfig, Task

if TYPE_CHECKING:
    from reflexa.memory import Store


@dataclass(frozen=True)
class Remembering:
    """Recalls lessons for the tasks of one run, once an episode, and records what was shown before it is shown."""

    store: Store
    run_id: str
    config: RunConfig

    def notes(self, task: Task, begun: bool) -> tuple[str, ...]:
        """The lessons that stand in every prompt of the task's episode.

        One that is resumed shows the ones that it had, but those that were withdrawn since. ``begun`` says that calls
        of it were recorded: if it had no lessons then, it gets none now.
        """
        shown = self.store.lessons_of(self.run_id, task.id)
        if not shown and not begun:
            self._recall(task)
            shown = self.store.lessons_of(self.run_id, task.id)
        lessons = [self.store.find_lesson(lesson_id) for lesson_id in shown]
        return tuple(lesson.text for lesson in lessons if lesson.status not in ("quarantined", "retracted"))

    def _recall(self, task: Task) -> None:
        query = RecallQuery(
            text=task_text(task),
            tokens=self.config.lesson_tokens,
            scope="all" if self.config.memory == "all" else "suite",
            suite=task.suite,
            split=task.split,
            task_id=task.id,
        )
        fit = [recalled.lesson for recalled in self.store.recall_lessons(query) if _fit_for(task, recalled.lesson)]
        left_out = [lesson.id for lesson in fit if self._leaves_out(task, lesson)]
        shown = [lesson.id for lesson in fit if lesson.id not in left_out]
        if fit:
            self.store.record_lesson_uses(self.run_id, task.id, shown, left_out)

    def _leaves_out(self, task: Task, lesson: Lesson) -> bool:
        """A draw of its own for each lesson of each task, the same whenever it is made."""
        text = f"{self.config.seed}\0{task.id}\0{lesson.id}"
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big") / 2**64 < self.config.explore


def _fit_for(task: Task, lesson: Lesson) -> bool:
    """Whether the lesson says nothing of what this task is judged by, as it would stand in a prompt."""
    return not LeakGuard(task).holds(fenced(lesson.text)) and not gives_away(task, lesson.text)
