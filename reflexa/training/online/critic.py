"""The critic of PPO: a second model that says, before each token, what the rest of the answer will earn.

It has a trunk of its own, begun as a copy of the policy's (or of a reward model's), with a scalar head that begins at
0. Its errors therefore never pull at the policy, no weight has to balance two losses in one trunk, and it may learn at
a rate of its own; the price is a second pass for learning, none for sampling.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from reflexa.errors import TrainingError
from reflexa.training.config import LoraConfig
from reflexa.training.engine.loading import add_lora, load_model, prepare
from reflexa.training.engine.packing import Example, Pack
from reflexa.training.engine.processes import Processes
from reflexa.training.engine.scored import Scored
from reflexa.training.engine.scorer import Scorer
from reflexa.training.engine.weights import Weights
from reflexa.training.objectives.output import LossOutput
from reflexa.training.objectives.ppo import ValueBatch, ValueConfig, value_loss
from reflexa.training.online.config import OnlineConfig
from reflexa.training.online.passes import token_scores
from reflexa.training.online.updates import Learnt, Updates

_WEIGHTS, _OPTIMIZER = "critic.safetensors", "critic-optimizer.safetensors"


class ValueScorer(Scorer):
    """A scorer that reads a scalar head where a language model's would predict: one value before each token."""

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self.scores_tokens = True

    def forward(self, pack: Pack) -> Tensor:
        """Values [scored], in units of reward."""
        return super().forward(replace(pack, targets=None)).squeeze(-1)


@dataclass(frozen=True)
class CriticPlan:
    """What a critic is: the checkpoint ``start`` that it begins with, its targets, whether it learns as adapters, its
    rate, what it computes in.
    """

    start: str
    values: ValueConfig
    lora: LoraConfig | None
    learning_rate: float
    dtype: torch.dtype


@dataclass(frozen=True, kw_only=True, eq=False)
class ValueTargets:
    """What a critic learns [tokens], as in ``ValueBatch``: its ``old`` values, ``returns``, and which are learnt."""

    old: Tensor
    returns: Tensor
    mask: Tensor


@dataclass(frozen=True, eq=False)
class Appraised(Example):
    """A tree with the targets of its completions' tokens, completion by completion."""

    targets: ValueTargets = field(kw_only=True)


class Critic:
    """Values of tokens, and their learning. Every process calls every method with the same samples.

    It begins with ``start``, a checkpoint (a reward model's head is kept, a language model gets one of zeros), or takes
    up what ``save`` wrote to the folder ``resumed``. Raises ``UsageError`` for what cannot be loaded, ``TrainingError``
    for a folder without a critic.
    """

    def __init__(self, config: OnlineConfig, plan: CriticPlan, processes: Processes, resumed: Path | None) -> None:
        self._values, self._processes = plan.values, processes
        self._scorer = _value_scorer(plan.start, plan.lora, processes)
        if resumed is not None:
            _take_up(self._scorer.model, resumed)
        optimizer = config.optimizer.model_copy(update={"learning_rate": plan.learning_rate})
        self._weights = Weights(self._scorer.model, plan.dtype, optimizer)
        if resumed is not None:
            self._weights.load_optimizer(_read(resumed / _OPTIMIZER))
        own = config.model_copy(update={"optimizer": optimizer})
        self._updates = Updates(own, self._scorer, self._weights, self._loss, processes)

    def values(self, examples: Sequence[Example]) -> Tensor:
        """What the rest is expected to earn before each token [completion tokens of all examples], on the CPU."""
        return token_scores(self._scorer, examples, self._updates.dealt(examples), self._processes)

    def learn(self, examples: Sequence[Example], targets: ValueTargets, step: int) -> Learnt:
        """Updates towards the returns. Raises ``TrainingError`` where the numbers break."""
        sizes = [sum(map(len, example.completions)) for example in examples]
        columns = (torch.split(column, sizes) for column in (targets.old, targets.returns, targets.mask))
        rows = [
            Appraised(example.prompt, example.completions, targets=ValueTargets(old=old, returns=due, mask=mask))
            for example, old, due, mask in zip(examples, *columns, strict=True)
        ]
        return self._updates.run(rows, step)

    def save(self, folder: Path) -> None:
        """Writes weights and optimiser to a checkpoint's folder."""
        with self._weights.exposed(self._scorer.model):
            save_file(dict(_trained(self._scorer.model)), folder / _WEIGHTS)
        save_file(self._weights.optimizer_tensors(), folder / _OPTIMIZER)

    def _loss(self, scored: Scored) -> LossOutput:
        rows = [example.targets for example in scored.examples if isinstance(example, Appraised)]
        device = scored.scores.device
        old, returns, mask = (
            torch.cat([getattr(row, name) for row in rows]).to(device) for name in ("old", "returns", "mask")
        )
        return value_loss(ValueBatch(values=scored.scores, old=old, returns=returns, mask=mask), self._values)


def _value_scorer(start: str, lora: LoraConfig | None, processes: Processes) -> ValueScorer:
    model = load_model(start, "answer").to(processes.device)
    prepare(model)
    if not any(name.endswith("SequenceClassification") for name in model.config.architectures or ()):
        with torch.no_grad():
            model.score.weight.zero_()
    return ValueScorer(model if lora is None else add_lora(model, lora))


def _trained(model: Any) -> Iterator[tuple[str, Tensor]]:
    return ((name, value.detach()) for name, value in model.named_parameters() if value.requires_grad)


def _take_up(model: Any, folder: Path) -> None:
    kept = _read(folder / _WEIGHTS)
    with torch.no_grad():
        for name, value in _trained(model):
            if name not in kept or kept[name].shape != value.shape:
                raise TrainingError(f"{folder / _WEIGHTS} is of another model: it lacks {name} {list(value.shape)}")
            value.copy_(kept[name])


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"{path} cannot be read ({error}): resume a run that had a critic") from None
