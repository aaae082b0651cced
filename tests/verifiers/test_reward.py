"""Reward models as verifiers: the logistic function of the logit, and a threshold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from reflexa.errors import PolicyError, UsageError, VerifierError
from reflexa.rows import Text
from reflexa.verifiers import open_verifier
from reflexa.verifiers.reward import sigmoid
from tests.verifiers.judges import TASK, RuleJudge, attempt, means, scorer_means


class Wordy:
    """A reward model that likes long answers: a word more than ten is worth one logit."""

    name = "wordy"

    def score(self, exchanges: Sequence[tuple[Text, Text]], /) -> list[float]:
        if any("overflow" in answer for _, answer in exchanges):
            raise PolicyError("too long")
        assert [prompt for prompt, _ in exchanges] == [TASK.prompt]
        return [math.nan if "nan" in answer else len(str(answer).split()) - 10.0 for _, answer in exchanges]

    def step_scores(self, prompt: Text, steps: Sequence[str], /) -> list[float]:
        raise UsageError("it scores whole answers alone")


def test_the_score_is_the_logistic_function_of_the_reward(tmp_path: Path) -> None:
    verifier = open_verifier(f"reward:{tmp_path}", scorer_means(Wordy()))
    strong = verifier.verify(TASK, attempt("word " * 12))
    assert strong.score == pytest.approx(1 / (1 + math.exp(-2)))
    assert (strong.passed, strong.feedback) == (True, "")
    assert strong.checks[0].detail == "reward 2, score 0.881 (passes from 0.5 on)"
    weak = verifier.verify(TASK, attempt("word " * 9))
    assert weak.score == pytest.approx(1 - 1 / (1 + math.exp(-1)))
    assert (weak.passed, weak.feedback) == (False, "A trained judge of answers finds this one too weak: 0.27 of 1.")
    assert verifier.verify(TASK, attempt("word " * 10)).passed


def test_a_file_sets_the_threshold(tmp_path: Path) -> None:
    (tmp_path / "verifiers").mkdir()
    (tmp_path / "verifiers" / "liked.toml").write_text('kind = "reward"\ncheckpoint = "here"\nthreshold = 0.9\n')
    for spec in ("liked", "reward:liked"):
        verifier = open_verifier(spec, scorer_means(Wordy(), workspace=tmp_path))
        assert verifier.name == "reward:liked"
        assert not verifier.verify(TASK, attempt("word " * 12)).passed
        assert verifier.verify(TASK, attempt("word " * 13)).passed


def test_a_file_may_name_two_models(tmp_path: Path) -> None:
    path = tmp_path / "both.toml"
    path.write_text(
        'kind = "reward"\n[combined]\nhelpfulness = "h"\nsafety = "s"\nrule = "weighted"\nsafety_weight = 1\n'
    )
    verdict = open_verifier(f"reward:{path}", scorer_means(Wordy())).verify(TASK, attempt("word " * 12))
    assert verdict.score == pytest.approx(sigmoid(0.5 * 2 + 1 * 2))
    assert verdict.verifier == "reward:both"


@pytest.mark.parametrize("said", ["", 'checkpoint = "c"\n[combined]\nhelpfulness = "h"\nsafety = "s"\n'])
def test_a_file_names_one_model_or_two(tmp_path: Path, said: str) -> None:
    path = tmp_path / "odd.toml"
    path.write_text(f'kind = "reward"\n{said}')
    with pytest.raises(UsageError, match=r"odd\.toml: expected either a checkpoint, or a table \[combined\]"):
        open_verifier(f"reward:{path}", scorer_means(Wordy()))


@pytest.mark.parametrize(
    ("answer", "complaint"), [("overflow", "wordy cannot score the answer: too long"), ("nan", "expected one finite")]
)
def test_a_model_that_cannot_score_is_no_verdict(tmp_path: Path, answer: str, complaint: str) -> None:
    with pytest.raises(VerifierError, match=complaint):
        open_verifier(f"reward:{tmp_path}", scorer_means(Wordy())).verify(TASK, attempt(answer))


def test_an_empty_answer_is_not_scored(tmp_path: Path) -> None:
    verdict = open_verifier(f"reward:{tmp_path}", scorer_means(Wordy())).verify(TASK, attempt(" "))
    assert (verdict.score, verdict.passed, verdict.feedback) == (0.0, False, "The answer is empty.")


def test_it_needs_a_model() -> None:
    judge = RuleJudge(str)
    with pytest.raises(UsageError, match="unknown reward"):
        open_verifier("reward", means(judge))
    with pytest.raises(UsageError, match=r"owner/name: no reward model can be opened here; pass Means\(scorer=…\)"):
        open_verifier("reward:owner/name", means(judge))


@pytest.mark.parametrize("logit", [-1e9, -800.0, -1.0, 0.0, 1.0, 800.0, 1e9])
def test_sigmoid_is_symmetric_and_never_overflows(logit: float) -> None:
    assert sigmoid(logit) + sigmoid(-logit) == pytest.approx(1.0)
    assert sigmoid(-math.inf) == 0.0
