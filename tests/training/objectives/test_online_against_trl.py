"""The objectives of online learning against TRL's own trainers: same tiny model, same batch.

The loss and every parameter's gradient, and the advantages that TRL gives to answers that it samples itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from reflexa.training.objectives.advantages import GroupKind, group_advantages
from reflexa.training.objectives.policy_gradient import ClipConfig, TokenBatch, clipped_policy_loss
from tests.support.tiny_models import make_checkpoint
from tests.training.objectives.trl_support import assert_same, load, load_trl, moved

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*checkpointing.* is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:trl"),
]
Batch = dict[str, Tensor]
GROUP, LONGEST = 4, 6
LENGTHS = [6, 1, 4, 3]
ADVANTAGES = [1.5, -0.5, -2.0, 2.5]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("model"))


def length_reward(completions: list[str], **_: Any) -> list[float]:
    """Differs from answer to answer, and is known without the answers."""
    return [float(sum(map(ord, completion)) % 7) for completion in completions]


def prepare(family: str, folder: Path, **options: Any) -> Any:
    """TRL's trainer of GRPO's or of RLOO's family."""
    import transformers
    from datasets import Dataset
    from datasets.utils.logging import disable_progress_bar

    disable_progress_bar()
    trl = load_trl()
    settings = getattr(trl, f"{family}Config")(
        output_dir=str(folder / "out"),
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        per_device_train_batch_size=GROUP,
        num_generations=GROUP,
        max_completion_length=LONGEST,
        report_to=[],
        disable_tqdm=True,
        **options,
    )
    made = getattr(trl, f"{family}Trainer")(
        model=load(folder),
        reward_funcs=length_reward,
        args=settings,
        train_dataset=Dataset.from_list([{"prompt": "a question "}, {"prompt": "another"}] * GROUP),
        processing_class=transformers.AutoTokenizer.from_pretrained(folder),
    )
    made.model.eval()
    return made


def inputs(folder: Path, trainer: Any, spread: float) -> Batch:
    """Four answers to one prompt as TRL's batch; the policy that sampled is ``spread`` nats a token away, or so."""
    noise = torch.Generator().manual_seed(2)
    prompt = torch.tensor([[10, 20, 30]] * GROUP)
    completion = torch.randint(5, 200, (GROUP, LONGEST), generator=noise)
    mask = (torch.arange(LONGEST) < torch.tensor(LENGTHS)[:, None]).long()
    batch = {
        "prompt_ids": prompt,
        "prompt_mask": torch.ones_like(prompt),
        "completion_ids": completion,
        "completion_mask": mask,
        "advantages": torch.tensor(ADVANTAGES),
        "num_items_in_batch": mask.sum(),
    }
    with torch.no_grad():
        own = logprobs(trainer.model, batch)
        batch["ref_per_token_logps"] = logprobs(moved(folder), batch)
    batch["old_per_token_logps"] = own + spread * torch.randn(own.shape, generator=noise)
    batch["old_logps"] = (batch["old_per_token_logps"] * mask).sum(1)
    return batch


def logprobs(model: Any, batch: Batch) -> Tensor:
    """Log-probabilities [answers, longest], in the plainest way."""
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1)
    attention = torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1)
    logits = model(input_ids=ids, attention_mask=attention).logits[:, 2:-1]
    return torch.log_softmax(logits, dim=-1).gather(-1, batch["completion_ids"][..., None]).squeeze(-1)


def ours(trainer: Any, batch: Batch, config: ClipConfig) -> Tensor:
    """The same batch without padding."""
    real = batch["completion_mask"].bool()
    flat = TokenBatch(
        logprobs=logprobs(trainer.model, batch)[real],
        old=batch["old_per_token_logps"][real],
        advantages=batch["advantages"][:, None].expand_as(real)[real],
        mask=torch.ones(int(real.sum())),
        counts=real.sum(1),
        reference=batch["ref_per_token_logps"][real],
    )
    output = clipped_policy_loss(flat, config)
    held_back = output.metrics["clip/low"] + output.metrics["clip/high"]
    assert 0 < held_back < 1, "a batch where all or nothing is clipped would test less"
    return output.loss


LOSSES: dict[str, tuple[dict[str, Any], ClipConfig, float]] = {
    "grpo": ({"loss_type": "grpo", "beta": 0.2, "use_bias_correction_kl": False}, ClipConfig(kl=0.2), 0.3),
    "corrected": ({"loss_type": "grpo", "beta": 0.2}, ClipConfig(kl=0.2, correct_kl=True), 0.3),
    "dr_grpo": ({"loss_type": "dr_grpo"}, ClipConfig(mean="budget", max_tokens=LONGEST), 0.3),
    "dapo": ({"loss_type": "dapo", "epsilon_high": 0.28}, ClipConfig(clip_high=0.28, mean="token"), 0.3),
    "bnpo": ({"loss_type": "bnpo", "beta": 0.1}, ClipConfig(kl=0.1, correct_kl=True, mean="token"), 0.3),
    "gspo": (
        {"loss_type": "grpo", "importance_sampling_level": "sequence", "epsilon": 3e-4, "epsilon_high": 4e-4},
        ClipConfig(clip_low=3e-4, clip_high=4e-4, level="sequence"),
        5e-4,
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_the_grpo_family(folder: Path, name: str) -> None:
    options, config, spread = LOSSES[name]
    trainer = prepare("GRPO", folder, **options)
    batch = inputs(folder, trainer, spread)
    assert_same(trainer, batch, ours(trainer, batch, config))


def test_loss_of_rloo(folder: Path) -> None:
    trainer = prepare("RLOO", folder)
    batch = inputs(folder, trainer, spread=0.1)
    assert_same(trainer, batch, ours(trainer, batch, ClipConfig(level="product")))


@pytest.mark.parametrize(
    ("kind", "family", "options"),
    [
        ("grpo", "GRPO", {}),
        ("dr-grpo", "GRPO", {"scale_rewards": "none"}),
        ("rloo", "RLOO", {"normalize_advantages": False, "beta": 0.0}),
    ],
)
def test_advantages_of_sampled_answers(folder: Path, kind: GroupKind, family: str, options: dict[str, Any]) -> None:
    torch.manual_seed(2)
    trainer = prepare(family, folder, **options)
    batch = trainer._prepare_inputs(next(iter(trainer.get_train_dataloader())))
    texts = trainer.processing_class.batch_decode(batch["completion_ids"], skip_special_tokens=True)
    rewards = torch.tensor(length_reward(texts)).view(-1, GROUP)
    assert rewards.std(dim=1).min() > 0
    torch.testing.assert_close(group_advantages(rewards, kind).flatten(), batch["advantages"], rtol=1e-5, atol=1e-5)
