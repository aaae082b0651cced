"""Reflect, retry, reward: learning to reflect on a failed attempt so that the retry passes."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from reflexa.prompting import Templates
from reflexa.training.algorithms.online_algorithm import OnlineAlgorithm, OnlineOptions, within_groups
from reflexa.training.online.reflecting import ReflectingRoller, Turns
from reflexa.training.online.sampling import Roller

_TEMPLATES = Templates(Path(__file__).parents[1] / "online" / "prompts")


class ReflectOptions(OnlineOptions):
    """``reflect`` is what the policy is told after a failed attempt, ``retry`` after its reflection (None: as the
    templates ``reflect`` and ``retry`` say; plain prompts go on with these texts as they are). A reflection has at most
    ``reflection_tokens``. An answer whose reward is at least ``solved`` needs none.
    """

    weights: dict[str, float] = Field(default_factory=lambda: {"attempt": 0.0})
    reflect: str | None = None
    retry: str | None = None
    reflection_tokens: int = Field(default=128, gt=0)
    solved: float = 1.0


def roller(plain: Roller, options: ReflectOptions) -> ReflectingRoller:
    """Samples attempts, reflections on failed ones, and retries."""
    turns = Turns(
        reflect=_TEMPLATES.render("reflect") if options.reflect is None else options.reflect,
        retry=_TEMPLATES.render("retry") if options.retry is None else options.retry,
        tokens=options.reflection_tokens,
        solved=options.solved,
    )
    return ReflectingRoller.of(plain, turns)


REFLECT_RETRY = OnlineAlgorithm(
    name="reflect-retry",
    summary="reflect, retry, reward: a reflection's tokens earn what the retry after it does (arXiv:2505.24726)",
    advantages=within_groups("grpo"),
    options=ReflectOptions,
    roller=roller,
)
