"""What a lesson may not say: its text came from a model that read tasks, answers and feedback, none of them trusted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from reflexa.agent.exposure import gives_away
from reflexa.agent.operations import Refusal
from reflexa.prompting import inert
from reflexa.tasks.leaks import LeakGuard
from reflexa.types import Task

if TYPE_CHECKING:
    from reflexa.memory import Redactor

QUOTED_WORDS = 8
"""Words in a row that a lesson may not share with what its model was shown: a lesson is general, a copy is not."""
_WORD = re.compile(r"\w+")


class Vetting:
    """Holds texts against the tasks that they may have come from, and against those that are for measuring.

    ``tasks`` are those whose episodes are read; ``held_out`` any others whose private checks no text may hold.
    """

    def __init__(self, tasks: Iterable[Task], held_out: Iterable[Task] = ()) -> None:
        self._tasks = tuple(tasks)
        self._guards = [LeakGuard(task) for source in (self._tasks, held_out) for task in source if task.check]
        names = sorted({task.id for task in self._tasks if not task.id.isdecimal()}, key=len, reverse=True)
        self._names = re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in names) or r"(?!)")

    def refusal(self, text: str, shown: Iterable[str] = ()) -> Refusal | None:
        """Why the text may be no lesson; ``shown`` are the untrusted pieces that its model had before it."""
        if inert(text) != text:
            return "role marks"
        if self._redactor.text(text) != text:
            return "secret"
        if self._names.search(text):
            return "task named"
        if any(guard.holds(text) for guard in self._guards) or any(gives_away(task, text) for task in self._tasks):
            return "answer"
        size = min(QUOTED_WORDS, len(_WORD.findall(text)))  # a short lesson is a copy as a whole
        own = _runs(text, size)
        return "quotation" if any(own & _runs(piece, size) for piece in shown) else None

    @cached_property
    def _redactor(self) -> Redactor:
        from reflexa.memory import Redactor

        return Redactor()


def _runs(text: str, size: int) -> set[tuple[str, ...]]:
    """All runs of so many words, without case and punctuation."""
    words = _WORD.findall(text.lower())
    return {tuple(words[start : start + size]) for start in range(len(words) - size + 1)}
