"""Episodes of attempt, reflection and retry, sampled by the policy turn by turn."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from reflexa.errors import UsageError
from reflexa.models.local.sampling import Draw, Sample
from reflexa.training.online.conversation import between
from reflexa.training.online.playing import Played
from reflexa.training.online.rewards import total
from reflexa.training.online.rollouts import Group, OnlinePrompt, Reward, Rollout, Segment
from reflexa.training.online.sampling import Asked, Judged, Roller

_REFLECTING, _RETRYING = 2**60, 2**61
"""Added to a draw's seed for the second and the third turn."""


@dataclass(frozen=True)
class Turns:
    """What the policy is told after a failed attempt (``reflect``) and after its reflection (``retry``); how many
    ``tokens`` a reflection may have; and the reward from which an answer is ``solved``.
    """

    reflect: str
    retry: str
    tokens: int
    solved: float


@dataclass
class ReflectingRoller(Roller):
    """Attempts each prompt ``n`` times, has the first failed attempt reflected on ``n`` times, and each reflection
    followed by one retry.

    A group is the reflections on one attempt: its tokens are the prompt, the attempt, and what the policy was told;
    its rollouts a reflection (learnt), what the policy was told, and its retry (its own, but not learnt). Their
    rewards are ``retry``, 1 where the retry solves the prompt and else 0, and ``attempt``, the share of the prompt's
    attempts that solved it. Where all did, the group's rollouts are the attempts, none of which is learnt.
    """

    turns: Turns = field(kw_only=True)

    @classmethod
    def of(cls, plain: Roller, turns: Turns) -> ReflectingRoller:
        """The same model, prompts and rewards, with these turns."""
        return cls(plain.sampler, plain.speaker, plain.reward, plain.config, plain.processes, plain.clock, turns=turns)

    def _rolled(self, prompts: Sequence[OnlinePrompt], n: int, draw: Draw, reward: Reward | Played) -> list[Group]:
        if isinstance(reward, Played):
            raise UsageError("reflections are on single answers: a task that is played cannot be retried so")
        asked = [Asked(prompt, self.speaker.prompt(prompt)) for prompt in prompts]
        attempts = self._judged(asked, n, draw, reward)
        stems = {
            index: self._told(each, failed, self.turns.reflect)
            for index, each in enumerate(asked)
            if (failed := self._first_failed(attempts[index])) is not None
        }
        reflections = self._reflected(list(stems.values()), n, draw)
        retried = self._retried(list(stems.values()), reflections, replace(draw, seed=draw.seed + _RETRYING), reward)
        groups = {
            index: Group(stem.prompt, stem.tokens, tuple(rollouts))
            for (index, stem), rollouts in zip(stems.items(), retried, strict=True)
        }
        return [
            self._with_attempts(groups[index], attempts[index])
            if index in groups
            else Group(each.prompt, each.tokens, tuple(self._passed(one) for one in attempts[index]))
            for index, each in enumerate(asked)
        ]

    def _first_failed(self, attempts: Sequence[Judged]) -> Sample | None:
        return next((sample for sample, parts in attempts if not self._solves(parts)), None)

    def _solves(self, parts: Mapping[str, float]) -> bool:
        return total(parts, {}) >= self.turns.solved

    def _told(self, before: Asked, said: Sample, text: str) -> Asked:
        """What stands before the policy's next turn, after it ``said`` something and was told ``text``."""
        return Asked(before.prompt, before.tokens + array("i", said.tokens) + self._between(before.prompt, said, text))

    def _between(self, prompt: OnlinePrompt, said: Sample, text: str) -> array[int]:
        return between(self.speaker.encoder, prompt.prompt, said.tokens, text)

    def _reflected(self, stems: Sequence[Asked], n: int, draw: Draw) -> list[list[Sample]]:
        if not stems:
            return []
        drawn = replace(draw, max_tokens=self.turns.tokens, seed=draw.seed + _REFLECTING)
        return self.sampler.sample([stem.tokens for stem in stems], n, drawn)

    def _retried(
        self, stems: Sequence[Asked], reflections: Sequence[Sequence[Sample]], draw: Draw, reward: Reward
    ) -> list[list[Rollout]]:
        """One retry after each reflection."""
        pairs = [(stem, said) for stem, each in zip(stems, reflections, strict=True) for said in each]
        judged = self._judged([self._told(stem, said, self.turns.retry) for stem, said in pairs], 1, draw, reward)
        flat = [self._episode(stem.prompt, said, retry) for (stem, said), (retry,) in zip(pairs, judged, strict=True)]
        found = iter(flat)
        return [[next(found) for _ in each] for each in reflections]

    def _episode(self, prompt: OnlinePrompt, reflection: Sample, retry: Judged) -> Rollout:
        answer, parts = retry
        segments = (
            Segment(reflection.tokens, reflection.logprobs),
            Segment(tuple(self._between(prompt, reflection, self.turns.retry)), None),
            Segment(answer.tokens, answer.logprobs, learnt=False),
        )
        texts = self.speaker.text(reflection.tokens), self.speaker.text(answer.tokens)
        return Rollout(segments, "\n".join(texts), answer.finished, {"retry": float(self._solves(parts))})

    def _passed(self, attempt: Judged) -> Rollout:
        """An attempt at a prompt that needs no reflection."""
        sample, _ = attempt
        segment = Segment(sample.tokens, sample.logprobs, learnt=False)
        return Rollout((segment,), self.speaker.text(sample.tokens), sample.finished, {"attempt": 1.0, "retry": 0.0})

    def _with_attempts(self, group: Group, attempts: Sequence[Judged]) -> Group:
        share = sum(self._solves(parts) for _, parts in attempts) / len(attempts)
        rollouts = (replace(each, rewards={"attempt": share, **each.rewards}) for each in group.rollouts)
        return Group(group.prompt, group.tokens, tuple(rollouts))
