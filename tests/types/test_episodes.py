"""The one rule for what is handed in, and what an episode counts as."""

from __future__ import annotations

import pytest

from reflexa.types import Attempt, Episode, Graded, Message, Task, Verdict, choose_submitted

TASK = Task(id="t", prompt=(Message(role="user", content="x"),))


def _verdict(score: float) -> Verdict:
    return Verdict(score=score, passed=score == 1.0)


@pytest.mark.parametrize(
    ("scores", "submitted"),
    [
        ([], None),
        ([0.0], 0),
        ([0.0, 1.0, 1.0], 1),
        ([0.5, 0.2], 0),
        ([0.5, 0.5], 1),
        ([None, None], 1),
        ([0.0, None], 0),
    ],
)
def test_what_is_handed_in(scores: list[float | None], submitted: int | None) -> None:
    assert choose_submitted([None if score is None else _verdict(score) for score in scores]) == submitted


def test_an_episode_counts_by_its_judge_where_it_has_one() -> None:
    graded = Graded(attempt=Attempt(answer="a"), feedback=_verdict(1.0), judged=_verdict(0.0))
    episode = Episode(task=TASK, strategy="none", tries=(graded,), submitted=0)
    assert (episode.answer, episode.solved) == ("a", False)
    assert episode.model_copy(update={"tries": (graded.model_copy(update={"judged": None}),)}).solved


def test_an_episode_without_attempts_is_not_solved() -> None:
    episode = Episode(task=TASK, strategy="none")
    assert (episode.answer, episode.verdict, episode.solved) == ("", None, False)
