"""What lessons were worth: how many tasks were solved with each, and how many where it was left out by lot."""

from __future__ import annotations

from reflexa.evaluation.statistics import credible
from reflexa.lessons import Lesson, LessonOutcomes
from reflexa.memory.lessons.utility import help_probability, utility
from reflexa.types import Frozen


class Share(Frozen):
    """``solved`` of ``n`` episodes; the posterior's ``mean`` and central 95 % interval, from a uniform prior."""

    solved: int
    n: int
    mean: float
    ci95: tuple[float, float]


class Worth(Frozen):
    """A lesson's worth. ``helps`` is the posterior probability that a task is likelier solved with it than without.

    ``utility`` is the factor of its rank that follows. Without episodes that it was left out of, both say nothing
    (0.5 and 1): how often tasks were solved with it is no measure of what it did.
    """

    id: str
    suite: str
    status: str
    text: str
    shown: Share
    left_out: Share
    difference: float
    helps: float
    utility: float


def worth(lesson: Lesson, outcomes: LessonOutcomes) -> Worth:
    shown = _share(outcomes.shown_solved, outcomes.shown)
    left_out = _share(outcomes.left_out_solved, outcomes.left_out)
    known = bool(outcomes.shown and outcomes.left_out)
    return Worth(
        id=lesson.id,
        suite=lesson.suite,
        status=lesson.status,
        text=lesson.text,
        shown=shown,
        left_out=left_out,
        difference=shown.mean - left_out.mean if known else 0.0,
        helps=help_probability(outcomes) if known else 0.5,
        utility=utility(outcomes),
    )


def _share(solved: int, n: int) -> Share:
    return Share(solved=solved, n=n, mean=(solved + 1) / (n + 2), ci95=credible(solved, n))
