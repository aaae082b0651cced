"""The critic: what it says at first, that it learns what is earned, that its checkpoints go on to the same bits."""

from __future__ import annotations

from array import array
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.errors import TrainingError  # noqa: E402
from reflexa.training.config import LoraConfig  # noqa: E402
from reflexa.training.engine.loading import load_model  # noqa: E402
from reflexa.training.engine.packing import Example  # noqa: E402
from reflexa.training.engine.processes import joined  # noqa: E402
from reflexa.training.objectives.ppo import ValueConfig  # noqa: E402
from reflexa.training.online.config import OnlineConfig  # noqa: E402
from reflexa.training.online.critic import Critic, CriticPlan, ValueTargets  # noqa: E402
from tests.support.tiny_models import make_scorer  # noqa: E402
from tests.training.online.runs import make_online  # noqa: E402

EXAMPLES = [
    Example(array("i", [10, 20]), (array("i", [30, 31, 32]), array("i", [33]))),
    Example(array("i", [11]), (array("i", [40, 41]),)),
]
RETURNS = torch.tensor([1.0, 1.0, 0.5, 0.25, 0.0, -1.0])


def make_critic(config: OnlineConfig, resumed: Path | None = None, start: str | None = None) -> Critic:
    plan = CriticPlan(
        start=start or config.model,
        values=ValueConfig(value_clip=None),
        lora=config.lora,
        learning_rate=config.optimizer.learning_rate,
        dtype=torch.float32,
    )
    with joined() as processes:
        return Critic(config, plan, processes, resumed)


def taught(critic: Critic, steps: range) -> list[float]:
    """Steps towards ``RETURNS``; the mean squared error before each."""
    mask = torch.ones(len(RETURNS))
    errors = []
    for step in steps:
        targets = ValueTargets(old=critic.values(EXAMPLES), returns=RETURNS, mask=mask)
        errors.append(critic.learn(EXAMPLES, targets, step).metrics["value/error"])
    return errors


def test_a_new_critic_expects_nothing(tmp_path: Path) -> None:
    assert make_critic(make_online(tmp_path)).values(EXAMPLES).tolist() == [0.0] * 6


def test_a_reward_models_head_is_kept(tmp_path: Path) -> None:
    start = str(make_scorer(tmp_path / "scorer", "Sequence", 1))
    config = make_online(tmp_path)
    values = make_critic(config, start=start).values(EXAMPLES)
    assert len(set(values.tolist())) == 5  # both answers to the first prompt begin with one value
    model = load_model(start, "answer")  # the value before a token is the score of all that stands before it
    hidden = model.base_model(input_ids=torch.tensor([[10, 20, 30, 31]])).last_hidden_state[0, 1:]
    torch.testing.assert_close(values[:3], model.score(hidden).squeeze(-1).detach(), rtol=1e-3, atol=1e-3)


def test_values_do_not_depend_on_how_samples_are_dealt(tmp_path: Path) -> None:
    start = str(make_scorer(tmp_path / "scorer", "Sequence", 1))
    config = make_online(tmp_path)
    whole = make_critic(config, start=start).values(EXAMPLES)
    split = make_critic(config.model_copy(update={"batch_tokens": 1}), start=start).values(EXAMPLES)
    torch.testing.assert_close(whole, split)


@pytest.mark.parametrize("lora", [None, LoraConfig(rank=4)], ids=["whole", "adapters"])
def test_it_learns_what_is_earned(tmp_path: Path, lora: LoraConfig | None) -> None:
    config = make_online(tmp_path, lora=lora, steps=40, precision="float32")
    errors = taught(make_critic(config), range(40))
    assert errors[0] == pytest.approx(float(RETURNS.square().mean()))
    # Two answers to one prompt begin alike and earn 1 and 0.25: their first value is right for both on average alone.
    assert errors[-1] == pytest.approx(2 * 0.375**2 / 6, rel=0.05)


def test_only_learnt_tokens_count(tmp_path: Path) -> None:
    config = make_online(tmp_path, steps=40)
    critic = make_critic(config)
    mask = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0, 1.0])
    garbled = torch.where(mask > 0, RETURNS, 1e6)
    told = critic.learn(EXAMPLES, ValueTargets(old=critic.values(EXAMPLES), returns=garbled, mask=mask), 0)
    assert told.metrics["value/return"] == pytest.approx(float(RETURNS[mask > 0].mean()))
    assert told.norm < 100


@pytest.mark.parametrize("lora", [None, LoraConfig(rank=2, dropout=0.1)], ids=["whole", "adapters"])
def test_a_kept_critic_goes_on_to_the_same_bits(tmp_path: Path, lora: LoraConfig | None) -> None:
    config = make_online(tmp_path, lora=lora, epochs=2, minibatches=2)
    torch.manual_seed(1)
    critic = make_critic(config)
    taught(critic, range(2))
    kept = tmp_path / "kept"
    kept.mkdir()
    critic.save(kept)
    torch.manual_seed(2)
    taught(critic, range(2, 4))
    torch.manual_seed(3)
    resumed = make_critic(config, kept)
    torch.manual_seed(2)
    taught(resumed, range(2, 4))
    assert torch.equal(resumed.values(EXAMPLES), critic.values(EXAMPLES))
    assert resumed.values(EXAMPLES).abs().min() > 0


def test_a_folder_without_its_critic_is_refused(tmp_path: Path) -> None:
    config = make_online(tmp_path)
    with pytest.raises(TrainingError, match=r"critic\.safetensors cannot be read"):
        make_critic(config, tmp_path)
    make_critic(config).save(tmp_path)
    other = make_online(tmp_path, lora=LoraConfig(rank=2))
    with pytest.raises(TrainingError, match="is of another model"):
        make_critic(other, tmp_path)
