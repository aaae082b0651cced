"""Whether lessons of other tasks help: two runs that differ in nothing else, on held-out tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reflexa.evaluation.compare import LEVEL, Comparison, Run, compare
from reflexa.types import Episode, Frozen, Usage


class MemoryAudit(Frozen):
    """What lessons did to a run (b), held against one without them (a).

    ``first`` compares the first attempts alone. ``informed`` counts the tasks that were shown a lesson at all,
    ``lessons`` all that were shown.
    """

    first: Comparison
    informed: int
    lessons: int
    conclusion: str


def audit_memory(without: Run, with_lessons: Run, shown: Sequence[int]) -> MemoryAudit:
    """``shown`` has the number of lessons for each task. Raises ``UsageError`` where the runs cannot be paired."""
    (run_a, kept_a), (run_b, kept_b) = without, with_lessons
    episodes_a, episodes_b = tuple(kept_a), tuple(kept_b)
    first = compare((run_a, first_attempts(episodes_a)), (run_b, first_attempts(episodes_b)))
    final = compare((run_a, episodes_a), (run_b, episodes_b))
    informed = sum(count > 0 for count in shown)
    return MemoryAudit(
        first=first, informed=informed, lessons=sum(shown), conclusion=_conclusion(first, final, informed)
    )


def first_attempts(episodes: Iterable[Episode]) -> list[Episode]:
    """The episodes as if each had ended with its first attempt."""
    return [_first(episode) for episode in episodes]


def _first(episode: Episode) -> Episode:
    tries = episode.tries[:1]
    completion = tries[0].attempt.completion if tries else None
    return episode.model_copy(
        update={
            "tries": tries,
            "submitted": 0 if tries else None,
            "usage": completion.usage if completion else Usage(),
            "calls": len(tries),
        }
    )


def _conclusion(first: Comparison, final: Comparison, informed: int) -> str:
    if not informed:
        return "No task was shown a lesson: there is nothing to judge. Distil some first: reflexa memory distill."
    told = f"{_said(final, 'at the end')}, {_said(first, 'after the first attempt')}"
    if final.mcnemar.p < LEVEL:
        verdict = "It helps" if final.difference > 0 else "It hurts"
    elif first.mcnemar.p < LEVEL:
        verdict = (
            f"It {'helps' if first.difference > 0 else 'hurts'} the first attempt, and is not shown to matter later"
        )
    else:
        verdict = "It is not shown to help, nor to hurt"
    return f"{verdict}: {told}."


def _said(found: Comparison, when: str) -> str:
    low, high = found.ci95
    return (
        f"{100 * found.difference:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}] {when} "
        f"(exact McNemar p = {found.mcnemar.p:.3g})"
    )
