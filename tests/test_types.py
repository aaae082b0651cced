"""The vocabulary: sums of usage, the one rule for what is handed in, and data that cannot be changed."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from reflexa.types import Attempt, Episode, Graded, Message, RunConfig, Task, Usage, Verdict, choose_submitted

TASK = Task(id="t", prompt=(Message(role="user", content="x"),))


def _verdict(score: float) -> Verdict:
    return Verdict(score=score, passed=score == 1.0)


def test_usage_adds_up_and_an_unknown_price_stays_unknown() -> None:
    known, unknown = Usage(input_tokens=1, output_tokens=2, cost_usd=0.5), Usage(input_tokens=10)
    assert (known + known).cost_usd == 1.0
    assert (known + unknown).tokens == 13
    assert (unknown + unknown).cost_usd is None


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


def test_data_is_frozen_and_strict() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        TASK.id = "other"  # type: ignore[misc]  # the point of the test
    with pytest.raises(ValidationError, match="extra"):
        Task.model_validate({"id": "t", "prompt": [], "colour": "red"})
    with pytest.raises(ValidationError):
        Verdict(score=1.5, passed=True)


def test_a_run_without_memory_shows_no_reflections() -> None:
    shown = {
        memory: RunConfig.model_validate({"suite": "s", "model": "m", "reflections": 2, "memory": memory})
        for memory in ("none", "episode", "suite", "all")
    }
    assert [config.reflections_shown for config in shown.values()] == [0, 2, 2, 2]
    assert [config.recalls_lessons for config in shown.values()] == [False, False, True, True]


def test_a_run_from_before_lessons_recalled_none() -> None:
    old = RunConfig.model_validate_json('{"suite": "s", "model": "m"}')
    assert (old.memory, old.explore, old.recalls_lessons) == ("episode", 0.0, False)
