"""What counts as a good answer, and which attempts are one answer."""

from __future__ import annotations

import pytest

from reflexa.export.candidates import Admission
from reflexa.export.made import Making, spoken
from reflexa.export.options import ExportOptions
from reflexa.memory.episodes.gathering import TaskAttempts
from reflexa.types import Message, Step
from tests.export.support import a_task, a_verdict, an_episode


def making(min_score: float | None = None) -> Making:
    return Making(ExportOptions(kind="unpaired", min_score=min_score), lambda run, context: None, lambda run, task: ())


@pytest.mark.parametrize(
    ("min_score", "good"), [(None, [True, False]), (0.4, [True, True]), (0.5, [False, True]), (0.9, [False, False])]
)
def test_a_good_answer_passed_or_scored_enough(min_score: float | None, good: list[bool]) -> None:
    episode = an_episode(a_task(), a_verdict(0.4, passed=True), a_verdict(0.8, passed=False))
    made_with = making(min_score)
    admitted = Admission(made_with.options, ()).admit(TaskAttempts(episode.task, (("run", episode),)))
    assert [made_with.is_good(candidate) for candidate in admitted.candidates] == good


def test_attempts_that_were_played_are_passed_over_and_counted() -> None:
    episode = an_episode(a_task(), a_verdict(1.0), a_verdict(1.0))
    played = episode.tries[0].attempt.model_copy(update={"steps": (Step(action="look"),)})
    tries = (episode.tries[0].model_copy(update={"attempt": played}), episode.tries[1])
    gathered = TaskAttempts(episode.task, (("run", episode.model_copy(update={"tries": tries})),))
    made_with = making()
    candidates = list(made_with.spoken(Admission(made_with.options, ()).admit(gathered)))
    assert [candidate.attempt.index for candidate in candidates] == [1]
    assert made_with.dropped == {"played": 1}


def test_what_a_policy_said_is_an_assistants_message() -> None:
    assert spoken("Yes.") == (Message(role="assistant", content="Yes."),)
