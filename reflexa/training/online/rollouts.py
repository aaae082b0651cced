"""What a policy sampled, token by token: whose each token is, and what the whole earned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reflexa.models.local_encoding import Tokens
from reflexa.rows import Text
from reflexa.types import Frozen


class OnlinePrompt(Frozen):
    """What is sampled from: plain text, or chat messages. ``id`` is the prompt's own among all of a run."""

    id: str
    prompt: Text


@dataclass(frozen=True)
class Answer:
    """One sample as a reward sees it. ``tokens`` counts the policy's own; ``finished`` is false where only the limit of
    tokens ended it; ``sample`` counts from 0 within its prompt.
    """

    prompt: OnlinePrompt
    text: str
    tokens: int
    finished: bool
    sample: int


Reward = Callable[[Answer], float | Mapping[str, float]]
"""What an answer is worth: a number, or several by name. Called from worker threads; raises ``VerifierError`` where it
cannot tell."""


@dataclass(frozen=True)
class Segment:
    """Tokens that follow each other and have one author.

    ``logprobs`` are the policy's, in nats, one a token: None where the tokens are not its own. The policy's tokens are
    learnt unless ``learnt`` is false.
    """

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...] | None
    learnt: bool = True

    @property
    def own(self) -> bool:
        """Whether the policy wrote them."""
        return self.logprobs is not None


@dataclass(frozen=True)
class Rollout:
    """One sample of a prompt, from its first token after it to its last: exactly the tokens that were sampled and
    shown, never a text encoded again. ``rewards`` are its parts by name, unweighted.
    """

    segments: tuple[Segment, ...]
    text: str
    finished: bool
    rewards: Mapping[str, float]

    @property
    def tokens(self) -> list[int]:
        """All tokens, in order."""
        return [token for segment in self.segments for token in segment.tokens]

    @property
    def logprobs(self) -> list[float]:
        """The policy's log-probability of each token; 0 for those of others."""
        return [value for part in self.segments for value in part.logprobs or (0.0,) * len(part.tokens)]

    @property
    def mask(self) -> list[float]:
        """1.0 for each token that is learnt, else 0.0."""
        return [float(part.own and part.learnt) for part in self.segments for _ in part.tokens]

    @property
    def length(self) -> int:
        """How many tokens the policy wrote."""
        return sum(len(segment.tokens) for segment in self.segments if segment.own)


@dataclass(frozen=True, eq=False)
class Group:
    """All samples of one prompt. ``tokens`` are the prompt's."""

    prompt: OnlinePrompt
    tokens: Tokens
    rollouts: tuple[Rollout, ...]
