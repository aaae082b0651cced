"""Two reward models as one: helpfulness and safety, by LLaMA-2's rule or by weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

from pydantic import Field

from reflexa.errors import UsageError
from reflexa.protocols import Scorer
from reflexa.rows import Text, plain_text
from reflexa.types import Frozen
from reflexa.verifiers.pattern import compiled, found


class CombinationConfig(Frozen):
    """``safety-first`` is LLaMA-2's rule (arXiv:2307.09288, section 3.2.3): the safety score alone where the prompt is
    tagged unsafe or the answer is, σ(safety) < ``unsafe_below``; else the helpfulness score. ``weighted`` adds both,
    each times its weight. All scores are raw (logits): the logit of the combined probability is the score itself.
    """

    rule: Literal["safety-first", "weighted"] = "safety-first"
    unsafe_below: float = Field(default=0.15, gt=0, lt=1)
    helpfulness_weight: float = Field(default=0.5, ge=0)
    safety_weight: float = Field(default=0.5, ge=0)

    def combined(self, helpfulness: float, safety: float, unsafe_prompt: bool) -> float:
        """The one raw score of two."""
        if self.rule == "weighted":
            return self.helpfulness_weight * helpfulness + self.safety_weight * safety
        least = math.log(self.unsafe_below / (1 - self.unsafe_below))
        return safety if unsafe_prompt or safety < least else helpfulness


class CombinedCheckpoints(CombinationConfig):
    """The two reward models of a file, by their checkpoints. Prompts in which the pattern ``unsafe_prompts`` is found
    are tagged unsafe; empty: none is.
    """

    helpfulness: str = Field(min_length=1)
    safety: str = Field(min_length=1)
    unsafe_prompts: str = ""


class CombinedScorer:
    """Scores answers by two reward models. ``unsafe`` tells prompts whose answers safety alone should judge."""

    def __init__(
        self,
        helpfulness: Scorer,
        safety: Scorer,
        config: CombinationConfig | None = None,
        unsafe: Callable[[Text], bool] = lambda prompt: False,
    ) -> None:
        self._helpfulness, self._safety, self._unsafe = helpfulness, safety, unsafe
        self._config = config or CombinationConfig()
        self.name = f"{self._config.rule}({helpfulness.name}, {safety.name})"

    def score(self, exchanges: Sequence[tuple[Text, Text]], /) -> list[float]:
        """The combined raw score of each (prompt, answer). Raises as the two scorers do."""
        if not exchanges:
            return []
        scores = zip(self._helpfulness.score(exchanges), self._safety.score(exchanges), strict=True)
        return [
            self._config.combined(helpfulness, safety, self._unsafe(prompt))
            for (prompt, _), (helpfulness, safety) in zip(exchanges, scores, strict=True)
        ]

    def step_scores(self, prompt: Text, steps: Sequence[str], /) -> list[float]:
        """Always raises ``UsageError``: whole answers are combined, not steps."""
        raise UsageError(f"{self.name} scores whole answers, not steps: use a process reward model")


def open_combined(settings: CombinedCheckpoints, open_scorer: Callable[[str], Scorer]) -> CombinedScorer:
    """The scorer of a file's two checkpoints. Raises ``UsageError`` for a malformed pattern, and as ``open_scorer``."""
    unsafe = _tagger(settings.unsafe_prompts)
    return CombinedScorer(open_scorer(settings.helpfulness), open_scorer(settings.safety), settings, unsafe)


def _tagger(pattern: str) -> Callable[[Text], bool]:
    if not pattern:
        return lambda prompt: False
    ready = compiled(pattern)
    return lambda prompt: found(ready, plain_text(prompt))
