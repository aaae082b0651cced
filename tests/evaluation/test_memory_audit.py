"""An audit of memory says that it helps, that it hurts, or that neither was shown."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from reflexa.evaluation.memory_audit import audit_memory, first_attempts
from reflexa.types import Episode
from tests.evaluation.support import episode, run


def _episodes(marks: str) -> list[Episode]:
    """``+`` solved at once, ``2`` at the second attempt, ``-`` never."""
    tries: dict[str, Sequence[tuple[float, float]]] = {
        "+": [(1.0, 1.0)],
        "2": [(0.0, 0.0), (1.0, 1.0)],
        "-": [(0.0, 0.0), (0.0, 0.0)],
    }
    return [episode(number, tries[mark], overhead=30) for number, mark in enumerate(marks)]


@pytest.mark.parametrize(
    ("without", "with_lessons", "said"),
    [
        ("----------++", "+++++++++-++", "It helps: +75.0 points"),
        ("+++++++++-++", "----------++", "It hurts: -75.0 points"),
        ("----------++", "--------++++", "It is not shown to help, nor to hurt: +16.7 points"),
        ("2222222222++", "++++++++++++", "It helps the first attempt, and is not shown to matter later: +0.0 points"),
        ("++++++++++++", "2222222222++", "It hurts the first attempt, and is not shown to matter later: +0.0 points"),
    ],
)
def test_the_conclusion(without: str, with_lessons: str, said: str) -> None:
    found = audit_memory((run("a"), _episodes(without)), (run("b"), _episodes(with_lessons)), [2] * 11 + [0])
    assert found.conclusion.startswith(said)
    assert (found.informed, found.lessons) == (11, 22)
    assert found.first.a.solved == without.count("+")
    assert found.first.b.solved == with_lessons.count("+")


def test_without_a_lesson_shown_there_is_nothing_to_judge() -> None:
    found = audit_memory((run("a"), _episodes("-----")), (run("b"), _episodes("+++++")), [0] * 5)
    assert found.conclusion.startswith("No task was shown a lesson")


def test_a_first_attempt_is_judged_by_itself_and_costs_its_own_tokens() -> None:
    (late, never) = first_attempts(_episodes("2-"))
    assert (len(late.tries), late.submitted, late.solved, late.calls, late.usage.tokens) == (1, 0, False, 1, 100)
    assert not never.solved
    (empty,) = first_attempts([episode(0, [])])
    assert (empty.tries, empty.submitted, empty.calls) == ((), None, 0)
