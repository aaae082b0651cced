"""A trained outcome reward model as a verifier, or two of them as one."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from reflexa.errors import PolicyError, VerifierError
from reflexa.protocols import Scorer
from reflexa.types import Attempt, CheckResult, Frozen, Task, Verdict
from reflexa.verifiers.combined_reward import CombinedCheckpoints, open_combined
from reflexa.verifiers.judging import no_answer
from reflexa.verifiers.rubric import digest, load_toml

if TYPE_CHECKING:
    from reflexa.verifiers.means import Means

VERSION = "1"


class RewardSettings(Frozen):
    """Which reward model (``checkpoint``, or two ``combined``), and from which score an answer passes.

    A Bradley–Terry model's rewards have no zero of their own: choose ``threshold`` on answers that are known to be
    right and wrong.
    """

    name: str = Field(min_length=1, max_length=80)
    checkpoint: str = ""
    threshold: float = Field(default=0.5, gt=0.0, lt=1.0)
    combined: CombinedCheckpoints | None = None

    @model_validator(mode="after")
    def _one_way_to_score(self) -> Self:
        if bool(self.checkpoint) == (self.combined is not None):
            raise ValueError("expected either a checkpoint, or a table [combined] that names helpfulness and safety")
        return self


class RewardVerifier:
    """Scores an answer with the logistic function of a reward model's logit; passed from ``threshold`` on."""

    def __init__(self, settings: RewardSettings, scorer: Scorer) -> None:
        self.name = f"reward:{settings.name}"
        self.version = digest(VERSION, settings.model_dump_json(exclude_none=True), scorer.name)
        self._settings = settings
        self._scorer = scorer

    def verify(self, task: Task, attempt: Attempt) -> Verdict:
        began = time.monotonic()
        reason = no_answer(task, attempt.answer)
        reward = -math.inf if reason else self._reward(task, attempt)
        score = sigmoid(reward)
        passed = score >= self._settings.threshold
        detail = reason or f"reward {reward:.3g}, score {score:.3f} (passes from {self._settings.threshold:g} on)"
        return Verdict(
            score=score,
            passed=passed,
            feedback=""
            if passed
            else reason or f"A trained judge of answers finds this one too weak: {score:.2f} of 1.",
            checks=(CheckResult(name="reward", passed=passed, detail=detail),),
            verifier=self.name,
            version=self.version,
            seconds=time.monotonic() - began,
        )

    def _reward(self, task: Task, attempt: Attempt) -> float:
        try:
            rewards = self._scorer.score([(task.prompt, attempt.answer)])
        except PolicyError as error:
            raise VerifierError(f"{self._scorer.name} cannot score the answer: {error}") from error
        if len(rewards) != 1 or not math.isfinite(rewards[0]):
            raise VerifierError(f"{self._scorer.name} gave {rewards!r} for one answer; expected one finite reward")
        return rewards[0]


def open_reward(where: Path | str, means: Means) -> RewardVerifier:
    """The verifier of a file (a path), or of a checkpoint (a str) with the usual threshold. Raises ``UsageError``."""
    if isinstance(where, Path):
        settings = load_toml(where, "reward", RewardSettings)
    else:
        settings = RewardSettings(name=Path(where).resolve().name, checkpoint=where)
    if settings.combined is not None:
        return RewardVerifier(settings, open_combined(settings.combined, means.open_scorer))
    return RewardVerifier(settings, means.open_scorer(settings.checkpoint))


def sigmoid(logit: float) -> float:
    """1 / (1 + exp(-x)), without overflow."""
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))
