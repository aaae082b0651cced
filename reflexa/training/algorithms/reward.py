"""Reward models: a score for a whole answer, learnt from pairs and from rankings."""

from __future__ import annotations

import torch
from torch import Tensor

from reflexa.errors import UsageError
from reflexa.models.local.encoding import Encoder
from reflexa.rows import PreferenceRow, RankingRow
from reflexa.training.algorithms.algorithm import Algorithm, pairs
from reflexa.training.algorithms.dpo import encode_pair
from reflexa.training.engine.packing import Example
from reflexa.training.engine.scored import Scored
from reflexa.training.objectives.output import LossOutput
from reflexa.training.objectives.reward import (
    MarginRule,
    RewardConfig,
    ScoredPairs,
    ScoredRankings,
    bradley_terry,
    k_wise,
    margin_of,
)

_RULES: tuple[MarginRule, ...] = ("small", "large", "score")
"""The rules whose margins an example carries, in this order; how sure its label is comes after them."""
_SURE = len(_RULES)


class Options(RewardConfig):
    """``margin`` names where a pair's margin comes from; rankings have none."""

    margin: MarginRule = "none"


def encode(row: PreferenceRow | RankingRow, encoder: Encoder) -> Example:
    """The prompt with its answers, the best first."""
    if isinstance(row, RankingRow):
        prompt, completions = encoder.exchange(row.prompt, row.completions)
        return Example(prompt, completions, values=(*(0.0,) * len(_RULES), 1.0))
    pair = encode_pair(row, encoder)
    margins = (margin_of(row, rule) for rule in _RULES)
    return Example(pair.prompt, pair.completions, values=(*margins, *pair.values))


def loss(scored: Scored, options: Options) -> LossOutput:
    """Bradley–Terry for pairs; where rankings are among them, the mean over each prompt's pairs."""
    rewards = scored.scores.squeeze(-1)
    margin = None if options.margin == "none" else scored.values(_RULES.index(options.margin))
    answers = [len(example.completions) for example in scored.examples]
    if max(answers) == 2:
        chosen, rejected = pairs(rewards)
        sure = scored.values(_SURE)
        soft = None if bool((sure == 1).all()) else sure
        batch = ScoredPairs(chosen=chosen, rejected=rejected, margin=margin, probability=soft)
        return bradley_terry(batch, options)
    if bool((scored.values(_SURE) < 1).any()):
        raise UsageError(
            "pairs with soft labels and rankings are of different losses: train on them one after the other"
        )
    ranked = ScoredRankings(rewards=_rows(rewards, answers), answers=rewards.new_tensor(answers).long(), margin=margin)
    return k_wise(ranked, options)


def _rows(rewards: Tensor, answers: list[int]) -> Tensor:
    """[answers of all prompts] as [prompts, most answers], filled up with zeros."""
    return torch.nn.utils.rnn.pad_sequence(list(torch.split(rewards, answers)), batch_first=True)


REWARD = Algorithm(
    name="reward",
    summary="reward model from pairs or rankings (Bradley–Terry)",
    rows=(PreferenceRow, RankingRow),
    options=Options,
    encode=encode,
    loss=loss,
    head="answer",
)
