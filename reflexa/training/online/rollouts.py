"""What a policy sampled, token by token: whose each token is, and what the whole earned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from reflexa.models.local.encoding import Tokens
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


STEPS = "steps"
"""The name of the part of a reward that is the sum of its steps'."""


@dataclass(frozen=True)
class StepRewards(Mapping[str, float]):
    """What the steps of an answer earned, each where it ends.

    ``ends`` [steps] are the numbers of characters of the answer's text up to each step's end, ``rewards`` [steps] what
    each earned. ``others`` are the reward's other parts. As a mapping it is the parts by name, ``steps`` the sum.
    """

    ends: tuple[int, ...]
    rewards: tuple[float, ...]
    others: Mapping[str, float] = field(default_factory=dict)

    def with_parts(self, others: Mapping[str, float]) -> StepRewards:
        """The same with further parts."""
        return replace(self, others={**self.others, **others})

    def __getitem__(self, name: str) -> float:
        return sum(self.rewards) if name == STEPS else self.others[name]

    def __iter__(self) -> Iterator[str]:
        yield STEPS
        yield from self.others

    def __len__(self) -> int:
        return 1 + len(self.others)


Reward = Callable[[Answer], float | Mapping[str, float]]
"""What an answer is worth: a number, several by name, or those of its steps (``StepRewards``). Called from worker
threads; raises ``VerifierError`` where it cannot tell."""


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
    shown, never a text encoded again. ``rewards`` are its parts by name, unweighted; ``steps`` the places among the
    tokens where steps end, with what each earned: together the part ``steps``.
    """

    segments: tuple[Segment, ...]
    text: str
    finished: bool
    rewards: Mapping[str, float]
    steps: tuple[tuple[int, float], ...] = ()

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
