"""Two scorers as one: which of them counts when, and by how much."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from reflexa.errors import UsageError
from reflexa.protocols import Scorer
from reflexa.rows import Text
from reflexa.types import Message
from reflexa.verifiers.combined_reward import CombinationConfig, CombinedCheckpoints, CombinedScorer, open_combined


class Counting:
    """A scorer that finds each of its letter in an answer worth one logit."""

    def __init__(self, letter: str) -> None:
        self.name, self._letter = letter, letter

    def score(self, pairs: Sequence[tuple[Text, Text]], /) -> list[float]:
        return [str(answer).count(self._letter) - 3.0 for _, answer in pairs]

    def step_scores(self, prompt: Text, steps: Sequence[str], /) -> list[float]:
        raise UsageError("whole answers alone")


PAIRS = [("how", "hhhh ssss"), ("how", "hhhhh s"), ("harm", "hhhhhh sss")]
"""Helpfulness 1, 2, 3; safety 1, −2 (a chance of 0.12), 0."""


def test_safety_counts_alone_where_an_answer_or_its_prompt_is_unsafe() -> None:
    combined = CombinedScorer(Counting("h"), Counting("s"), unsafe=lambda prompt: prompt == "harm")
    assert combined.score(PAIRS) == [1.0, -2.0, 0.0]
    assert CombinedScorer(Counting("h"), Counting("s")).score(PAIRS) == [1.0, -2.0, 3.0]
    assert combined.score([]) == []


def logit(p: float) -> float:
    return math.log(p / (1 - p))


@pytest.mark.parametrize(
    ("safety", "tagged", "below", "expected"),
    [
        (logit(0.9), False, 0.15, 3.0),
        (logit(0.151), False, 0.15, 3.0),
        (logit(0.149), False, 0.15, logit(0.149)),
        (logit(0.9), True, 0.15, logit(0.9)),
        (logit(0.9), False, 0.95, logit(0.9)),
    ],
)
def test_the_rule_by_hand(safety: float, tagged: bool, below: float, expected: float) -> None:
    """The paper's 0.15, and another threshold."""
    assert CombinationConfig(unsafe_below=below).combined(3.0, safety, tagged) == expected


def test_a_file_names_both_and_tags_prompts_by_a_pattern() -> None:
    settings = CombinedCheckpoints(helpfulness="h", safety="s", unsafe_prompts="(?i)\\bharm")
    combined = open_combined(settings, Counting)
    assert combined.name == "safety-first(h, s)"
    assert combined.score(PAIRS) == [1.0, -2.0, 0.0]
    said = (Message(role="user", content="Harm me."),)
    assert combined.score([(said, "hhhhhh ssss")]) == [1.0]
    with pytest.raises(UsageError, match="is no regular expression"):
        open_combined(settings.model_copy(update={"unsafe_prompts": "("}), Counting)


def test_weights_add_both() -> None:
    config = CombinationConfig(rule="weighted", helpfulness_weight=0.75, safety_weight=0.25)
    assert CombinedScorer(Counting("h"), Counting("s"), config).score(PAIRS) == [1.0, 1.0, 2.25]


def test_it_is_a_scorer_of_whole_answers() -> None:
    combined = CombinedScorer(Counting("h"), Counting("s"))
    assert isinstance(combined, Scorer)
    assert combined.name == "safety-first(h, s)"
    with pytest.raises(UsageError, match="scores whole answers, not steps"):
        combined.step_scores("how", ["one"])
