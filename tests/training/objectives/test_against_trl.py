"""The objectives against TRL's own trainers: same tiny model, same batch, the loss and every parameter's gradient.

The log-probabilities are computed here in the plainest way, from all logits; that the engine's fast way gives the same
is tested with the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from reflexa.training.objectives.kto import KTOConfig, UnpairedBatch, kto
from reflexa.training.objectives.output import LossOutput
from reflexa.training.objectives.preference import (
    DPOConfig,
    IPOConfig,
    ORPOConfig,
    PairBatch,
    SimPOConfig,
    dpo,
    ipo,
    orpo,
    simpo,
)
from reflexa.training.objectives.reward import RewardConfig, ScoredPairs, bradley_terry
from reflexa.training.objectives.supervised import TokenBatch, nll
from tests.support.tiny_models import make_checkpoint
from tests.training.objectives.trl_support import assert_same, load, load_trl, moved

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*checkpointing.* is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:trl"),
]
Batch = dict[str, Tensor]
PAIRS = [
    {"prompt": "a question ", "chosen": "the answer", "rejected": "no"},
    {"prompt": "another", "chosen": " yes", "rejected": " perhaps, perhaps"},
    {"prompt": "the third", "chosen": ", the last", "rejected": "?"},
]
SHORT_PROMPTS = [
    {"prompt": "a", "chosen": " yes", "rejected": " perhaps"},
    {"prompt": "b", "chosen": " not", "rejected": " no"},
]
"""Prompts of one token, chosen answers of one length: there TRL's ORPO, which also learns prompts, is the paper's."""
UNPAIRED = [
    {"prompt": "a question ", "completion": "the answer", "label": True},
    {"prompt": "another", "completion": " perhaps, perhaps", "label": False},
    {"prompt": "the third", "completion": ", yes", "label": True},
]
MARGINS = [1.0, 2 / 3, 0.0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("model"))


def prepare(
    trainer: Any, config: Any, rows: list[dict[str, Any]], folder: Path, models: dict[str, Any], **options: Any
) -> tuple[Any, Any]:
    """TRL's trainer with the rows as its data, and its first batch."""
    import transformers
    from datasets import Dataset
    from datasets.utils.logging import disable_progress_bar

    disable_progress_bar()
    settings = config(
        output_dir=str(folder / "out"),
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        per_device_train_batch_size=len(rows),
        max_length=None,
        report_to=[],
        disable_tqdm=True,
        **options,
    )
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    made = trainer(args=settings, train_dataset=Dataset.from_list(rows), processing_class=tokenizer, **models)
    made.model.eval()
    return made, next(iter(made.get_train_dataloader()))


def sums(model: Any, ids: Tensor, attention: Tensor, learnt: Tensor) -> tuple[Tensor, Tensor]:
    """Sums of log-probabilities over the ``learnt`` positions, and their number, of each row."""
    logits = model(input_ids=ids, attention_mask=attention).logits[:, :-1]
    each = torch.log_softmax(logits, dim=-1).gather(-1, ids[:, 1:, None]).squeeze(-1)
    mask = learnt[:, 1:].bool()
    return each.masked_fill(~mask, 0.0).sum(1), mask.sum(1)


def pair_batch(policy: Any, reference: Any, batch: Batch) -> PairBatch:
    inputs = batch["input_ids"], batch["attention_mask"], batch["completion_mask"]
    logps, tokens = sums(policy, *inputs)
    with torch.no_grad():
        references, _ = sums(reference, *inputs)
    (chosen, rejected), (chosen_tokens, rejected_tokens) = logps.chunk(2), tokens.chunk(2)
    reference_chosen, reference_rejected = references.chunk(2)
    return PairBatch(
        chosen=chosen,
        rejected=rejected,
        chosen_tokens=chosen_tokens,
        rejected_tokens=rejected_tokens,
        reference_chosen=reference_chosen,
        reference_rejected=reference_rejected,
    )


DPO_FORMS: dict[str, tuple[dict[str, Any], Callable[[PairBatch], LossOutput]]] = {
    "sigmoid": ({"beta": 0.3}, lambda batch: dpo(batch, DPOConfig(beta=0.3))),
    "robust": (
        {"beta": 0.3, "label_smoothing": 0.2},
        lambda batch: dpo(batch, DPOConfig(beta=0.3, label_smoothing=0.2, robust=True)),
    ),
    "ipo": ({"beta": 0.4}, lambda batch: ipo(batch, IPOConfig(tau=0.4))),
}


@pytest.mark.parametrize("form", DPO_FORMS)
def test_dpo_robust_dpo_and_ipo(folder: Path, form: str) -> None:
    trl = load_trl()
    options, objective = DPO_FORMS[form]
    models = {"model": load(folder), "ref_model": moved(folder)}
    trainer, batch = prepare(trl.DPOTrainer, trl.DPOConfig, PAIRS, folder, models, loss_type=[form], **options)
    assert_same(trainer, batch, objective(pair_batch(trainer.model, trainer.ref_model, batch)).loss)


def test_kto_with_its_mismatched_completions(folder: Path) -> None:
    trl = load_trl()
    options = {"beta": 0.3, "desirable_weight": 1.5, "undesirable_weight": 2.5}
    models = {"model": load(folder), "ref_model": moved(folder)}
    trainer, batch = prepare(trl.KTOTrainer, trl.KTOConfig, UNPAIRED, folder, models, **options)
    inputs = batch["input_ids"], batch["attention_mask"], batch["completion_mask"]
    mismatched = batch["KL_input_ids"], batch["KL_attention_mask"], batch["KL_completion_mask"]
    with torch.no_grad():
        reference, _ = sums(trainer.ref_model, *inputs)
        kl = sums(trainer.model, *mismatched)[0] - sums(trainer.ref_model, *mismatched)[0]
    logps, _ = sums(trainer.model, *inputs)
    ours = UnpairedBatch(logps=logps, reference=reference, desirable=batch["label"], kl=kl)
    assert kl.mean() > 0, "an estimate that is clamped to 0 would test less"
    assert_same(trainer, batch, kto(ours, KTOConfig.model_validate(options)).loss)


def sides(model: Any, batch: Batch) -> PairBatch:
    """The pairs of TRL's older trainers, whose batch keeps the sides apart."""
    logps = {
        side: sums(model, batch[f"{side}_input_ids"], batch[f"{side}_attention_mask"], batch[f"{side}_labels"] != -100)
        for side in ("chosen", "rejected")
    }
    return PairBatch(
        chosen=logps["chosen"][0],
        rejected=logps["rejected"][0],
        chosen_tokens=logps["chosen"][1],
        rejected_tokens=logps["rejected"][1],
    )


def test_orpo(folder: Path) -> None:
    from trl.experimental.orpo import ORPOConfig as TheirConfig
    from trl.experimental.orpo import ORPOTrainer

    trainer, batch = prepare(ORPOTrainer, TheirConfig, SHORT_PROMPTS, folder, {"model": load(folder)}, beta=0.4)
    assert_same(trainer, batch, orpo(sides(trainer.model, batch), ORPOConfig(weight=0.4)).loss)


def test_simpo(folder: Path) -> None:
    from trl.experimental.cpo import CPOConfig, CPOTrainer

    options = {"loss_type": "simpo", "cpo_alpha": 0.0, "beta": 2.5, "simpo_gamma": 0.7}
    trainer, batch = prepare(CPOTrainer, CPOConfig, PAIRS, folder, {"model": load(folder)}, **options)
    assert_same(trainer, batch, simpo(sides(trainer.model, batch), SimPOConfig(beta=2.5, gamma=0.7)).loss)


@pytest.mark.parametrize("margins", [False, True], ids=["plain", "margins"])
@pytest.mark.parametrize("centring", [0.0, 0.02], ids=["free", "centred"])
def test_reward_model(folder: Path, margins: bool, centring: float) -> None:
    trl = load_trl()
    torch.manual_seed(0)
    model = load(folder, "AutoModelForSequenceClassification", num_labels=1)
    rows = [row | ({"margin": margin} if margins else {}) for row, margin in zip(PAIRS, MARGINS, strict=True)]
    options = {"center_rewards_coefficient": centring or None}
    trainer, batch = prepare(trl.RewardTrainer, trl.RewardConfig, rows, folder, {"model": model}, **options)
    rewards = trainer.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits.squeeze(-1)
    chosen, rejected = rewards.chunk(2)
    scored = ScoredPairs(chosen=chosen, rejected=rejected, margin=batch.get("margin"))
    assert (scored.margin is not None) == margins
    assert_same(trainer, batch, bradley_terry(scored, RewardConfig(centring=centring)).loss)


def test_supervised_on_completions_alone(folder: Path) -> None:
    trl = load_trl()
    rows = [{"prompt": row["prompt"], "completion": row["rejected"]} for row in PAIRS]
    trainer, batch = prepare(trl.SFTTrainer, trl.SFTConfig, rows, folder, {"model": load(folder)})
    learnt = batch["labels"] != -100
    logps, tokens = sums(trainer.model, batch["input_ids"], batch["attention_mask"], learnt)
    assert 0 < learnt.sum() < batch["attention_mask"].sum()
    assert_same(trainer, batch, nll(TokenBatch(logps=logps, tokens=tokens)).loss)
