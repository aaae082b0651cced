"""Reward models: what is read of pairs and rankings, the loss of both, and a trained model that loads back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import transformers

from reflexa.models.local.scorer import LocalScorer
from reflexa.rows import PreferenceRow, RankingRow
from reflexa.training.config import LoraConfig, OptimizerConfig
from reflexa.training.objectives.reward import RewardConfig, ScoredPairs, ScoredRankings, bradley_terry, k_wise
from reflexa.types import Attempt, Message, Task
from reflexa.verifiers import open_verifier
from tests.training.algorithms.support import Bench, architecture, last_scores, run, scores
from tests.verifiers.judges import scorer_means

PAIR = PreferenceRow(prompt="q ", chosen="yes", rejected="no!", margin=0.25, strength="better")
RANKING = RankingRow(prompt="q ", completions=("yes", "perhaps", "no"))


def test_a_pair_carries_the_margin_of_every_rule(bench: Bench) -> None:
    example = bench.encode("reward", PAIR)
    assert [len(completion) for completion in example.completions] == [4, 4]  # bytes, and the end token
    assert example.values == (2 / 3, 2.0, 0.25, 1.0)
    assert not example.marks


def test_a_ranking_keeps_its_order(bench: Bench) -> None:
    example = bench.encode("reward", RANKING)
    assert [len(completion) for completion in example.completions] == [4, 8, 3]
    assert example.values == (0.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize(("rule", "margin"), [("none", 0.0), ("small", 2 / 3), ("large", 2.0), ("score", 0.25)])
def test_pairs_are_bradley_terry_with_the_margin_asked_for(bench: Bench, rule: str, margin: float) -> None:
    rewards = torch.tensor([[2.0], [1.0], [0.5], [3.0]])
    examples = [bench.encode("reward", PAIR)] * 2
    got = bench.loss("reward", scores(examples, rewards), margin=rule, centring=0.01)
    pairs = ScoredPairs(
        chosen=torch.tensor([2.0, 0.5]), rejected=torch.tensor([1.0, 3.0]), margin=torch.tensor([margin, margin])
    )
    torch.testing.assert_close(got.loss, bradley_terry(pairs, RewardConfig(centring=0.01)).loss)


def test_rankings_and_pairs_go_together(bench: Bench) -> None:
    rewards = torch.tensor([[2.0], [1.0], [3.0], [2.0], [-1.0]])
    examples = [bench.encode("reward", PAIR), bench.encode("reward", RANKING)]
    got = bench.loss("reward", scores(examples, rewards), margin="large")
    ranked = ScoredRankings(
        rewards=torch.tensor([[2.0, 1.0, 0.0], [3.0, 2.0, -1.0]]),
        answers=torch.tensor([2, 3]),
        margin=torch.tensor([2.0, 0.0]),
    )
    torch.testing.assert_close(got.loss, k_wise(ranked, RewardConfig()).loss)
    pairs_alone = bench.loss("reward", scores(examples[:1], rewards[:2]))
    assert got.metrics.keys() == pairs_alone.metrics.keys()


def pairs(count: int) -> list[PreferenceRow]:
    return [PreferenceRow(prompt=f"q{index} ", chosen=f"yes {index}", rejected=f"no {index}") for index in range(count)]


def test_a_trained_model_loads_back_and_ranks_what_it_has_not_seen(bench: Bench, tmp_path: Path) -> None:
    result, reports = run(tmp_path, bench.checkpoint, "reward", pairs(16))
    assert architecture(result.model) == "LlamaForSequenceClassification"
    assert reports[-1].metrics["rewards/accuracy"] == 1.0
    scorer = LocalScorer(str(result.model), threads=1)
    unseen = [(f"q{index} ", f"{word} {index}") for index in range(20, 28) for word in ("yes", "no")]
    ranked = scorer.score(unseen)
    assert all(better > worse for better, worse in zip(ranked[::2], ranked[1::2], strict=True))


def test_a_trained_model_is_a_verifier_of_chats(bench: Bench, tmp_path: Path) -> None:
    chats = [
        PreferenceRow(
            prompt=(Message(role="user", content=f"q{index}"),),
            chosen=(Message(role="assistant", content=f"yes {index}"),),
            rejected=(Message(role="assistant", content=f"no {index}"),),
        )
        for index in range(8)
    ]
    result, _ = run(tmp_path, bench.checkpoint, "reward", chats)
    verifier = open_verifier(f"reward:{result.model}", scorer_means(LocalScorer(str(result.model), threads=1)))
    task = Task(id="t", prompt=(Message(role="user", content="q11"),))
    right, wrong = (verifier.verify(task, Attempt(answer=answer)) for answer in ("yes 11", "no 11"))
    assert right.score > wrong.score


def test_the_saved_model_scores_as_the_trained_one_did(bench: Bench, tmp_path: Path) -> None:
    """One step at a rate of nearly 0: its report tells the rewards of the model that is then saved."""
    rows, still = pairs(4), OptimizerConfig(learning_rate=1e-30)
    result, (report,) = run(tmp_path, bench.checkpoint, "reward", rows, epochs=1, optimizer=still)
    chosen = last_scores(result.model, [(str(row.prompt), str(row.chosen)) for row in rows])
    rejected = last_scores(result.model, [(str(row.prompt), str(row.rejected)) for row in rows])
    assert report.metrics["rewards/chosen"] == pytest.approx(sum(chosen) / 4, rel=1e-4)
    assert report.metrics["rewards/rejected"] == pytest.approx(sum(rejected) / 4, rel=1e-4)


@pytest.mark.filterwarnings("ignore:.*checkpointing.* is deprecated:FutureWarning")
def test_adapters_are_merged_with_their_head(bench: Bench, tmp_path: Path) -> None:
    result, reports = run(tmp_path, bench.checkpoint, "reward", pairs(8), lora=LoraConfig(rank=4))
    assert reports[-1].metrics["rewards/accuracy"] == 1.0
    ranked = LocalScorer(str(result.model), threads=1).score([("q3 ", "yes 3"), ("q3 ", "no 3")])
    assert ranked[0] - ranked[1] > 0.5 * reports[-1].metrics["rewards/margin"]


def test_transformers_scores_the_saved_model_at_the_same_token(bench: Bench, tmp_path: Path) -> None:
    """The tiny tokenizer's padding differs from its end token, SmolLM2's does not: here it is made the same."""
    shared = tmp_path / "shared"
    tokenizer = transformers.AutoTokenizer.from_pretrained(bench.checkpoint)
    tokenizer.pad_token = tokenizer.eos_token
    bench.model.config.pad_token_id = tokenizer.eos_token_id
    try:
        bench.model.save_pretrained(shared)
    finally:
        bench.model.config.pad_token_id = 0
    tokenizer.save_pretrained(shared)
    result, _ = run(tmp_path, shared, "reward", pairs(8))
    scorer = LocalScorer(str(result.model), threads=1)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(result.model, dtype=scorer.dtype).eval()
    padded = transformers.AutoTokenizer.from_pretrained(result.model)
    batch = padded(["q3 yes 3<|im_end|>", "q3 no<|im_end|>"], padding=True, return_tensors="pt")
    with torch.no_grad():
        theirs = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits.squeeze(-1)
    assert scorer.score([("q3 ", "yes 3"), ("q3 ", "no")]) == pytest.approx(theirs.float().tolist(), rel=0.05, abs=0.05)
