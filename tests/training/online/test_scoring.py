"""Trained scorers as rewards, with real tiny models of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.errors import UsageError, VerifierError  # noqa: E402
from reflexa.models.local.scorer import LocalScorer  # noqa: E402
from reflexa.training.engine.metrics import StepReport  # noqa: E402
from reflexa.training.online.api import train_online  # noqa: E402
from reflexa.training.online.config import PointConfig  # noqa: E402
from reflexa.training.online.rollouts import Answer, OnlinePrompt, StepRewards  # noqa: E402
from reflexa.training.online.scoring import scored_by, step_rewards, steps_scored_by  # noqa: E402
from reflexa.verifiers.combined_reward import CombinationConfig, CombinedScorer  # noqa: E402
from tests.support.tiny_models import make_scorer  # noqa: E402
from tests.training.online.runs import make_online, make_prompts  # noqa: E402

TEXT = "Step 1: add.\nStep 2: carry.\n\nStep 3: done."


def answer(text: str) -> Answer:
    return Answer(prompt=OnlinePrompt(id="p", prompt="a sum\n"), text=text, tokens=3, finished=True, sample=0)


def test_steps_earn_their_share_where_they_end() -> None:
    earned = step_rewards(TEXT, ["Step 1: add.", "Step 2: carry.", "Step 3: done."], [0.9, 0.6, 0.3])
    assert [TEXT[:end].split("\n")[-1] for end in earned.ends] == ["Step 1: add.", "Step 2: carry.", "Step 3: done."]
    assert earned.rewards == pytest.approx((0.3, 0.2, 0.1))
    assert dict(earned) == pytest.approx({"steps": 0.6})


def test_a_step_that_is_not_in_the_text_counts_from_its_end() -> None:
    assert step_rewards("one\r\ntwo", ["one\ntwo"], [1.0]).ends == (8,)


def test_a_process_reward_model_rewards_steps(tmp_path: Path) -> None:
    scorer = LocalScorer(str(make_scorer(tmp_path / "scorer", "Token", 2)))
    earned = steps_scored_by(scorer)(answer(TEXT))
    assert isinstance(earned, StepRewards)
    expected = scorer.step_scores("a sum\n", ["Step 1: add.", "Step 2: carry.", "Step 3: done."])
    assert earned.rewards == pytest.approx([score / 3 for score in expected])
    assert steps_scored_by(scorer)(answer(" \n")) == 0.0


def test_a_reward_model_rewards_answers(tmp_path: Path) -> None:
    scorer = LocalScorer(str(make_scorer(tmp_path / "scorer", "Sequence", 1)))
    assert scored_by(scorer)(answer("5")) == scorer.score([("a sum\n", "5")])[0]
    with pytest.raises(UsageError, match="scores whole answers, not steps"):
        steps_scored_by(scorer)(answer("5"))
    with pytest.raises(VerifierError, match="cannot score the answer"):
        scored_by(scorer)(answer("5" * 300))


def test_ppo_against_two_reward_models_made_one(tmp_path: Path) -> None:
    """LLaMA-2's rule; the critic begins as the helpfulness model."""
    folder = make_scorer(tmp_path / "scorer", "Sequence", 1)
    scorer = LocalScorer(str(folder))
    combined = CombinedScorer(scorer, scorer, CombinationConfig(), unsafe=lambda prompt: "1" in str(prompt))
    options = {"critic": str(folder), "whiten_rewards": True}
    config = make_online(tmp_path, algorithm="ppo", steps=1, options=options, points=PointConfig(prompts=0))
    reports: list[StepReport] = []
    train_online(config, make_prompts(), scored_by(combined), progress=reports.append)
    assert reports[0].metrics["reward/spread"] > 0
    assert reports[0].metrics["value"] != 0.0  # the head that it began with is not one of zeros


def test_ppo_against_a_process_reward_model(tmp_path: Path) -> None:
    scorer = LocalScorer(str(make_scorer(tmp_path / "scorer", "Token", 2)))
    config = make_online(tmp_path, algorithm="ppo", steps=1, points=PointConfig(prompts=0))
    reports: list[StepReport] = []
    train_online(config, make_prompts(), steps_scored_by(scorer), progress=reports.append)
    assert 0 < reports[0].metrics["reward"] < 1
