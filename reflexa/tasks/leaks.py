"""The leak check: no text of ``Task.check`` may occur in any message that is sent, or in a training row."""

from __future__ import annotations

from collections.abc import Iterable

from reflexa.errors import LeakError
from reflexa.types import AnswerCheck, Check, GeneratedCheck, Message, ProgramCheck, Task, TestCheck

NEEDLE_LENGTH = 16
"""Shortest line, in characters, that is searched for: a shorter one ("return x", "42") stands in innocent texts."""


def _flat(text: str) -> str:
    return " ".join(text.split())


def _lines(texts: Iterable[str | None]) -> set[str]:
    flat = {_flat(line) for text in texts if text for line in text.splitlines()}
    return {line for line in flat if len(line) >= NEEDLE_LENGTH}


class LeakGuard:
    """Holds every line of one task's private data against every message.

    What the task's own prompt says is public, and what the model wrote by itself was not leaked by the harness
    (it may well know the benchmark): lines that occur there are allowed.
    """

    def __init__(self, task: Task) -> None:
        self._task_id = task.id
        private = () if task.check is None else _private_texts(task.check)
        public = _flat("\n".join(message.content for message in task.prompt))
        self._needles = {line for line in _lines(private) if line not in public}
        tests = task.check.source if isinstance(task.check, TestCheck) else None
        self._tests = frozenset(self._needles & _lines((tests,)))

    def allow(self, own_text: str) -> None:
        """Exempts what the model itself wrote in this episode."""
        if self._needles:
            own = _flat(own_text)
            self._needles = {needle for needle in self._needles if needle not in own}

    def quotes_tests(self, text: str) -> bool:
        """Whether the text holds a line of the hidden tests, whoever wrote it. A right answer never needs one."""
        if not self._tests:
            return False
        flat = _flat(text)
        return any(line in flat for line in self._tests)

    def holds(self, text: str) -> bool:
        """Whether the text holds a private line."""
        flat = _flat(text) if self._needles else ""
        return any(needle in flat for needle in self._needles)

    def check(self, messages: Iterable[Message]) -> None:
        """Raises ``LeakError`` where a private line is about to be sent. The error does not repeat the line."""
        for message in messages:
            if self.holds(message.content):
                raise LeakError(
                    f"task {self._task_id}: a {message.role} message holds private text of the task's check and was "
                    "not sent. A feedback verifier or a template shows hidden tests or the reference answer: mend it"
                )


def _private_texts(check: Check) -> tuple[str | None, ...]:
    """What of a check would tell an agent how it is judged, beside what the task's prompt already says."""
    if isinstance(check, TestCheck):
        return (check.source, check.reference)
    if isinstance(check, ProgramCheck):
        return (*(run.output for run in check.runs), check.reference)
    if isinstance(check, AnswerCheck):
        return (check.answer, *check.aliases, check.reference)
    if isinstance(check, GeneratedCheck):
        return (str(check.entry.get("answer", "")), check.reference)
    return (check.reference,)
