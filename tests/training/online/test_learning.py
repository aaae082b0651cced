"""One step's samples into the weights: what is rewarded becomes likelier, what is not does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
transformers: Any = pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.training.config import OptimizerConfig  # noqa: E402
from reflexa.training.engine.loading import load_model, prepare  # noqa: E402
from reflexa.training.engine.processes import joined  # noqa: E402
from reflexa.training.engine.weights import Weights  # noqa: E402
from reflexa.training.online.experience import trees  # noqa: E402
from reflexa.training.online.learning import Learner  # noqa: E402
from reflexa.training.online.passes import Start, token_scores  # noqa: E402
from reflexa.training.online.rollouts import Group, Segment  # noqa: E402
from reflexa.training.online.setup import set_up_online  # noqa: E402
from tests.training.online.made import group, rollout  # noqa: E402
from tests.training.online.runs import make_online, make_prompts  # noqa: E402


class Bench:
    """A learner over a tiny model in fp32, and what the model says of samples."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        optimizer = OptimizerConfig(learning_rate=1e-3, schedule="constant", warmup=0)
        config = make_online(folder, precision="float32", optimizer=optimizer, **changes)
        with joined() as self.processes:
            setup = set_up_online(config, make_prompts(), self.processes)
        self.scorer = prepare(load_model(config.model))
        self.start = Start(self.scorer, torch.float32, adapters=False)
        self.learner = Learner(setup, self.scorer, Weights(self.scorer, torch.float32, optimizer), self.processes)

    def sampled(self, groups: list[Group]) -> list[Group]:
        """The same samples with the log-probabilities that the model, as it is, gives them."""
        values = iter(self.scores(groups).tolist())

        def known(part: Segment) -> Segment:
            logprobs = tuple(next(values) for _ in part.tokens)
            return replace(part, logprobs=logprobs if part.own else None)

        return [
            Group(
                each.prompt,
                each.tokens,
                tuple(replace(one, segments=tuple(map(known, one.segments))) for one in each.rollouts),
            )
            for each in groups
        ]

    def scores(self, groups: list[Group]) -> Any:
        examples = trees(groups, 10_000)
        return token_scores(self.scorer, examples, [tuple(range(len(examples)))], self.processes)


def two_answers() -> list[Group]:
    """One prompt whose first sample is right and whose second is wrong."""
    (made,) = [group("p0", 0.0)]
    return [Group(made.prompt, made.tokens, (rollout(1.0, (20, 30)), rollout(0.0, (40, 50))))]


@pytest.mark.parametrize("algorithm", ["grpo", "dr-grpo", "dapo", "gspo", "rloo", "reinforce++"])
def test_a_right_answer_becomes_likelier_than_a_wrong_one(tmp_path: Path, algorithm: str) -> None:
    bench = Bench(tmp_path, algorithm=algorithm)
    groups = bench.sampled(two_answers())
    before = bench.scores(groups)
    learnt = bench.learner.learn(groups, bench.start, 0, recompute=False)
    moved = bench.scores(groups) - before
    assert moved[:2].sum() > 0 > moved[2:].sum()
    assert learnt.metrics["mismatch"] < 1e-5
    assert learnt.metrics["ratio"] == pytest.approx(1.0, abs=1e-5)
    assert learnt.metrics["kl/sequence"] == pytest.approx(0.0, abs=1e-5)
    assert learnt.rate == 1e-3
    assert bench.learner.passes.distance(groups, bench.start)["kl"] > 0


def test_tokens_of_others_are_not_learnt(tmp_path: Path) -> None:
    """With the observation masked, what it says has no part in the gradient: only its place does."""
    norms = []
    for told in ((60, 61), (60, 62)):
        bench = Bench(tmp_path)
        (made,) = two_answers()
        parts = [(*one.segments, Segment(told, None)) for one in made.rollouts]
        rollouts = tuple(replace(one, segments=part) for one, part in zip(made.rollouts, parts, strict=True))
        groups = bench.sampled([Group(made.prompt, made.tokens, rollouts)])
        norms.append(bench.learner.learn(groups, None, 0, recompute=False).norm)
    assert norms[0] == pytest.approx(norms[1], rel=1e-5)


def test_a_term_of_the_loss_draws_the_policy_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path, options={"kl": 1.0})
    with torch.no_grad():
        for parameter in bench.scorer.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)))
    equal = [Group(one.prompt, one.tokens, (rollout(1.0, (20, 30)), rollout(1.0, (40, 50)))) for one in two_answers()]
    groups = bench.sampled(equal)
    before = bench.learner.passes.distance(groups, bench.start)["kl"]
    for step in range(5):
        bench.learner.learn(bench.sampled(equal), bench.start, step, recompute=False)
    assert bench.learner.passes.distance(groups, bench.start)["kl"] < 0.7 * before


def test_log_probabilities_are_recomputed_where_asked(tmp_path: Path) -> None:
    for epochs, near in ((1, 1e-6), (2, 0.5)):
        bench = Bench(tmp_path, epochs=epochs)
        wrong = two_answers()  # all their log-probabilities are −1, which no model gave
        believed = bench.learner.learn(wrong, None, 0, recompute=True)
        assert believed.metrics["mismatch"] > 0.5
        assert believed.metrics["ratio"] == pytest.approx(1.0, abs=near)
    taken = Bench(tmp_path).learner.learn(wrong, None, 0, recompute=False)
    assert taken.metrics["ratio"] < 0.5
