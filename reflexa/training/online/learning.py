"""One step's samples into the weights: references, advantages, and the updates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from reflexa.training.algorithms.online_algorithm import OnlineOptions
from reflexa.training.engine.packing import Example
from reflexa.training.engine.processes import Processes
from reflexa.training.engine.scored import Scored
from reflexa.training.engine.scorer import Scorer
from reflexa.training.engine.weights import Trained
from reflexa.training.objectives.divergence import AdaptiveKL
from reflexa.training.objectives.output import LossOutput
from reflexa.training.objectives.policy_gradient import TokenBatch
from reflexa.training.online.critic import Critic, ValueTargets
from reflexa.training.online.experience import (
    Experience,
    Trajectories,
    experience_of,
    first,
    informative,
    trajectories,
    weight_of,
)
from reflexa.training.online.passes import Passes, Start
from reflexa.training.online.rollouts import Group
from reflexa.training.online.setup import OnlineSetup
from reflexa.training.online.summary import divergence
from reflexa.training.online.updates import Learnt, Updates


class Learner:
    """Learns from groups. Every process calls every method with the same groups.

    ``penalty`` is the coefficient of the KL penalty in the reward, which follows a target where there is one;
    ``passes`` are those over the policy.
    """

    def __init__(
        self,
        setup: OnlineSetup,
        scorer: Scorer,
        weights: Trained,
        processes: Processes,
        critic: Critic | None = None,
    ) -> None:
        self._algorithm, self._options = setup.algorithm, setup.options
        self._scorer, self._critic = scorer, critic
        self.passes = Passes(scorer, processes, setup.config.batch_tokens, setup.config.seed)
        self._updates = Updates(setup.config, scorer, weights, self._loss, processes)
        self._recomputed = False
        self.penalty = setup.options.kl_reward

    def learn(self, groups: Sequence[Group], start: Start | None, step: int, recompute: bool) -> Learnt:
        """The updates of a step. ``start`` is given where KL to it is to be known; ``recompute`` takes the sampling
        policy's log-probabilities from a training pass.

        Raises ``TrainingError`` where the numbers break.
        """
        experience, examples = experience_of(groups, self._options.weights), self.passes.trees(groups)
        measured: dict[str, float] = {}
        self._recomputed = recompute or self._algorithm.recomputes
        if self._recomputed and self._updates.a_step > 1:
            own = experience.mask > 0
            sampled, experience = experience.old, replace(experience, old=self.passes.scores(examples))
            measured["mismatch"] = float((experience.old - sampled)[own].abs().mean())
        if start is not None:
            with start.in_place(self._scorer):
                experience = replace(experience, reference=self.passes.scores(examples))
        if experience.reference is not None:
            measured |= divergence(experience.old, experience.reference, experience)
        if self._critic is not None:
            experience = replace(experience, values=self._critic.values(examples))
        options = self._options.model_copy(update={"kl_reward": self.penalty})
        advantages = self._algorithm.advantages(experience, options)
        rows, idle = self._teaching(trajectories(examples, experience, advantages))
        learnt = self._updates.run(rows, step, idle)
        measured |= self._criticised(examples, experience, options, step) | self._followed(measured)
        return replace(learnt, metrics={**learnt.metrics, **measured})

    def _teaching(self, rows: Sequence[Trajectories]) -> tuple[list[Trajectories], float]:
        """The completions that have a gradient, and the weight that the others have in the mean."""
        if self._options.kl:
            return list(rows), 0.0
        kept = [part for part in map(informative, rows) if part is not None] or [first(rows[0])]
        by_token = self._options.mean == "token"
        whole, left = (weight_of(each, by_token) for each in (rows, kept))
        return kept, whole - left

    def _criticised(
        self, examples: Sequence[Example], experience: Experience, options: OnlineOptions, step: int
    ) -> dict[str, float]:
        """The critic's own updates, where there is one, and what they tell."""
        if self._critic is None or experience.values is None or self._algorithm.returns is None:
            return {}
        returns = self._algorithm.returns(experience, options)
        targets = ValueTargets(old=experience.values, returns=returns, mask=experience.mask)
        learnt = self._critic.learn(examples, targets, step)
        return {**learnt.metrics, "value/loss": learnt.loss, "value/norm": learnt.norm}

    def _followed(self, measured: Mapping[str, float]) -> dict[str, float]:
        """Leads the penalty towards its target, where there is one; the penalty of the step that is over."""
        target, penalty = self._options.kl_target, self.penalty
        if target is None or "kl/sequence" not in measured:
            return {}
        self.penalty = AdaptiveKL(penalty, target).after(measured["kl/sequence"]).beta
        return {"kl/penalty": penalty}

    def _loss(self, scored: Scored) -> LossOutput:
        rows = [example for example in scored.examples if isinstance(example, Trajectories)]
        device = scored.scores.device
        old, advantages, mask = (
            torch.cat([getattr(row, name) for row in rows]).to(device) for name in ("old", "advantages", "mask")
        )
        metrics: dict[str, Tensor] = {}
        if self._updates.first and not (self._recomputed and self._updates.a_step > 1):
            # Weights have not moved since sampling: whatever differs is how the two passes compute.
            now, own = scored.scores.detach(), mask > 0
            metrics["mismatch"] = (now - old)[own].abs().mean() if own.any() else now.new_zeros(())
            old = now if self._recomputed else old
        references = [row.reference for row in rows if row.reference is not None]
        output = self._algorithm.loss(
            TokenBatch(
                logprobs=scored.scores,
                old=old,
                advantages=advantages,
                mask=mask,
                counts=scored.counts,
                reference=torch.cat(references).to(device) if references else None,
            ),
            self._options,
        )
        return LossOutput(output.loss, output.weight, {**output.metrics, **metrics})
