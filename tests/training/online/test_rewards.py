"""Parts of rewards, their weights, and the threads that they are found on."""

from __future__ import annotations

import threading

import pytest

pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.errors import UsageError, VerifierError
from reflexa.training.online.rewards import Judging, follows, named_parts, overlong, parts, total
from reflexa.training.online.rollouts import Answer, OnlinePrompt, StepRewards


def answer(text: str = "yes", tokens: int = 3, sample: int = 0) -> Answer:
    return Answer(OnlinePrompt(id="p", prompt="?"), text, tokens, True, sample)


def test_parts_combine_by_their_weights() -> None:
    assert total(0.5, {}) == 0.5
    assert total({"right": 1.0, "short": 0.5}, {"short": -2.0}) == 0.0
    with pytest.raises(UsageError, match="weights name wrong: the reward's parts are right"):
        total({"right": 1.0}, {"wrong": 1.0})


def test_rewards_become_parts_under_their_names() -> None:
    whole = parts(right=lambda each: float(each.text == "yes"), long=overlong(10, 4), form=follows("[a-z]+"))
    assert whole(answer()) == {"right": 1.0, "long": 0.0, "form": 1.0}
    assert whole(answer("No!", 8)) == {"right": 0.0, "long": -0.5, "form": 0.0}


def test_a_format_matches_the_whole_answer() -> None:
    thought = follows("<think>.*</think>.*")
    assert thought(answer("<think>a\nb</think>7")) == 1.0
    assert thought(answer("so <think></think>")) == 0.0
    with pytest.raises(UsageError, match="is no regular expression"):
        follows("(")


def test_a_format_that_takes_too_long_is_no_zero() -> None:
    with pytest.raises(VerifierError, match="was not matched in"):
        follows("(a|aa)+$")(answer("a" * 60 + "b"))


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), {"a": 1.0, "b": float("nan")}, {}])
def test_what_is_no_number_is_a_broken_reward(broken: float | dict[str, float]) -> None:
    with pytest.raises(VerifierError, match="expected finite numbers"):
        named_parts(broken, answer())


def test_rewards_of_steps_stay_rewards_of_steps() -> None:
    steps = StepRewards((1, 3), (0.5, 0.25))
    assert named_parts(steps, answer()) is steps


def test_answers_are_judged_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=30)

    def reward(each: Answer) -> float:
        both.wait()
        return float(each.sample)

    with Judging(reward, 2) as judging:
        asked = [judging.asked(answer(sample=sample)) for sample in range(2)]
        assert [judging.found(each) for each in asked] == [{"reward": 0.0}, {"reward": 1.0}]


def test_a_failure_is_raised_by_whoever_asks_next() -> None:
    def reward(each: Answer) -> float:
        raise VerifierError("gone")

    with Judging(reward, 1) as judging:
        first = judging.asked(answer())
        with pytest.raises(VerifierError, match="gone"):
            first.result()
        with pytest.raises(VerifierError, match="gone"):
            judging.asked(answer())
        with pytest.raises(VerifierError, match="gone"):
            judging.found(first)
