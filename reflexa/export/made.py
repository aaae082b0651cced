"""What all kinds of rows are made with, and what is made.

``Made.rank`` says which rows to keep where a task may only have so many: the smallest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from reflexa.export.candidates import Candidate, Story, TaskCandidates
from reflexa.export.options import ExportOptions
from reflexa.rows import Comparison, Lineage, Row
from reflexa.types import Call, CallContext, Message

FindCall = Callable[[str, CallContext], Call | None]
"""Finds a run's recorded call."""
FindLabels = Callable[[str, str], Sequence[Comparison]]
"""Finds the AI preferences of a run's answers to one task."""
BadLabels = Callable[[Sequence[Comparison]], Collection[Comparison]]
"""Those of some AI preferences that were retracted, or grew from what was."""


@dataclass(frozen=True)
class Made:
    """A row, and where it came from. ``story`` is the episode whose own messages are the prompt, if they are."""

    row: Row
    lineage: Lineage
    rank: tuple[float, ...]
    story: Story | None = None


@dataclass(frozen=True)
class Making:
    """What all kinds need. ``dropped`` counts by reason the rows that could not be made."""

    options: ExportOptions
    find_call: FindCall
    find_labels: FindLabels
    dropped: Counter[str] = field(default_factory=Counter)
    bad_labels: BadLabels = lambda labels: ()

    def spoken(self, task: TaskCandidates) -> Iterator[Candidate]:
        """The attempts whose answer is one text; those that were played are a text for each of their turns."""
        for candidate in task.candidates:
            if candidate.was_played:
                self.dropped["played"] += 1
            else:
                yield candidate

    def is_good(self, candidate: Candidate) -> bool:
        """Whether an answer is one to learn."""
        if self.options.min_score is None:
            return candidate.verdict.passed
        return candidate.verdict.score >= self.options.min_score


Maker = Callable[[Making, TaskCandidates], Iterator[Made]]


def spoken(text: str) -> tuple[Message, ...]:
    """What a policy said, as chat messages."""
    return (Message(role="assistant", content=text),)
