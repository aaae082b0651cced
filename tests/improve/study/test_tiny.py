"""The study's models load as any others do, and follow from their seeds."""

from __future__ import annotations

from pathlib import Path

from reflexa.improve.study.config import Size
from reflexa.improve.study.tiny import (
    LETTERS,
    make_gold,
    make_policy,
    make_prompts,
    make_proxy,
    parameters_of,
)
from reflexa.models.local.scorer import LocalScorer
from reflexa.training.engine.loading import load_tokenizer

SIZE = Size(width=8, layers=1)


def test_prompts_follow_from_the_seed() -> None:
    prompts = make_prompts(50, 4, 1)
    assert prompts == make_prompts(50, 4, 1) != make_prompts(50, 4, 2)
    assert {len(prompt) for prompt in prompts} == {4}
    assert set("".join(prompts)) <= set(LETTERS)


def test_a_letter_is_a_token(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(str(make_policy(tmp_path / "a", SIZE, 0)))
    ids = tokenizer("dab")["input_ids"]
    assert len(ids) == 3
    assert tokenizer.decode(ids) == "dab"


def test_weights_follow_from_the_seed(tmp_path: Path) -> None:
    first, again, other = (make_policy(tmp_path / name, SIZE, seed) for name, seed in (("a", 0), ("b", 0), ("c", 1)))
    weights = [(folder / "model.safetensors").read_bytes() for folder in (first, again, other)]
    assert weights[0] == weights[1] != weights[2]


def test_rewards_score_answers_and_a_folder_is_made_anew(tmp_path: Path) -> None:
    small = make_proxy(tmp_path / "a", SIZE, 0)
    assert parameters_of(small) < parameters_of(make_gold(tmp_path / "b", Size(width=16, layers=2), 0))
    scores = LocalScorer(str(make_gold(tmp_path / "a", SIZE, 3)), threads=1).score([("abcd", "efgh"), ("abcd", "ponm")])
    assert scores[0] != scores[1]
