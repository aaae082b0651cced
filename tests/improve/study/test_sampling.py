"""The study's policy: its answers as text and tokens, and its distance to another."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from reflexa.improve.study.config import Size
from reflexa.improve.study.sampling import TinyPolicy
from reflexa.improve.study.tiny import make_policy
from reflexa.training.engine.loading import load_model

SIZE = Size(width=8, layers=1)
PROMPTS = ["abcd", "ponm"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("policies")
    return make_policy(folder / "a", SIZE, 0), make_policy(folder / "b", SIZE, 1)


def test_answers_as_text_and_as_tokens(folders: tuple[Path, Path]) -> None:
    policy = TinyPolicy(folders[0], letters=5)
    answers = policy.answers(PROMPTS, 3, seed=1)
    assert (len(answers.texts), len(answers.texts[0]), len(answers.rows)) == (2, 3, 6)
    assert set(answers.starts) == {4}
    for row, start, sampled in zip(answers.rows, answers.starts, answers.sampled, strict=True):
        assert row[-1] == 1  # closed by the end token, whether it was sampled or not
        assert len(row) - start - sampled in (0, 1)
        assert 1 <= sampled <= 5
    assert policy.answers(PROMPTS, 3, seed=1).texts == answers.texts


def test_a_policy_is_at_no_distance_from_itself(folders: tuple[Path, Path]) -> None:
    policy, other = (TinyPolicy(folder, letters=5) for folder in folders)
    answers = policy.answers(PROMPTS, 2, seed=1)
    assert policy.kl(answers, policy) == [0.0, 0.0]
    assert all(kl > 0 for kl in policy.kl(answers, other))


def test_the_distance_is_that_of_the_next_tokens_distributions(folders: tuple[Path, Path]) -> None:
    """Answers of one token: the KL is Σ p ln(p/q) of what follows the prompt."""
    answers = TinyPolicy(folders[0], letters=1).answers(PROMPTS, 1, seed=1)
    mine, start = (TinyPolicy(folder, letters=1) for folder in folders)
    expected = []
    for row in answers.rows:
        with torch.no_grad():
            p, q = (
                torch.log_softmax(load_model(str(folder))(torch.tensor([list(row[:4])])).logits[0, -1], -1)
                for folder in folders
            )
        expected.append(float((p.exp() * (p - q)).sum()))
    assert mine.kl(answers, start) == pytest.approx(expected, rel=1e-4)
